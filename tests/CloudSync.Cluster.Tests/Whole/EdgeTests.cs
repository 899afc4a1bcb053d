// What NGINX does besides leading to gateways: it keeps what never changes, and protects what does.

using System.Net;
using System.Net.Sockets;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class EdgeTests(RunningCluster cluster)
{
    [Fact]
    public async Task A_version_that_was_read_once_is_served_by_the_edge()
    {
        var id = await cluster.CreateDocumentAsync("one");
        var (first, firstCache) = await ReadAsync($"/api/documents/{id}/snapshot?version=1");
        var (second, secondCache) = await ReadAsync($"/api/documents/{id}/snapshot?version=1");
        Assert.Equal("MISS", firstCache);
        Assert.Equal("HIT", secondCache);
        Assert.Equal(await first.Content.ReadAsStringAsync(RunningCluster.Cancellation), await second.Content.ReadAsStringAsync(RunningCluster.Cancellation));
        Assert.Contains("immutable", second.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        // So long is a document that was deleted still served from here, at the most.
        Assert.Equal(TimeSpan.FromMinutes(1), second.Headers.CacheControl.SharedMaxAge);
        Assert.Equal("nosniff", Assert.Single(second.Headers.GetValues("X-Content-Type-Options")));
    }

    [Fact]
    public async Task A_version_is_served_by_the_edge_in_whatever_case_the_path_is_written()
    {
        var id = await cluster.CreateDocumentAsync("one");
        Assert.Equal("MISS", (await ReadAsync($"/API/Documents/{id}/Snapshot?version=1")).Cache);
        Assert.Equal("HIT", (await ReadAsync($"/API/Documents/{id}/Snapshot?version=1")).Cache);
    }

    [Theory]
    [InlineData("/health/ready")]
    [InlineData("/HEALTH/ready")]
    [InlineData("/Health/Live")]
    [InlineData("/%48ealth/ready")]
    [InlineData("//health/ready")]
    [InlineData("/assets/../HEALTH/ready")]
    public async Task How_the_parts_are_is_not_told_to_others_in_whatever_case_they_ask(string path)
    {
        // From another address than those that may ask. Written by hand: an HTTP client would tidy the path up.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await socket.ConnectAsync(IPAddress.Loopback, cluster.Cluster.State.Port, RunningCluster.Cancellation);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync(
            System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            RunningCluster.Cancellation);
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 403 Forbidden", await reader.ReadLineAsync(RunningCluster.Cancellation));
    }

    [Fact]
    public async Task How_the_parts_are_is_told_to_whoever_asks_from_here()
    {
        using var response = await cluster.Http.GetAsync("/HEALTH/ready", RunningCluster.Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("?version=1", "Authorization", "Bearer secret")]
    [InlineData("?version=1", "Cookie", "session=secret")]
    [InlineData("", "Accept", "application/json")]
    [InlineData("?version=1&at=2026-01-31T12:30:00Z", "Accept", "application/json")]
    public async Task What_could_be_one_users_own_or_can_change_is_not_kept(string query, string header, string value)
    {
        var id = await cluster.CreateDocumentAsync("one");
        for (var i = 0; i < 2; i++)
        {
            var (_, cache) = await ReadAsync($"/api/documents/{id}/snapshot{query}", (header, value));
            Assert.Equal("BYPASS", cache);
        }
    }

    [Fact]
    public async Task A_foreign_page_is_refused_by_the_gateway_even_what_the_edge_has()
    {
        var id = await cluster.CreateDocumentAsync("one");
        await ReadAsync($"/api/documents/{id}/snapshot?version=1");
        var (response, _) = await ReadAsync($"/api/documents/{id}/snapshot?version=1", ("Origin", "https://evil.example"));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task A_version_that_does_not_exist_yet_is_not_kept()
    {
        var id = await cluster.CreateDocumentAsync("one");
        for (var i = 0; i < 2; i++)
        {
            var (response, cache) = await ReadAsync($"/api/documents/{id}/snapshot?version=2");
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("MISS", cache);
        }
    }

    [Fact]
    public async Task Assets_are_immutable_and_were_compressed_when_they_were_built()
    {
        var (plain, _) = await ReadAsync("/assets/app-1a2b3c.js");
        Assert.Equal("console.log('the app');\n", await plain.Content.ReadAsStringAsync(RunningCluster.Cancellation));
        var (response, _) = await ReadAsync("/assets/app-1a2b3c.js", ("Accept-Encoding", "gzip"));
        Assert.Equal("gzip", Assert.Single(response.Content.Headers.ContentEncoding));
        Assert.Equal("public, max-age=31536000, immutable", string.Join(", ", response.Headers.GetValues("Cache-Control")));
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        await using var body = new System.IO.Compression.GZipStream(
            await response.Content.ReadAsStreamAsync(RunningCluster.Cancellation), System.IO.Compression.CompressionMode.Decompress);
        using var reader = new StreamReader(body);
        Assert.Equal("console.log('the app');\n", await reader.ReadToEndAsync(RunningCluster.Cancellation));
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_told_so_by_the_gateway_with_its_limit()
    {
        using var content = new StringContent(new string('x', (8 << 20) + 1000));
        using var response = await cluster.Http.PostAsync("/api/documents/import?format=text", content, RunningCluster.Cancellation);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    private async Task<(HttpResponseMessage Response, string Cache)> ReadAsync(
        string path, (string Name, string Value)? header = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (header is var (name, value))
            request.Headers.Add(name, value);
        var response = await cluster.Http.SendAsync(request, RunningCluster.Cancellation);
        return (response, response.Headers.TryGetValues("X-Cache", out var cache) ? cache.Single() : "");
    }
}
