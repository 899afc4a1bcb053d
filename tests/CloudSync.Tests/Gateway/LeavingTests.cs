// How the gateway tells a client that has left from one that has only lost its connection.

using System.Net.WebSockets;
using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class LeavingTests
{
    [Theory]
    [InlineData(1000, false)]
    [InlineData(1001, false)]
    [InlineData(3000, false)]
    [InlineData(4000, true)]
    [InlineData(4099, true)]
    [InlineData(4100, false)]
    public async Task A_client_says_with_its_close_code_whether_it_comes_back(int code, bool comesBack)
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        var session = await OpenAsync(host, client);
        await client.Socket.CloseOutputAsync((WebSocketCloseStatus)code, "", TestContext.Current.CancellationToken);
        await session.DisposedAsync();
        Assert.Equal(comesBack, session.IsLost);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_lost()
    {
        await using var host = await GatewayHost.StartAsync();
        var client = await host.GreetAsync();
        var session = await OpenAsync(host, client);
        await client.DisposeAsync();
        await session.DisposedAsync();
        Assert.True(session.IsLost);
    }

    [Fact]
    public async Task A_connection_that_the_gateway_gives_up_is_lost()
    {
        await using var host = await GatewayHost.StartAsync(static options =>
        {
            options.HeartbeatInterval = TimeSpan.FromMilliseconds(20);
            options.HeartbeatTimeout = TimeSpan.FromMilliseconds(100);
        });
        await using var client = await host.GreetAsync();
        var session = await OpenAsync(host, client);
        Assert.Equal(4002, await client.ReceiveCloseAsync());
        await client.CloseAsync();
        await session.DisposedAsync();
        Assert.True(session.IsLost);
    }

    [Fact]
    public async Task Who_is_refused_has_left()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        var session = await OpenAsync(host, client);
        await client.SendBytesAsync(new byte[] { 0xff });
        Assert.Equal(4100, await client.ReceiveCloseAsync());
        await client.CloseAsync();
        await session.DisposedAsync();
        Assert.False(session.IsLost);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_closes_a_document_says_whether_it_opens_it_again(bool comesBack)
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        var session = await OpenAsync(host, client);
        await client.SendAsync(new ClientMessage { Close = new() { DocumentId = "d", ComesBack = comesBack } });
        await session.DisposedAsync();
        Assert.Equal(comesBack, session.IsLost);
    }

    private static async Task<FakeSession> OpenAsync(GatewayHost host, WireClient client)
    {
        await client.SendAsync(Messages.Open("d"));
        var session = await host.Documents.NextSessionAsync();
        await client.PingAsync();
        return session;
    }
}
