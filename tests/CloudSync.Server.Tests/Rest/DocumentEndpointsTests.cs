// /api/documents: create, list, read, rename, delete.

using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Xunit;
using static CloudSync.Server.Tests.LiveServer;

namespace CloudSync.Server.Tests.Rest;

public sealed class DocumentEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    private Task<HttpResponseMessage> CreateAsync(string json) => http.PostAsync("/api/documents", Json(json));

    [Fact]
    public async Task A_document_created_with_nothing_said_is_empty_rich_text_with_an_id()
    {
        var response = await CreateAsync("{}");
        var document = await response.JsonAsync(201);
        var id = (string)document["id"]!;
        Assert.Matches("^[A-Za-z0-9_-]{1,64}$", id);
        Assert.Equal($"/api/documents/{id}", response.Headers.Location?.ToString());
        Assert.Equal("rich-text", (string?)document["type"]);
        Assert.Equal("", (string?)document["title"]);
        Assert.Equal(0, (long?)document["version"]);
        Assert.Equal((string?)document["createdAt"], (string?)document["changedAt"]);
        Assert.EndsWith("Z", (string?)document["createdAt"]);
        var read = await (await http.GetAsync(response.Headers.Location)).JsonAsync();
        Assert.True(JsonNode.DeepEquals(document, read));
    }

    [Fact]
    public async Task A_document_is_created_as_it_was_asked_for()
    {
        var document = await (await CreateAsync(
            """{"id":"as-asked","type":"text","title":"  A title ","author":"ann","content":{"ops":[{"insert":"hello"}]}}"""))
            .JsonAsync(201);
        Assert.Equal("as-asked", (string?)document["id"]);
        Assert.Equal("text", (string?)document["type"]);
        Assert.Equal("A title", (string?)document["title"]);
        Assert.Equal("ann", (string?)document["createdBy"]);
        Assert.Equal(1, (long?)document["version"]);
    }

    [Theory]
    [InlineData("""{"id":"no spaces"}""", 400, "INVALID_DOCUMENT_ID")]
    [InlineData("""{"id":""}""", 400, "INVALID_DOCUMENT_ID")]
    [InlineData("""{"type":"spreadsheet"}""", 400, null)]
    [InlineData("""{"title":"a\u0000b"}""", 400, null)]
    [InlineData("""{"titel":"a"}""", 400, null)]
    [InlineData("""{"title":"a","title":"b"}""", 400, null)]
    [InlineData("""{"title":5}""", 400, null)]
    [InlineData("""{"title":null}""", 400, null)]
    [InlineData("""{"title":"\ud800"}""", 400, null)]
    [InlineData("[]", 400, null)]
    [InlineData("null", 400, null)]
    [InlineData("", 400, null)]
    [InlineData("{", 400, null)]
    [InlineData("""{"content":{"ops":[{"retain":1},{"insert":"a"}]}}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"content":{"ops":"a"}}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"content":{"ops":[{"insert":"\ud800"}]}}""", 422, "OPERATION_MALFORMED")]
    [InlineData("""{"type":"text","content":{"ops":[{"insert":"a","attributes":{"bold":true}}]}}""", 422, "OPERATION_NOT_ALLOWED_BY_TYPE")]
    public async Task What_can_not_be_created_is_refused_with_the_reason(string body, int status, string? code) =>
        await (await CreateAsync(body)).ProblemAsync(status, code);

    [Fact]
    public async Task A_refusal_names_the_member_that_is_not_known() =>
        Assert.Contains("'titel'", (string?)(await (await CreateAsync("""{"titel":"a"}""")).ProblemAsync(400))["detail"]);

    [Fact]
    public async Task A_title_or_author_that_is_too_long_is_refused()
    {
        await (await CreateAsync($$"""{"title":"{{new string('a', 201)}}"}""")).ProblemAsync(400);
        await (await CreateAsync($$"""{"author":"{{new string('a', 65)}}"}""")).ProblemAsync(400);
    }

    [Fact]
    public async Task An_id_that_is_or_was_taken_is_a_conflict()
    {
        await (await CreateAsync("""{"id":"taken"}""")).JsonAsync(201);
        await (await CreateAsync("""{"id":"taken"}""")).ProblemAsync(409, "DOCUMENT_EXISTS");
        await http.DeleteAsync("/api/documents/taken");
        await (await CreateAsync("""{"id":"taken"}""")).ProblemAsync(409, "DOCUMENT_EXISTS");
    }

    [Fact]
    public async Task A_content_that_is_too_large_for_one_operation_names_the_limit_and_leaves_nothing_behind()
    {
        var content = new string('a', (1 << 20) + 1);
        var problem = await (await CreateAsync($$"""{"id":"large","content":[{"insert":"{{content}}"}]}"""))
            .ProblemAsync(422, "OPERATION_TOO_LARGE");
        Assert.Equal("OperationBytes", (string?)problem["limit"]);
        Assert.Equal(1 << 20, (long?)problem["limitValue"]);
        await (await http.GetAsync("/api/documents/large")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
    }

    [Fact]
    public async Task A_body_that_is_too_large_names_the_limit()
    {
        var problem = await (await CreateAsync($$"""{"title":"{{new string('a', 8 << 20)}}"}""")).ProblemAsync(413);
        Assert.Equal("BodyBytes", (string?)problem["limit"]);
        Assert.Equal(8 << 20, (long?)problem["limitValue"]);
    }

    [Fact]
    public async Task A_body_of_another_type_is_refused() =>
        await (await http.PostAsync("/api/documents", new StringContent("{}", null, "text/plain"))).ProblemAsync(415);

    [Fact]
    public async Task Pages_hold_every_document_once_the_most_recently_changed_first()
    {
        // On a server of its own: others create documents too.
        await using var own = await StartAsync(static _ => { });
        var ids = new List<string>();
        for (var i = 0; i < 7; i++)
            ids.Add(await own.CreateAsync());
        await (await own.AppendAsync(ids[2], """{"delta":[{"insert":"a"}]}""")).JsonAsync(201);
        ids.Add(ids[2]);
        ids.RemoveAt(2);
        ids.Reverse();

        var listed = new List<string>();
        string? next = null;
        do
        {
            var page = await (await own.Http.GetAsync($"/api/documents?limit=3&after={next}")).JsonAsync();
            var documents = page["documents"]!.AsArray();
            Assert.InRange(documents.Count, 1, 3);
            listed.AddRange(documents.Select(static document => (string)document!["id"]!));
            next = (string?)page["next"];
        }
        while (next is not null);
        Assert.Equal(ids, listed);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=201")]
    [InlineData("limit=many")]
    [InlineData("limit=99999999999")]
    [InlineData("after=!")]
    [InlineData("after=AAAA")]
    public async Task A_page_that_can_not_be_is_refused(string query) =>
        await (await http.GetAsync($"/api/documents?{query}")).ProblemAsync(400);

    [Fact]
    public async Task A_renamed_document_has_its_new_title()
    {
        var id = await server.CreateAsync(title: "old");
        var renamed = await (await http.PatchAsync($"/api/documents/{id}", Json("""{"title":"new"}"""))).JsonAsync();
        Assert.Equal("new", (string?)renamed["title"]);
        Assert.Equal("new", (string?)(await (await http.GetAsync($"/api/documents/{id}")).JsonAsync())["title"]);
        await (await http.PatchAsync($"/api/documents/{id}", Json("{}"))).ProblemAsync(400);
    }

    [Fact]
    public async Task A_deleted_document_is_nowhere_to_be_found()
    {
        var id = await server.CreateAsync();
        Assert.Equal(HttpStatusCode.NoContent, (await http.DeleteAsync($"/api/documents/{id}")).StatusCode);
        await (await http.GetAsync($"/api/documents/{id}")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        await (await http.GetAsync($"/api/documents/{id}/snapshot")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        await (await http.DeleteAsync($"/api/documents/{id}")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        await (await server.AppendAsync(id, """{"delta":[{"insert":"a"}]}""")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        await (await http.PatchAsync($"/api/documents/{id}", Json("""{"title":"a"}"""))).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        var list = await http.GetFromJsonAsync<JsonObject>("/api/documents?limit=200");
        Assert.DoesNotContain(list!["documents"]!.AsArray(), document => (string?)document!["id"] == id);
    }

    [Fact]
    public async Task An_id_that_can_not_be_is_refused_as_such() =>
        await (await http.GetAsync("/api/documents/a%20b")).ProblemAsync(400, "INVALID_DOCUMENT_ID");
}
