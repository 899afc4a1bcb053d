// Which pages may connect.

using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class OriginTests
{
    [Theory]
    [InlineData("https://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    [InlineData("https://app.example.org", HttpStatusCode.SwitchingProtocols)]
    [InlineData(null, HttpStatusCode.SwitchingProtocols)]
    public async Task A_page_of_another_site_cannot_connect_unless_it_is_allowed(string? origin, HttpStatusCode expected)
    {
        await using var host = await GatewayHost.StartAsync(
            options => options.AllowedOrigins.Add("https://app.example.org"));
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        if (origin is not null)
            socket.Options.SetRequestHeader("Origin", origin);
        if (expected == HttpStatusCode.SwitchingProtocols)
            await socket.ConnectAsync(host.Uri, CancellationToken.None);
        else
            await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(host.Uri, CancellationToken.None));
        Assert.Equal(expected, socket.HttpStatusCode);
    }

    [Theory]
    [InlineData("http://localhost:5080", "localhost:5080", true)]
    [InlineData("https://example.org", "example.org", true)]
    [InlineData("https://example.org:443", "EXAMPLE.org", true)]
    [InlineData("https://example.org", "example.org:443", true)]
    [InlineData("http://localhost:3000", "localhost:5080", false)]
    [InlineData("http://example.org.evil.example", "example.org", false)]
    [InlineData("http://user@example.org", "example.org", false)]
    [InlineData("http://example.org/path", "example.org", false)]
    [InlineData("file://", "example.org", false)]
    [InlineData("", "example.org", false)]
    public void A_page_of_the_server_itself_is_known_by_host_and_port(string origin, string host, bool expected)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers.Origin = origin;
        request.Host = new HostString(host);
        Assert.Equal(expected, RequestOrigin.IsAllowed(request, new CloudSyncOptions()));
    }

    [Fact]
    public void Any_page_may_connect_if_all_are_allowed()
    {
        var request = new DefaultHttpContext().Request;
        request.Headers.Origin = "null";
        var options = new CloudSyncOptions();
        options.AllowedOrigins.Add("*");
        Assert.True(RequestOrigin.IsAllowed(request, options));
    }
}
