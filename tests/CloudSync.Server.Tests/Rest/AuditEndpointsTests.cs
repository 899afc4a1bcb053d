// /api/documents/{id}/audit and /authors: what the log proves about a document's past.

using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class AuditEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    [Fact]
    public async Task A_document_is_sound_and_its_link_can_be_compared_later()
    {
        var id = await server.CreateAsync("""[{"insert":"b"}]""");
        var first = await (await http.GetAsync($"/api/documents/{id}/audit")).JsonAsync();
        Assert.True((bool?)first["sound"]);
        Assert.Equal(1, (long?)first["version"]);
        await (await server.AppendAsync(id, """{"delta":[{"insert":"a"}]}""")).JsonAsync(201);

        var later = await (await http.GetAsync($"/api/documents/{id}/audit?version=1&link={first["link"]}")).JsonAsync();
        Assert.True((bool?)later["sound"]);
        Assert.NotEqual((string?)first["link"], (string?)later["link"]);
        var other = await (await http.GetAsync($"/api/documents/{id}/audit?version=2&link={first["link"]}")).JsonAsync();
        Assert.False((bool?)other["sound"]);
        Assert.Equal(2, (long?)other["fault"]!["lastVersion"]);
    }

    [Fact]
    public async Task Each_stretch_is_told_with_its_author()
    {
        var id = await server.CreateAsync("""[{"insert":"b"}]""");
        await (await server.AppendAsync(id, """{"delta":[{"insert":"aa"}],"author":"ann"}""")).JsonAsync(201);

        var found = await (await http.GetAsync($"/api/documents/{id}/authors?from=1")).JsonAsync();

        Assert.Equal(3, (int?)found["length"]);
        Assert.Equal([(1, 1, "ann"), (2, 1, "")], found["runs"]!.AsArray().Select(
            run => ((int)run!["position"]!, (int)run["length"]!, (string)run["author"]!)));
    }

    [Theory]
    [InlineData("audit?version=1")]
    [InlineData("audit?link=00")]
    [InlineData("audit?version=0&link=0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("audit?version=1&link=zz")]
    [InlineData("authors?from=-1")]
    [InlineData("authors?from=3&to=2")]
    [InlineData("authors?version=-1")]
    public async Task Questions_that_make_no_sense_are_refused(string question)
    {
        var id = await server.CreateAsync();
        await (await http.GetAsync($"/api/documents/{id}/{question}")).ProblemAsync(400);
    }

    [Fact]
    public async Task What_is_not_there_is_named()
    {
        var id = await server.CreateAsync("""[{"insert":"b"}]""");
        await (await http.GetAsync("/api/documents/nowhere/audit")).ProblemAsync(404, "DOCUMENT_NOT_FOUND");
        await (await http.GetAsync($"/api/documents/{id}/authors?version=7")).ProblemAsync(404, "VERSION_UNKNOWN");
        await (await http.GetAsync($"/api/documents/{id}/authors?to=9")).ProblemAsync(422, "OPERATION_OUT_OF_RANGE");
    }
}
