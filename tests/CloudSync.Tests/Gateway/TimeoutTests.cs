// Clients that are silent, slow or deaf are dropped by the one sweep, by the gateway's own clock.

using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CloudSync.Gateway;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class TimeoutTests
{
    // A connection over a socket of the test's own, in the gateway of the host.
    private static Task Run(GatewayHost host, ScriptedSocket socket) => new Connection(
        host.App.Services.GetRequiredService<GatewayEnvironment>(), socket, new HttpRequestLifetimeFeature(), host: null)
        .RunAsync().WaitAsync(TimeSpan.FromSeconds(60));

    [Fact]
    public async Task Whoever_does_not_say_hello_is_closed_and_may_come_back()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await host.ConnectAsync();
        await host.KnowsAsync(1);
        time.Advance(TimeSpan.FromSeconds(12));
        Assert.Equal(4003, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task Empty_frames_do_not_put_off_the_hello()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var client = await host.ConnectAsync();
        await host.KnowsAsync(1);
        time.Advance(TimeSpan.FromSeconds(6));
        await client.SendBytesAsync(ReadOnlyMemory<byte>.Empty);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(4003, await client.ReceiveCloseAsync());
    }

    [Fact]
    public async Task A_message_that_comes_one_byte_a_second_is_closed_and_neighbours_are_not()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var neighbour = await host.GreetAsync(2);
        using var socket = new ScriptedSocket();
        var running = Run(host, socket);
        await socket.HandAsync(Messages.Frame(Messages.Hello()).ToByteArray(), end: true);
        var frame = Messages.Frame(Messages.Submit("doc", 0, 1, new byte[100])).ToByteArray();
        for (var i = 0; i < 11; i++)
        {
            await socket.HandAsync(frame.AsMemory(i, 1), end: false);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(4003, await socket.Closed);
        // It does not answer the close either.
        time.Advance(TimeSpan.FromSeconds(7));
        await running;
        await neighbour.PingAsync();
    }

    [Fact]
    public async Task A_large_message_over_a_slow_line_is_taken()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        using var socket = new ScriptedSocket();
        var running = Run(host, socket);
        await socket.HandAsync(Messages.Frame(Messages.Hello(), Messages.Open("doc")).ToByteArray(), end: true);
        var session = await host.Documents.NextSessionAsync();
        var frame = Messages.Frame(Messages.Submit("doc", 0, 1, new byte[400_000])).ToByteArray();
        // 4 kB a second: a hundred seconds for all of it.
        const int Part = 36_000;
        for (var at = 0; at < frame.Length; at += Part)
        {
            time.Advance(TimeSpan.FromSeconds(9));
            await socket.HandAsync(frame.AsMemory(at, Math.Min(Part, frame.Length - at)), end: at + Part >= frame.Length);
        }

        Assert.Equal(400_000, (await session.NextSubmitAsync()).Operation.Length);
        socket.Abort();
        await running;
    }

    [Fact]
    public async Task A_silent_client_is_closed_and_one_that_pings_is_not()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var alive = await host.GreetAsync(2);
        await using var silent = await host.GreetAsync();
        for (var i = 0; i < 4; i++)
        {
            time.Advance(TimeSpan.FromSeconds(20));
            await alive.PingAsync();
        }

        Assert.Equal(4002, await silent.ReceiveCloseAsync());
        await alive.PingAsync();
    }

    [Fact]
    public async Task A_socket_that_never_reads_is_dropped_after_the_send_timeout_and_its_sessions_end()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        session.Commit(64 << 20);
        // The send stands still once the sockets between are full; the clock may only move when it does.
        while (!session.IsDisposed)
        {
            await neighbour.PingAsync();
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await neighbour.PingAsync();
        var lost = await Assert.ThrowsAnyAsync<Exception>(client.ReceiveCloseAsync);
        Assert.True(lost is WebSocketException or OperationCanceledException, lost.ToString());
    }

    [Fact]
    public async Task A_client_that_does_not_answer_a_close_is_dropped()
    {
        var time = new FakeTimeProvider();
        await using var host = await GatewayHost.StartAsync(time: time);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.EndPoint, TestContext.Current.CancellationToken);
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                "GET /sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
            TestContext.Current.CancellationToken);
        // It never answers anything: first the Hello is missed, then the answer to the close.
        var buffer = new byte[1024];
        Assert.True(await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken) > 0);
        await host.KnowsAsync(1);
        time.Advance(TimeSpan.FromSeconds(12));
        Assert.True(await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken) > 0);
        time.Advance(TimeSpan.FromSeconds(7));
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
        }
        catch (SocketException)
        {
            // Reset: dropped as well.
        }
    }
}
