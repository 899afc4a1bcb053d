// JSON documents through REST: created, read, edited, exported, imported.

using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class JsonDocumentEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private const string Content = """{"list":[1,"é"],"n":1}""";

    private readonly HttpClient http = server.Http;

    [Fact]
    public async Task A_document_is_created_with_content_and_read_at_each_version_and_moment()
    {
        var id = await CreateAsync();
        await (await server.AppendAsync(id, """{"operation":[{"p":["n"],"na":2}],"author":"ann"}""")).JsonAsync(201);
        var head = await (await http.GetAsync($"/api/documents/{id}/snapshot")).JsonAsync();
        Assert.Equal(("json", 2), ((string?)head["type"], (int?)head["version"]));
        Assert.Equal("""{"list":[1,"é"],"n":3}""", Text(head["content"]));
        var first = await (await http.GetAsync($"/api/documents/{id}/snapshot?version=1")).JsonAsync();
        Assert.Equal(Content, Text(first["content"]));
        var nothing = await (await http.GetAsync($"/api/documents/{id}/snapshot?version=0")).JsonAsync();
        Assert.True(nothing.ContainsKey("content"));
        Assert.Null(nothing["content"]);
        var operations = (await (await http.GetAsync($"/api/documents/{id}/operations")).JsonAsync())["operations"]!.AsArray();
        var at = Uri.EscapeDataString((string)operations[0]!["committedAt"]!);
        var then = await (await http.GetAsync($"/api/documents/{id}/snapshot?at={at}")).JsonAsync();
        Assert.Equal(1, (int?)then["version"]);
    }

    [Fact]
    public async Task History_holds_the_operations_as_json0_has_them()
    {
        var id = await CreateAsync();
        var made = await (await server.AppendAsync(
            id, """{"operation":[{"p":["list",0],"li":0}],"baseVersion":1,"clientId":"7","clientSequence":1}""")).JsonAsync(201);
        Assert.Equal("""[{"p":["list",0],"li":0}]""", Text(made["operation"]));
        Assert.False(made.ContainsKey("delta"));
        var again = await (await server.AppendAsync(
            id, """{"operation":[{"p":["list",0],"li":0}],"baseVersion":1,"clientId":"7","clientSequence":1}""")).JsonAsync(201);
        Assert.Equal(2, (int?)again["version"]);
        // On the same base: the one committed first stands first.
        var other = await (await server.AppendAsync(
            id, """{"operation":[{"p":["list",0],"li":5}],"baseVersion":1}""")).JsonAsync(201);
        Assert.Equal("""[{"p":["list",1],"li":5}]""", Text(other["operation"]));
        var operations = (await (await http.GetAsync($"/api/documents/{id}/operations")).JsonAsync())["operations"]!.AsArray();
        Assert.Equal(
            [$$"""[{"p":[],"oi":{{Content}}}]""", """[{"p":["list",0],"li":0}]""", """[{"p":["list",1],"li":5}]"""],
            operations.Select(operation => Text(operation!["operation"])));
    }

    [Theory]
    [InlineData("""{"operation":[{"p":["list",0,"deeper"],"oi":1}]}""", 422, "OPERATION_DOES_NOT_FIT")]
    [InlineData("""{"operation":[{"p":["n"]}]}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"operation":5}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"operation":[],"delta":[]}""", 400, null)]
    [InlineData("""{"delta":[{"insert":"a"}]}""", 400, null)]
    [InlineData("""{}""", 400, null)]
    public async Task A_bad_edit_is_refused_by_name_and_changes_nothing(string edit, int status, string? code)
    {
        var id = await CreateAsync();
        await (await server.AppendAsync(id, edit)).ProblemAsync(status, code);
        Assert.Equal(1, (int?)(await (await http.GetAsync($"/api/documents/{id}")).JsonAsync())["version"]);
    }

    [Fact]
    public async Task An_edit_of_a_text_is_no_operation_of_json()
    {
        var id = await server.CreateAsync();
        await (await server.AppendAsync(id, """{"operation":[]}""")).ProblemAsync(400);
        await (await server.AppendAsync(id, """{"operation":[],"delta":[]}""")).ProblemAsync(400);
    }

    [Fact]
    public async Task What_is_beyond_a_bound_names_it()
    {
        var deep = new string('[', 129) + new string(']', 129);
        var problem = await (await PostAsync($$"""{"type":"json","content":{{deep}}}""")).ProblemAsync(422, "OPERATION_TOO_DEEP");
        Assert.Contains("128", (string?)problem["detail"], StringComparison.Ordinal);
        var id = await CreateAsync();
        var many = string.Join(',', Enumerable.Repeat("""{"p":["n"],"na":1}""", 10_001));
        problem = await (await server.AppendAsync(id, $$"""{"operation":[{{many}}]}"""))
            .ProblemAsync(422, "OPERATION_TOO_MANY_COMPONENTS");
        Assert.Equal(("MaxComponents", 10_000), ((string?)problem["limit"], (int?)problem["limitValue"]));
    }

    [Theory]
    [InlineData("true")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("1e300")]
    public async Task Anything_that_is_JSON_is_a_content(string content)
    {
        var id = await CreateAsync(content);
        var head = await (await http.GetAsync($"/api/documents/{id}/snapshot")).JsonAsync();
        Assert.Equal(double.TryParse(content, out var number) ? number : content,
            double.TryParse(content, out _) ? (object)(double)head["content"]! : Text(head["content"]));
    }

    [Fact]
    public async Task A_document_is_exported_as_an_indented_file_and_imported_again()
    {
        var id = await CreateAsync();
        var response = await http.GetAsync($"/api/documents/{id}/export?format=json");
        var file = await response.Content.ReadAsStringAsync();
        Assert.Equal("{\n  \"list\": [\n    1,\n    \"é\"\n  ],\n  \"n\": 1\n}\n", file);
        Assert.Equal("application/json; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.EndsWith(".json", response.Content.Headers.ContentDisposition?.FileNameStar, StringComparison.Ordinal);
        var made = await (await ImportAsync("format=json", "\uFEFF" + file)).JsonAsync(201);
        Assert.Equal("json", (string?)made["type"]);
        var head = await (await http.GetAsync($"/api/documents/{made["id"]}/snapshot")).JsonAsync();
        Assert.Equal(Content, Text(head["content"]));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("markdown")]
    [InlineData("html")]
    [InlineData("delta")]
    public async Task No_other_format_is_made_of_it_and_it_is_made_of_no_other(string format)
    {
        var id = await CreateAsync();
        await (await http.GetAsync($"/api/documents/{id}/export?format={format}")).ProblemAsync(400);
        await (await ImportAsync($"format={format}&type=json", "{}")).ProblemAsync(400);
        await (await ImportAsync("format=json&type=rich-text", "{}")).ProblemAsync(400);
        await (await http.GetAsync($"/api/documents/{await server.CreateAsync()}/export?format=json")).ProblemAsync(400);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("""{"__proto__":1}""")]
    public async Task A_file_that_is_no_JSON_is_refused(string file) =>
        await (await ImportAsync("format=json", file)).ProblemAsync(422);

    [Fact]
    public async Task The_description_for_machines_knows_json()
    {
        var description = await (await http.GetAsync("/openapi/v1.json")).JsonAsync();
        var edit = description["components"]!["schemas"]!["AppendOperationRequest"]!["properties"]!.AsObject();
        Assert.True(edit.ContainsKey("operation"));
        Assert.True(edit.ContainsKey("delta"));
    }

    private static string Text(JsonNode? node) => node?.ToJsonString(new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }) ?? "null";

    private Task<string> CreateAsync(string content = Content) => server.CreateAsync(content, type: "json");

    private Task<HttpResponseMessage> PostAsync(string body) => http.PostAsync("/api/documents", LiveServer.Json(body));

    private Task<HttpResponseMessage> ImportAsync(string query, string body) =>
        http.PostAsync($"/api/documents/import?{query}", new ByteArrayContent(Encoding.UTF8.GetBytes(body)));
}
