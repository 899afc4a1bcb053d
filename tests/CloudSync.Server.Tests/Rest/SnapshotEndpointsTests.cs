// /api/documents/{id}/snapshot: at the head, at a version, at a moment, and what may be cached.

using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Server.Tests.Rest;

public sealed class SnapshotEndpointsTests(LiveServer server) : IClassFixture<LiveServer>
{
    private readonly HttpClient http = server.Http;

    private async Task<(string Id, JsonObject First, JsonObject Second)> TwoVersionsAsync()
    {
        var id = await server.CreateAsync();
        var first = await (await server.AppendAsync(id, """{"delta":[{"insert":"one\n"}]}""")).JsonAsync(201);
        var second = await (await server.AppendAsync(
            id, """{"delta":[{"retain":3},{"insert":"!","attributes":{"bold":true}}]}""")).JsonAsync(201);
        return (id, first, second);
    }

    private static string Ops(JsonObject snapshot) => snapshot["content"]!["ops"]!.ToJsonString();

    [Fact]
    public async Task The_snapshot_is_the_content_at_the_head_and_tells_its_version()
    {
        var (id, _, _) = await TwoVersionsAsync();
        var response = await http.GetAsync($"/api/documents/{id}/snapshot");
        var snapshot = await response.JsonAsync();
        Assert.Equal(id, (string?)snapshot["id"]);
        Assert.Equal(2, (long?)snapshot["version"]);
        Assert.Equal("""[{"insert":"one"},{"insert":"!","attributes":{"bold":true}},{"insert":"\n"}]""", Ops(snapshot));
        Assert.Equal("2", response.Headers.GetValues("CloudSync-Version").Single());
        Assert.Equal("\"2\"", response.Headers.ETag?.Tag);
        Assert.True(response.Headers.CacheControl?.NoCache);
    }

    [Fact]
    public async Task A_version_is_what_it_was_and_may_be_cached_for_ever()
    {
        var (id, _, _) = await TwoVersionsAsync();
        var response = await http.GetAsync($"/api/documents/{id}/snapshot?version=1");
        var snapshot = await response.JsonAsync();
        Assert.Equal(1, (long?)snapshot["version"]);
        Assert.Equal("""[{"insert":"one\n"}]""", Ops(snapshot));
        Assert.Contains("immutable", response.Headers.CacheControl?.ToString());
        // What is shared forgets a deleted document soon.
        Assert.Equal(TimeSpan.FromMinutes(1), response.Headers.CacheControl!.SharedMaxAge);
        Assert.Equal("[]", Ops(await (await http.GetAsync($"/api/documents/{id}/snapshot?version=0")).JsonAsync()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?version=2")]
    public async Task Who_has_the_version_already_is_not_sent_it_again(string query)
    {
        var (id, _, _) = await TwoVersionsAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/documents/{id}/snapshot{query}");
        request.Headers.Add("If-None-Match", "\"2\"");
        var response = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
        Assert.Equal("\"2\"", response.Headers.ETag?.Tag);
        await server.AppendAsync(id, """{"delta":[{"insert":"a"}]}""");
        using var again = new HttpRequestMessage(HttpMethod.Get, $"/api/documents/{id}/snapshot");
        again.Headers.Add("If-None-Match", "\"2\"");
        Assert.Equal(HttpStatusCode.OK, (await http.SendAsync(again)).StatusCode);
    }

    [Fact]
    public async Task A_moment_shows_what_was_committed_until_then()
    {
        var (id, first, second) = await TwoVersionsAsync();
        Assert.Equal(1, await VersionAtAsync(id, (string)first["committedAt"]!));
        Assert.Equal(2, await VersionAtAsync(id, (string)second["committedAt"]!));
        Assert.Equal(0, await VersionAtAsync(id, "2001-01-01"));
        Assert.Equal(2, await VersionAtAsync(id, "2999-01-01T00:00:00.5+02:00"));

        async Task<long?> VersionAtAsync(string document, string at) => (long?)(await (await http.GetAsync(
            $"/api/documents/{document}/snapshot?at={Uri.EscapeDataString(at)}")).JsonAsync())["version"];
    }

    [Theory]
    [InlineData("version=3", 404, "VERSION_UNKNOWN")]
    [InlineData("version=-1", 400, null)]
    [InlineData("version=one", 400, null)]
    [InlineData("version=99999999999999999999", 400, null)]
    [InlineData("at=yesterday", 400, null)]
    [InlineData("at=", 400, null)]
    [InlineData("version=1&at=2026-01-01", 400, null)]
    public async Task A_version_that_there_is_not_is_refused(string query, int status, string? code)
    {
        var (id, _, _) = await TwoVersionsAsync();
        await (await http.GetAsync($"/api/documents/{id}/snapshot?{query}")).ProblemAsync(status, code);
    }

    [Fact]
    public async Task A_version_that_there_is_not_is_refused_to_a_cache_too()
    {
        var (id, _, _) = await TwoVersionsAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/documents/{id}/snapshot?version=3");
        request.Headers.Add("If-None-Match", "*");
        await (await http.SendAsync(request)).ProblemAsync(404, "VERSION_UNKNOWN");
    }
}
