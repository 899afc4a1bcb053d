// A gateway that stops: everybody is told, what was committed is sent, connections are closed in order, within a window.

using CloudSync.Protocol.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class DrainTests
{
    private static readonly TimeSpan _window = new CloudSyncOptions().DrainWindow;
    private static readonly TimeSpan _moving = _window * 0.75;

    [Fact]
    public async Task A_stop_tells_everybody_sends_what_was_committed_and_closes()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        host.Documents.Draining = _ =>
        {
            // What was in flight is committed during the drain.
            for (var i = 0; i < 100; i++)
                session.Commit(4 * 1024);
            return Task.CompletedTask;
        };
        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        var goingAway = (await client.ReceiveAsync()).GoingAway;
        Assert.True(goingAway.ReconnectAfterMsMin < goingAway.ReconnectAfterMsMax);
        Assert.False(host.Documents.Drained);
        time.Advance(_moving);
        for (ulong version = 0; version < 100; version++)
            Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        Assert.Equal(4000, await client.ReceiveCloseAsync());
        await client.CloseAsync();
        await stopping;
        Assert.True(host.Documents.Drained);
        Assert.True(session.IsDisposed);
    }

    [Fact]
    public async Task Whoever_has_not_left_yet_is_served()
    {
        await using var host = await GatewayHost.StartAsync(time: new FakeTimeProvider());
        await using var client = await host.GreetAsync();
        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        Assert.NotNull((await client.ReceiveAsync()).GoingAway);
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        session.Commit(100);
        Assert.NotNull((await client.ReceiveAsync()).Committed);
        Assert.False(host.Documents.Drained);
        // No time passes: it stops because the last one has left.
        await client.CloseAsync();
        await stopping;
        Assert.True(host.Documents.Drained);
    }

    [Fact]
    public async Task While_it_drains_nobody_new_is_let_in()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        var drained = new TaskCompletionSource();
        host.Documents.Draining = _ => drained.Task;
        await using var client = await host.GreetAsync();
        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        Assert.NotNull((await client.ReceiveAsync()).GoingAway);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{host.EndPoint}/sync"));
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(503, (int)response.StatusCode);
        time.Advance(_moving);
        drained.SetResult();
        Assert.Equal(4000, await client.ReceiveCloseAsync());
        await client.CloseAsync();
        await stopping;
    }

    [Fact]
    public async Task Clients_that_do_not_leave_are_dropped_when_the_window_is_over()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        var draining = new TaskCompletionSource();
        host.Documents.Draining = cancellation =>
        {
            draining.SetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };
        await using var client = await host.GreetAsync();
        var stopping = host.App.StopAsync(TestContext.Current.CancellationToken);
        Assert.NotNull((await client.ReceiveAsync()).GoingAway);
        time.Advance(_moving);
        await draining.Task;
        time.Advance(_window - _moving);
        await stopping;
        Assert.False(host.Documents.Drained);
    }
}
