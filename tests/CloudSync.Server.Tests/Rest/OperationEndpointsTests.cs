// /api/documents/{id}/operations: reading what was committed, and editing.

using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class OperationEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    private async Task<string> TextAsync(string id) => await http.GetStringAsync($"/api/documents/{id}/export?format=text");

    [Fact]
    public async Task An_operation_is_committed_and_told_with_everything_about_it()
    {
        var id = await server.CreateAsync();
        var response = await server.AppendAsync(
            id, """{"delta":{"ops":[{"insert":"hello\n"}]},"baseVersion":0,"author":"ann","clientId":"18446744073709551615","clientSequence":1}""");
        var operation = await response.JsonAsync(201);
        Assert.Equal(1, (long?)operation["version"]);
        Assert.Equal(0, (long?)operation["baseVersion"]);
        Assert.Equal("ann", (string?)operation["author"]);
        Assert.Equal("18446744073709551615", (string?)operation["clientId"]);
        Assert.Equal(1, (long?)operation["clientSequence"]);
        Assert.Equal("""{"ops":[{"insert":"hello\n"}]}""", operation["delta"]!.ToJsonString());
        var listed = await (await http.GetAsync(response.Headers.Location)).JsonAsync();
        Assert.True(JsonNode.DeepEquals(operation, listed["operations"]!.AsArray().Single()));
        Assert.Equal("hello\n", await TextAsync(id));
    }

    [Fact]
    public async Task An_operation_on_an_old_version_is_transformed()
    {
        var id = await server.CreateAsync("""[{"insert":"b"}]""");
        await (await server.AppendAsync(id, """{"delta":[{"insert":"a"}],"baseVersion":1}""")).JsonAsync(201);
        var operation = await (await server.AppendAsync(
            id, """{"delta":[{"retain":1},{"insert":"c"}],"baseVersion":1}""")).JsonAsync(201);
        Assert.Equal("""{"ops":[{"retain":2},{"insert":"c"}]}""", operation["delta"]!.ToJsonString());
        Assert.Equal("abc", await TextAsync(id));
    }

    [Fact]
    public async Task An_operation_sent_again_is_committed_once()
    {
        var id = await server.CreateAsync();
        const string operation = """{"delta":[{"insert":"a"}],"baseVersion":0,"clientId":"7","clientSequence":1}""";
        var first = await (await server.AppendAsync(id, operation)).JsonAsync(201);
        await (await server.AppendAsync(id, """{"delta":[{"insert":"b"}]}""")).JsonAsync(201);
        var again = await (await server.AppendAsync(id, operation)).JsonAsync(201);
        Assert.True(JsonNode.DeepEquals(first, again), again.ToJsonString());
        Assert.Equal("ba", await TextAsync(id));
    }

    [Fact]
    public async Task An_operation_sent_again_with_a_base_version_that_has_it_is_another()
    {
        var id = await server.CreateAsync();
        const string operation = """{"delta":[{"insert":"a"}],"baseVersion":0,"clientId":"7","clientSequence":1}""";
        Assert.Equal(1, (long?)(await (await server.AppendAsync(id, operation)).JsonAsync(201))["version"]);
        await (await server.AppendAsync(id, """{"delta":[{"insert":"b"}]}""")).JsonAsync(201);
        var newer = operation.Replace("\"baseVersion\":0", "\"baseVersion\":2", StringComparison.Ordinal);
        Assert.Equal(3, (long?)(await (await server.AppendAsync(id, newer)).JsonAsync(201))["version"]);
    }

    [Fact]
    public async Task Pages_hold_every_operation_once_in_order()
    {
        var id = await server.CreateAsync();
        for (var i = 0; i < 7; i++)
            await (await server.AppendAsync(id, $$"""{"delta":[{"insert":"{{i}}"}]}""")).JsonAsync(201);
        var versions = new List<long>();
        long? after = 0;
        do
        {
            var page = await (await http.GetAsync($"/api/documents/{id}/operations?after={after}&limit=3")).JsonAsync();
            var operations = page["operations"]!.AsArray();
            Assert.InRange(operations.Count, 1, 3);
            versions.AddRange(operations.Select(static operation => (long)operation!["version"]!));
            after = (long?)page["next"];
        }
        while (after is not null);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], versions);
        var end = await (await http.GetAsync($"/api/documents/{id}/operations?after=7")).JsonAsync();
        Assert.Empty(end["operations"]!.AsArray());
        Assert.Null(end["next"]);
    }

    [Theory]
    [InlineData("after=-1", 400, null)]
    [InlineData("after=x", 400, null)]
    [InlineData("limit=0", 400, null)]
    [InlineData("limit=1001", 400, null)]
    [InlineData("after=2", 404, "VERSION_UNKNOWN")]
    public async Task A_page_that_can_not_be_is_refused(string query, int status, string? code)
    {
        var id = await server.CreateAsync("""[{"insert":"a"}]""");
        await (await http.GetAsync($"/api/documents/{id}/operations?{query}")).ProblemAsync(status, code);
    }

    [Theory]
    [InlineData("""{"delta":[{"retain":9},{"insert":"a"}]}""", 422, "OPERATION_OUT_OF_RANGE")]
    [InlineData("""{"delta":[{"retain":1},{"insert":"a"}]}""", 422, "OPERATION_SPLITS_SURROGATE_PAIR")]
    [InlineData("""{"delta":[{"delete":1}]}""", 422, "OPERATION_SPLITS_SURROGATE_PAIR")]
    [InlineData("""{"delta":[{"insert":"a","attributes":{"bold":true}}]}""", 422, "OPERATION_NOT_ALLOWED_BY_TYPE")]
    [InlineData("""{"delta":[{"insert":{"image":"x"}}]}""", 422, "OPERATION_NOT_ALLOWED_BY_TYPE")]
    [InlineData("""{"delta":[{"delete":-1}]}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"delta":5}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":9}""", 409, "VERSION_UNKNOWN")]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":-1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"clientId":"7"}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"clientSequence":1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"clientId":"7","clientSequence":1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":1,"clientId":"0","clientSequence":1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":1,"clientId":"7","clientSequence":0}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":1,"clientId":"-7","clientSequence":1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":1,"clientId":7,"clientSequence":1}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}],"baseVersion":1.5}""", 400, null)]
    [InlineData("""{"delta":null}""", 400, null)]
    [InlineData("""{}""", 400, null)]
    public async Task An_operation_that_can_not_be_is_refused_and_changes_nothing(string body, int status, string? code)
    {
        var id = await server.CreateAsync("""[{"insert":"😀"}]""", type: "text");
        await (await server.AppendAsync(id, body)).ProblemAsync(status, code);
        Assert.Equal("😀", await TextAsync(id));
        Assert.Equal(1, (long?)(await (await http.GetAsync($"/api/documents/{id}")).JsonAsync())["version"]);
    }

    [Fact]
    public async Task An_operation_that_is_too_large_names_the_limit()
    {
        var id = await server.CreateAsync();
        var problem = await (await server.AppendAsync(
            id, $$"""{"delta":[{"insert":"{{new string('a', (1 << 20) + 1)}}"}]}""")).ProblemAsync(422, "OPERATION_TOO_LARGE");
        Assert.Equal("OperationBytes", (string?)problem["limit"]);
    }

    [Fact]
    public async Task Many_editors_at_once_lose_nothing()
    {
        var id = await server.CreateAsync(type: "text");
        await Parallel.ForEachAsync(Enumerable.Range(0, 60), async (i, _) =>
            await (await server.AppendAsync(id, $$"""{"delta":[{"insert":"{{(char)('あ' + i)}}"}]}""")).JsonAsync(201));
        var text = await TextAsync(id);
        Assert.Equal(Enumerable.Range(0, 60).Select(static i => (char)('あ' + i)), text.Order());
    }
}
