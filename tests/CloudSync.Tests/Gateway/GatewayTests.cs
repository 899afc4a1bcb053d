// What a well-behaved client finds: a welcome, a heartbeat, documents opened, edited and closed.

using CloudSync.Protocol.V1;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class GatewayTests
{
    [Fact]
    public async Task A_hello_is_answered_with_version_limits_and_heartbeat()
    {
        await using var host = await GatewayHost.StartAsync(options =>
        {
            options.GatewayId = "g1";
            options.Limits.DocumentsPerConnection = 7;
        });
        await using var client = await host.ConnectAsync();
        await client.SendAsync(Messages.Hello());
        var welcome = (await client.ReceiveAsync()).Welcome;
        Assert.Equal(1u, welcome.ProtocolVersion);
        Assert.Equal("g1", welcome.GatewayId);
        Assert.NotEmpty(welcome.ConnectionId);
        Assert.Equal(7u, welcome.Limits.DocumentsPerConnection);
        Assert.Equal(25_000u, welcome.HeartbeatIntervalMs);
        Assert.Equal(60_000u, welcome.HeartbeatTimeoutMs);
    }

    [Fact]
    public async Task A_ping_is_answered_with_a_pong()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Ping);
        Assert.NotNull((await client.ReceiveAsync()).Pong);
    }

    [Fact]
    public async Task Hello_open_and_submit_may_travel_in_one_frame()
    {
        await using var host = await GatewayHost.StartAsync();
        var loaded = new TaskCompletionSource();
        host.Documents.Opening = (_, _) => loaded.Task;
        await using var client = await host.ConnectAsync();
        await client.SendAsync(
            Messages.Hello(clientId: 42), Messages.Open("doc", fromVersion: 5), Messages.Submit("doc", 5, 3, 1, 2, 3));
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
        loaded.SetResult();
        Assert.Equal("doc", (await client.ReceiveAsync()).Opened.DocumentId);
        var session = await host.Documents.NextSessionAsync();
        Assert.Equal((42ul, 5L, "Ada"), (session.Request.ClientId, session.Request.FromVersion, session.Request.User.Name));
        var submit = await session.NextSubmitAsync();
        Assert.Equal((5ul, 3ul), (submit.BaseVersion, submit.ClientSeq));
        Assert.Equal([1, 2, 3], submit.Operation.ToByteArray());
    }

    [Fact]
    public async Task What_is_committed_reaches_the_client()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        Assert.NotNull((await client.ReceiveAsync()).Opened);
        for (ulong version = 0; version < 20; version++)
        {
            session.Commit();
            Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        }
    }

    [Fact]
    public async Task A_document_that_was_closed_can_be_opened_again_and_its_first_session_is_gone_by_then()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"), Messages.Close("doc"), Messages.Open("doc"));
        var first = await host.Documents.NextSessionAsync();
        await host.Documents.NextSessionAsync();
        Assert.True(first.IsDisposed);
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.PingAsync();
        Assert.Single(host.Documents.Open);
    }

    [Fact]
    public async Task A_lost_connection_ends_its_sessions()
    {
        await using var host = await GatewayHost.StartAsync();
        await using (var client = await host.GreetAsync())
        {
            await client.SendAsync(Messages.Open("a"), Messages.Open("b"));
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
            await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        }

        foreach (var session in new[] { await host.Documents.NextSessionAsync(), await host.Documents.NextSessionAsync() })
            await session.DisposedAsync();
        Assert.Empty(host.Documents.Open);
    }

    [Fact]
    public async Task A_client_that_closes_in_order_is_answered_in_order()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.CloseAsync();
        Assert.Equal(System.Net.WebSockets.WebSocketState.Closed, client.Socket.State);
    }

    [Fact]
    public async Task A_session_that_ends_by_itself_is_closed_and_the_document_can_be_opened_again()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        session.Ending = true;
        session.Wake();
        Assert.Equal(ClosedReason.Deleted, (await client.ReceiveAsync(ServerMessage.BodyOneofCase.Closed)).Closed.Reason);
        await session.DisposedAsync();
        await client.SendAsync(Messages.Open("doc"));
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
    }

    [Fact]
    public async Task A_client_without_a_colour_is_given_the_same_one_each_time()
    {
        await using var host = await GatewayHost.StartAsync();
        var colors = new HashSet<string>();
        for (var i = 0; i < 2; i++)
        {
            await using var client = await host.ConnectAsync();
            var hello = Messages.Hello(99);
            hello.Hello.User.Color = "red";
            await client.SendAsync(hello, Messages.Open("doc"));
            colors.Add((await host.Documents.NextSessionAsync()).Request.User.Color);
        }

        Assert.Matches("^#[0-9a-f]{6}$", Assert.Single(colors));
    }
}
