// The generator's clients in a storm, against servers that do what a test tells them: they come back as CloudSync's own do.

using System.Diagnostics;
using CloudSync.Bench.Generator;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class ComingBackTests
{
    private static readonly TimeSpan s_long = TimeSpan.FromHours(1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_under_way_is_sent_again_with_its_number_and_not_if_it_was_committed_meanwhile()
    {
        var typed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var again = new TaskCompletionSource<(ulong? From, ulong ClientId, Submit Submit)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var next = new TaskCompletionSource<(ulong? From, Submit Submit)>(TaskCreationOptions.RunContinuationsAsynchronously);
        ulong before = 0;
        await using var server = new ScriptedServer(async peer =>
        {
            if (peer.Number == 0)
            {
                // The first operation is acknowledged, the second only read.
                var hello = await peer.WelcomeAsync();
                before = hello.ClientId;
                await peer.ReceiveSubmitsAsync();
                await peer.SendAsync(Commit(hello.ClientId, 1, 0));
                await peer.ReceiveSubmitsAsync();
                typed.SetResult();
                await peer.WaitForEndAsync();
            }
            else if (peer.Number == 1)
            {
                // Somebody else's was committed meanwhile, and not the second.
                await peer.WelcomeAsync(head: 2);
                await peer.SendAsync(Commit(99, 1, 1));
                again.SetResult((peer.FromVersion, peer.ClientId, (await peer.ReceiveSubmitsAsync())[0]));
                // It breaks again before it is acknowledged: this time it is in the log.
                await peer.CloseAsync(4005, "INTERNAL");
            }
            else
            {
                await peer.WelcomeAsync(head: 3);
                await peer.SendAsync(Commit(peer.ClientId, 2, 2));
                var submit = (await peer.ReceiveSubmitsAsync())[0];
                next.TrySetResult((peer.FromVersion, submit));
                await SequenceAsync(peer, 3, submit);
            }
        });
        using var generator = await OpenAsync([server.Address], clients: 1, writers: 1);
        var typing = generator.StepAsync(20, s_long, Stop);
        await typed.Task.WaitAsync(Stop);
        var back = generator.StormAsync(Stopwatch.GetTimestamp(), cuts: true, Stop);
        var (from, clientId, submit) = await again.Task.WaitAsync(Stop);
        Assert.Equal((1ul, before, 2ul, 2ul), (from, clientId, submit.ClientSeq, submit.BaseVersion));
        await back;
        var (fromThen, then) = await next.Task.WaitAsync(Stop);
        Assert.Equal((2ul, 3ul, 3ul), (fromThen, then.ClientSeq, then.BaseVersion));
        generator.EndStep();
        var (figures, _) = await typing;
        Assert.Equal(figures.Offered, figures.Acknowledged);
        Assert.Equal((figures.Expected, 0), (figures.Delivered, figures.Duplicated));
        var storm = await generator.ReadStormAsync(Stop);
        Assert.Equal((1, 1, 0), (storm.InFlight, storm.SentAgain, storm.LeftOut));
        Assert.Equal(1, storm.BackInTenth.Sum());
    }

    [Fact]
    public async Task An_operation_that_is_committed_twice_is_counted()
    {
        var typed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            if (peer.Number == 0)
            {
                await peer.WelcomeAsync();
                await peer.ReceiveSubmitsAsync();
                typed.SetResult();
                await peer.WaitForEndAsync();
            }

            await peer.WelcomeAsync(head: 2);
            await peer.SendAsync(Commit(peer.ClientId, 1, 0), Commit(peer.ClientId, 1, 1));
            await SequenceAsync(peer, 2);
        });
        using var generator = await OpenAsync([server.Address], clients: 1, writers: 1);
        var typing = generator.StepAsync(20, s_long, Stop);
        await typed.Task.WaitAsync(Stop);
        await generator.StormAsync(Stopwatch.GetTimestamp(), cuts: true, Stop);
        generator.EndStep();
        Assert.Equal(1, (await typing).Figures.Duplicated);
    }

    [Fact]
    public async Task Nobody_comes_back_sooner_than_he_is_told_to_the_millisecond_of_the_header()
    {
        var refused = 0;
        await using var server = new ScriptedServer(async peer =>
        {
            if (peer.Number is 3 or 4 or 5)
            {
                await peer.ReadRequestAsync();
                Interlocked.Increment(ref refused);
                // A client that took the seconds would be back after the minute that a test may take.
                await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3000\r\nCloudSync-Retry-After-Ms: 400\r\nContent-Length: 0\r\n\r\n");
                return;
            }

            await peer.WelcomeAsync();
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync([server.Address], clients: 3, writers: 0);
        await generator.StormAsync(Stopwatch.GetTimestamp(), cuts: true, Stop);
        var storm = await generator.ReadStormAsync(Stop);
        Assert.Equal((3, 3L, 3L), (refused, generator.SentBack, generator.Live));
        Assert.Equal((3, 0), (storm.Back.TotalCount, storm.LeftOut));
        Assert.True(storm.Back.GetValueAtPercentile(0) >= 399_000, $"One was back after {storm.Back.GetValueAtPercentile(0)} µs.");
        Assert.Empty(await generator.BreaksAsync(Stop));
    }

    [Fact]
    public async Task A_document_that_is_refused_until_later_is_asked_for_again_on_the_same_connection()
    {
        var asked = new TaskCompletionSource<(Open Open, TimeSpan After)>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            if (peer.Number == 0)
            {
                await peer.WelcomeAsync();
                await peer.WaitForEndAsync();
            }

            await peer.AcceptAsync();
            var began = Stopwatch.GetTimestamp();
            await peer.SendAsync(new ServerMessage
            {
                Error = new Error { Code = ErrorCode.GatewayBusy, DocumentId = "d", Retry = Retry.Later, RetryAfterMs = 300 },
            });
            asked.SetResult(((await peer.ReceiveAsync()).Messages[0].Open, Stopwatch.GetElapsedTime(began)));
            await peer.SendAsync(new ServerMessage { Opened = new Opened { DocumentId = "d" } });
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync([server.Address], clients: 1, writers: 0);
        await generator.StormAsync(Stopwatch.GetTimestamp(), cuts: true, Stop);
        var (open, after) = await asked.Task;
        Assert.Equal(("d", true, 0ul), (open.DocumentId, open.HasFromVersion, open.FromVersion));
        Assert.True(after >= TimeSpan.FromMilliseconds(299), $"It was asked for after {after}.");
        Assert.Equal((1, 1), (generator.Live, generator.SentBack));
    }

    [Fact]
    public async Task Whose_server_is_gone_goes_to_the_other_at_once()
    {
        var gone = new ScriptedServer(static async peer =>
        {
            await peer.WelcomeAsync();
            await peer.WaitForEndAsync();
        });
        await using var other = new ScriptedServer(static async peer =>
        {
            await peer.WelcomeAsync();
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync([gone.Address, other.Address], clients: 5, writers: 0);
        var back = generator.StormAsync(Stopwatch.GetTimestamp(), cuts: false, Stop);
        // It knows by now that all are going to come back.
        await generator.ReadStormAsync(Stop);
        await gone.DisposeAsync();
        await back;
        Assert.Equal((5, 0), (generator.Live, (await generator.ReadStormAsync(Stop)).LeftOut));
        // That nobody listens there any more is no failure of anybody.
        Assert.Empty(await generator.BreaksAsync(Stop));
    }

    [Fact]
    public async Task Whoever_is_told_to_go_leaves_at_his_moment_with_the_code_of_one_who_comes_back()
    {
        var left = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var storm = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var stopping = new ScriptedServer(async peer =>
        {
            await peer.WelcomeAsync();
            await storm.Task.WaitAsync(peer.Stopping);
            var told = Stopwatch.GetTimestamp();
            await peer.SendAsync(new ServerMessage { GoingAway = new GoingAway { ReconnectAfterMsMin = 200, ReconnectAfterMsMax = 300 } });
            var code = await peer.ReceiveCloseAsync();
            Assert.Equal(4000, code);
            left.SetResult(Stopwatch.GetElapsedTime(told));
        });
        await using var other = new ScriptedServer(static async peer =>
        {
            await peer.WelcomeAsync();
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync([stopping.Address, other.Address], clients: 1, writers: 0);
        var back = generator.StormAsync(Stopwatch.GetTimestamp(), cuts: false, Stop);
        // It knows by now that all are going to come back.
        await generator.ReadStormAsync(Stop);
        storm.SetResult();
        Assert.True(await left.Task.WaitAsync(Stop) >= TimeSpan.FromMilliseconds(199));
        await back;
        Assert.Equal((1, 0, 0), (generator.Live, generator.SentBack, (await generator.BreaksAsync(Stop)).Count));
    }

    private static async Task<LoadGenerator> OpenAsync(IReadOnlyList<Uri> servers, int clients, int writers)
    {
        var plan = new LoadPlan(servers, [new PlannedDocument("d", 0, clients, writers)]) { Composes = true, Patience = TimeSpan.FromSeconds(60) };
        var generator = await LoadGenerator.CreateAsync(plan, static () => new CloudSyncProtocol(new CloudSyncProtocolSettings(false, false)), Stop);
        await generator.OpenAsync(Stop);
        Assert.Equal(clients, generator.Live);
        return generator;
    }

    // Commits what comes, one after the other.
    private static async Task SequenceAsync(Peer peer, ulong version, Submit? first = null)
    {
        if (first is not null)
            await peer.SendAsync(Commit(peer.ClientId, first.ClientSeq, version++));
        while (true)
        {
            foreach (var submit in await peer.ReceiveSubmitsAsync())
                await peer.SendAsync(Commit(peer.ClientId, submit.ClientSeq, version++));
        }
    }

    private static ServerMessage Commit(ulong clientId, ulong sequence, ulong baseVersion) => new()
    {
        Committed = new Committed
        {
            DocumentId = "d", BaseVersion = baseVersion,
            Operations = { new CommittedOperation { ClientId = clientId, ClientSeq = sequence, Operation = ByteString.CopyFrom(0x0A, (byte)'x') } },
        },
    };
}
