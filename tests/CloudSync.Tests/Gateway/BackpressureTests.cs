// A client that reads slowly gets fewer, larger frames and makes nothing grow; one that asks and never reads is read from
// no further.

using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class BackpressureTests
{
    [Fact]
    public async Task What_waits_while_a_frame_is_read_is_gathered_into_one_frame()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        // The flush stands in the session while a thousand more are committed.
        using var inside = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        session.Reading = () =>
        {
            session.Reading = null;
            inside.Release();
            go.Wait(TimeSpan.FromSeconds(60));
        };
        session.Commit();
        await inside.WaitAsync(TestContext.Current.CancellationToken);
        for (var i = 1; i < 1_000; i++)
            session.Commit();
        var before = client.Frames;
        go.Release();
        for (ulong version = 0; version < 1_000; version++)
            Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        Assert.InRange(client.Frames - before, 1, 3);
    }

    [Fact]
    public async Task A_client_that_does_not_read_leaves_what_waits_where_it_is_and_gets_all_of_it_later()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        // 64 MiB: far more than the sockets and pipes between hold.
        const int Count = 4_096;
        for (var i = 0; i < Count; i++)
            session.Commit(16 * 1024);
        Assert.True(session.Waiting > 0, "The gateway took everything although nobody reads.");
        var before = client.Frames;
        for (ulong version = 0; version < Count; version++)
            Assert.Equal(version, (await client.ReceiveAsync()).Committed.BaseVersion);
        Assert.True(client.Frames - before < Count, "Nothing was gathered.");
        Assert.Equal(0, session.Waiting);
    }

    [Fact]
    public async Task A_document_with_much_to_say_does_not_keep_another_waiting()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("loud"));
        var loud = await host.Documents.NextSessionAsync();
        await client.SendAsync(Messages.Open("quiet"));
        var quiet = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        using var inside = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        loud.Reading = () =>
        {
            loud.Reading = null;
            inside.Release();
            go.Wait(TimeSpan.FromSeconds(60));
        };
        loud.Commit();
        await inside.WaitAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 1_000; i++)
            loud.Commit(4 * 1024);
        quiet.Commit();
        go.Release();
        var before = 0;
        while ((await client.ReceiveAsync()).Committed.DocumentId == "loud")
            before++;
        // One frame's worth at the most, of a thousand.
        Assert.InRange(before, 0, 20);
    }

    [Fact]
    public async Task A_session_that_is_behind_is_caught_up_while_the_others_go_on()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("far"));
        var far = await host.Documents.NextSessionAsync();
        await client.SendAsync(Messages.Open("near"));
        var near = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        far.CatchingUp = () =>
        {
            near.Commit();
            return Task.CompletedTask;
        };
        far.Commit();
        var heard = new[] { (await client.ReceiveAsync()).Committed.DocumentId, (await client.ReceiveAsync()).Committed.DocumentId };
        Assert.Equal(["far", "near"], heard.Order());
    }

    [Fact]
    public async Task A_catch_up_that_fails_closes_that_document_only()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        session.CatchingUp = () => throw new Log.LogUnavailableException("away");
        session.Commit();
        Assert.Equal(ClosedReason.Reopen, (await client.ReceiveAsync()).Closed.Reason);
        await client.PingAsync();
    }

    [Fact]
    public async Task A_client_that_asks_and_never_reads_is_read_from_no_further()
    {
        // As fast as it likes: it isn't its rate that stops it.
        await using var host = await GatewayHost.StartAsync(static options => options.Limits.MessagesPerSecond = int.MaxValue);
        await using var neighbour = await host.GreetAsync(2);
        await using var client = await host.GreetAsync();
        // Each ping of 4 bytes is answered with 4. A mebibyte of them at a time, until the socket takes no more: the
        // gateway has stopped reading, having kept a few kilobytes of answers.
        var pings = Messages.Frame([.. Enumerable.Repeat(Messages.Ping, 250_000)]).ToByteArray();
        var sent = 0;
        Task sending;
        while (true)
        {
            sending = client.SendBytesAsync(pings);
            // Either it was taken, or a neighbour has made a hundred round trips meanwhile.
            for (var i = 0; i < 100 && !sending.IsCompleted; i++)
                await neighbour.PingAsync();
            if (!sending.IsCompleted)
                break;
            await sending;
            Assert.True(++sent < 200, "The gateway read 200 MB from a client that reads nothing.");
        }

        // It reads again as soon as the client does.
        for (var i = 0; i < (sent + 1) * 250_000; i++)
            Assert.NotNull((await client.ReceiveAsync()).Pong);
        await sending;
    }

    [Fact]
    public async Task A_snapshot_of_many_megabytes_arrives_whole_in_one_message()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        await client.SendAsync(Messages.Open("doc"));
        var session = await host.Documents.NextSessionAsync();
        await client.ReceiveAsync(ServerMessage.BodyOneofCase.Opened);
        var frames = client.Frames;
        session.Commit(20_000_000);
        Assert.Equal(20_000_000, (await client.ReceiveAsync()).Committed.Operations[0].Operation.Length);
        Assert.Equal(frames + 1, client.Frames);
    }

    [Fact]
    public async Task Many_wakes_from_many_threads_lose_nothing_and_keep_order()
    {
        await using var host = await GatewayHost.StartAsync();
        await using var client = await host.GreetAsync();
        var sessions = new List<FakeSession>();
        for (var i = 0; i < 8; i++)
        {
            await client.SendAsync(Messages.Open($"doc-{i}"));
            sessions.Add(await host.Documents.NextSessionAsync());
        }

        const int Each = 5_000;
        var workers = sessions.Select(session => Task.Run(() =>
        {
            for (var i = 0; i < Each; i++)
                session.Commit();
        })).ToArray();
        var next = sessions.ToDictionary(session => session.DocumentId, _ => 0ul);
        for (var left = Each * sessions.Count; left > 0;)
        {
            if ((await client.ReceiveAsync()).Committed is not { } committed)
                continue;
            Assert.Equal(next[committed.DocumentId]++, committed.BaseVersion);
            left--;
        }

        await Task.WhenAll(workers);
    }
}
