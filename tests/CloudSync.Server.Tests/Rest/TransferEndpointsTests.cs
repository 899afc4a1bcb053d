// Export and import through HTTP. What the formats keep is tested in Formats/.

using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class TransferEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private const string Content =
        """{"ops":[{"insert":"Hi "},{"insert":"there","attributes":{"bold":true}},{"insert":"\n"}]}""";

    private readonly HttpClient http = server.Http;

    private Task<HttpResponseMessage> ImportAsync(string query, byte[] body, string contentType = "application/octet-stream")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        return http.PostAsync($"/api/documents/import?{query}", content);
    }

    private Task<HttpResponseMessage> ImportAsync(string query, string body) => ImportAsync(query, Encoding.UTF8.GetBytes(body));

    [Theory]
    [InlineData("text", "text/plain; charset=utf-8", "a title.txt", "Hi there\n")]
    [InlineData("markdown", "text/markdown; charset=utf-8", "a title.md", "Hi **there**\n")]
    [InlineData("delta", "application/json; charset=utf-8", "a title.json", Content)]
    public async Task A_document_is_exported_as_a_file_of_each_format(
        string format, string contentType, string fileName, string expected)
    {
        var id = await server.CreateAsync(Content, title: "a/ title");
        var response = await http.GetAsync($"/api/documents/{id}/export?format={format}");
        Assert.Equal(expected, await response.Content.ReadAsStringAsync());
        Assert.Equal(contentType, response.Content.Headers.ContentType?.ToString());
        Assert.Equal(fileName, response.Content.Headers.ContentDisposition?.FileNameStar);
        Assert.Equal("1", response.Headers.GetValues("CloudSync-Version").Single());
    }

    [Fact]
    public async Task The_HTML_is_a_page_that_may_run_nothing()
    {
        var id = await server.CreateAsync(Content, title: "<script>alert(1)</script>");
        var response = await http.GetAsync($"/api/documents/{id}/export?format=html");
        var html = await response.Content.ReadAsStringAsync();
        Assert.Contains("<p>Hi <strong>there</strong></p>", html);
        Assert.DoesNotContain("<script", html);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task An_old_version_is_exported_as_it_was()
    {
        var id = await server.CreateAsync(Content);
        await (await server.AppendAsync(id, """{"delta":[{"insert":"Oh. "}]}""")).JsonAsync(201);
        Assert.Equal("Hi there\n", await http.GetStringAsync($"/api/documents/{id}/export?format=text&version=1"));
        Assert.Equal("Oh. Hi there\n", await http.GetStringAsync($"/api/documents/{id}/export?format=text"));
        await (await http.GetAsync($"/api/documents/{id}/export?format=text&version=9")).ProblemAsync(404, "VERSION_UNKNOWN");
    }

    [Theory]
    [InlineData("text", "Hi there")]
    [InlineData("markdown", "Hi **there**")]
    [InlineData("html", "<p onclick='alert(1)'>Hi <b>there</b><script>alert(1)</script></p>")]
    [InlineData("delta", Content)]
    public async Task A_file_of_each_format_becomes_a_document(string format, string body)
    {
        var response = await ImportAsync($"format={format}&title=A%20title&author=ann", body);
        var document = await response.JsonAsync(201);
        Assert.Equal("A title", (string?)document["title"]);
        Assert.Equal("ann", (string?)document["createdBy"]);
        var id = (string?)document["id"];
        Assert.Equal($"/api/documents/{id}", response.Headers.Location?.ToString());
        var delta = await http.GetStringAsync($"/api/documents/{id}/export?format=delta");
        Assert.Equal(format == "text" ? """{"ops":[{"insert":"Hi there\n"}]}""" : Content, delta);
    }

    [Fact]
    public async Task Plain_text_is_imported_as_it_is_without_a_byte_order_mark()
    {
        var document = await (await ImportAsync("format=text&type=text&id=plain", "\uFEFFHi")).JsonAsync(201);
        Assert.Equal("text", (string?)document["type"]);
        Assert.Equal("Hi", await http.GetStringAsync("/api/documents/plain/export?format=text"));
    }

    [Fact]
    public async Task What_the_content_type_says_does_not_matter() =>
        await (await ImportAsync("format=markdown", "# a"u8.ToArray(), "application/x-www-form-urlencoded")).JsonAsync(201);

    [Theory]
    [InlineData("format=docx", "a", 400, null)]
    [InlineData("", "a", 400, null)]
    [InlineData("format=markdown&type=text", "a", 400, null)]
    [InlineData("format=text&type=spreadsheet", "a", 400, null)]
    [InlineData("format=text&id=a%20b", "a", 400, "INVALID_DOCUMENT_ID")]
    [InlineData("format=delta", "{", 422, "OPERATION_MALFORMED")]
    [InlineData("format=delta", """[{"delete":1}]""", 422, null)]
    public async Task What_can_not_be_imported_is_refused(string query, string body, int status, string? code) =>
        await (await ImportAsync(query, body)).ProblemAsync(status, code);

    [Fact]
    public async Task What_is_not_UTF_8_is_refused() =>
        await (await ImportAsync("format=text", [0x61, 0xFF])).ProblemAsync(400);

    [Fact]
    public async Task A_file_that_is_too_large_names_the_limit()
    {
        var problem = await (await ImportAsync("format=text", new byte[(8 << 20) + 1])).ProblemAsync(413);
        Assert.Equal("BodyBytes", (string?)problem["limit"]);
    }

    [Fact]
    public async Task An_export_needs_a_format_that_there_is()
    {
        var id = await server.CreateAsync();
        await (await http.GetAsync($"/api/documents/{id}/export?format=docx")).ProblemAsync(400);
        await (await http.GetAsync($"/api/documents/{id}/export")).ProblemAsync(400);
    }
}
