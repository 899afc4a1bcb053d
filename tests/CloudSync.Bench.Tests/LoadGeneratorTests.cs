// The generator against servers that behave badly: what it says then has to be so.

using System.Diagnostics;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class LoadGeneratorTests
{
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(0.5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_stands_still_is_seen_by_every_keystroke_that_was_due_meanwhile()
    {
        var standsStill = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            await peer.WelcomeAsync();
            await SequenceAsync(peer, before: version => version == 0 ? standsStill.Task : Task.CompletedTask);
        });
        using var generator = await OpenAsync(server, clients: 1, writers: 1);
        var stepping = generator.StepAsync(200, s_step, Stop);
        var began = Stopwatch.GetTimestamp();
        // Until all of them are due: nothing else can be waited for, since nothing is sent meanwhile.
        while (generator.Sent == 0 || Stopwatch.GetElapsedTime(began) < 2 * s_step)
            await Task.Delay(10, Stop);
        standsStill.SetResult();
        var (figures, _) = await stepping;

        Assert.Equal((100, 100, 100, 100), (figures.Offered, figures.Sent, figures.Acknowledged, figures.Delivered));
        Assert.Equal(100, figures.Latency.TotalCount);
        // The last was due 0.2 s before the server went on, at least: all of them waited for it.
        Assert.True(LoadStep.Milliseconds(figures.Latency, 1) >= 190, $"p1 is {LoadStep.Milliseconds(figures.Latency, 1)} ms");
    }

    [Fact]
    public async Task What_waits_is_composed_if_it_is_to_be_and_each_keystroke_counts()
    {
        var standsStill = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            await peer.WelcomeAsync();
            await SequenceAsync(peer, before: version => version == 0 ? standsStill.Task : Task.CompletedTask);
        });
        using var generator = await OpenAsync(server, clients: 1, writers: 1, composes: true);
        var stepping = generator.StepAsync(200, s_step, Stop);
        var began = Stopwatch.GetTimestamp();
        while (generator.Sent == 0 || Stopwatch.GetElapsedTime(began) < 2 * s_step)
            await Task.Delay(10, Stop);
        standsStill.SetResult();
        var (figures, _) = await stepping;
        Assert.Equal((100, 100, 100), (figures.Sent, figures.Acknowledged, figures.Delivered));
        Assert.Equal(2, figures.Operations);
        Assert.Equal(100, figures.Latency.TotalCount);
    }

    [Fact]
    public async Task A_keystroke_that_does_not_come_to_a_screen_is_lost_and_one_that_is_refused_is_named()
    {
        // The second keystroke is refused; the last never comes back.
        await using var server = new ScriptedServer(async peer =>
        {
            var hello = await peer.WelcomeAsync();
            for (var version = 0ul; ;)
            {
                foreach (var submit in await peer.ReceiveSubmitsAsync())
                {
                    if (submit.ClientSeq == 2)
                        await peer.SendAsync(new ServerMessage { Error = new Error { Code = ErrorCode.TooManyPending, DocumentId = "d", ClientSeq = 2, Retry = Retry.Later } });
                    else if (submit.ClientSeq < 5)
                        await peer.SendAsync(Commit(hello.ClientId, submit.ClientSeq, version++));
                }
            }
        });
        // What never comes is waited for so long; everything else is there at once.
        using var generator = await OpenAsync(server, clients: 1, writers: 1, patience: 3);
        var (figures, _) = await generator.StepAsync(10, s_step, Stop);
        Assert.Equal((5, 5, 3, 3, 3), (figures.Offered, figures.Sent, figures.Acknowledged, figures.Expected, figures.Delivered));
        Assert.Equal(new Dictionary<string, long> { ["TooManyPending"] = 1 }, figures.Refused);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_counted_and_named_and_what_its_screen_misses_is_lost()
    {
        // The first connection is the writer's. The other is closed at the first keystroke.
        var typed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            await peer.WelcomeAsync();
            if (peer.Number == 0)
            {
                await SequenceAsync(peer, _ =>
                {
                    typed.TrySetResult();
                    return Task.CompletedTask;
                });
            }

            await typed.Task.WaitAsync(peer.Stopping);
            await peer.CloseAsync(4005, "INTERNAL");
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync(server, clients: 2, writers: 1, patience: 3);
        var (figures, _) = await generator.StepAsync(10, s_step, Stop);
        Assert.Equal((5, 10, 5), (figures.Acknowledged, figures.Expected, figures.Delivered));
        Assert.Equal(new Dictionary<string, int> { ["The server closed: 4005 INTERNAL"] = 1 }, await generator.BreaksAsync(Stop));
        Assert.Equal((1, 1), (generator.Live, generator.Broken));
    }

    [Fact]
    public async Task Whoever_is_sent_away_comes_back_when_the_server_says_and_whoever_is_refused_does_not()
    {
        await using var server = new ScriptedServer(async peer =>
        {
            if (peer.Number == 0)
            {
                await peer.ReadRequestAsync();
                await peer.WriteAsync("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0.1\r\nContent-Length: 0\r\n\r\n");
            }
            else if (peer.Number == 1)
            {
                await peer.ReadRequestAsync();
                await peer.WriteAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            }
            else
            {
                await peer.WelcomeAsync();
                await peer.WaitForEndAsync();
            }
        });
        using var generator = await OpenAsync(server, clients: 2, writers: 0, atOnce: 1);
        Assert.Equal((1, 1, 1), (generator.Live, generator.Broken, generator.SentBack));
        Assert.Equal("The server refused the upgrade: HTTP/1.1 403 Forbidden", Assert.Single(await generator.BreaksAsync(Stop)).Key);
    }

    [Fact]
    public async Task A_message_in_pieces_with_a_ping_between_them_and_a_run_of_versions_are_read()
    {
        var answered = new TaskCompletionSource<byte>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedServer(async peer =>
        {
            var hello = await peer.WelcomeAsync();
            await peer.ReceiveSubmitsAsync();
            // Nine versions of somebody else's as one, then the keystroke; in three pieces, one of them empty, and a ping.
            var run = new ServerMessage
            {
                Committed = new Committed { DocumentId = "d", Operations = { new CommittedOperation { Count = 9 } } },
            };
            var bytes = new ServerFrame { Messages = { run, Commit(hello.ClientId, 1, 9) } }.ToByteArray();
            await peer.SendPieceAsync(bytes.AsMemory(0, 3), false);
            await peer.WriteAsync([0x89, 0x01, 0x55]);
            await peer.SendPieceAsync(Memory<byte>.Empty, false);
            await peer.SendPieceAsync(bytes.AsMemory(3), true);
            var next = (await peer.ReceiveSubmitsAsync())[0];
            await peer.SendAsync(Commit(hello.ClientId, 2, 10));
            answered.SetResult((byte)next.BaseVersion);
            await peer.WaitForEndAsync();
        });
        using var generator = await OpenAsync(server, clients: 1, writers: 1);
        var (figures, _) = await generator.StepAsync(4, s_step, Stop);
        Assert.Equal((2, 2), (figures.Acknowledged, figures.Delivered));
        Assert.Equal(10, await answered.Task);
        Assert.Equal(0, generator.Broken);
    }

    private static async Task<LoadGenerator> OpenAsync(
        ScriptedServer server, int clients, int writers, bool composes = false, int atOnce = 64, int patience = 60)
    {
        var plan = new LoadPlan([server.Address], [new PlannedDocument("d", 0, clients, writers)])
        {
            Composes = composes, OpeningAtOnce = atOnce, Patience = TimeSpan.FromSeconds(patience),
        };
        var generator = await LoadGenerator.CreateAsync(plan, static () => new CloudSyncProtocol(new CloudSyncProtocolSettings(false, false)), Stop);
        await generator.OpenAsync(Stop);
        return generator;
    }

    // Commits whatever comes, one after the other.
    private static async Task SequenceAsync(Peer peer, Func<ulong, Task> before)
    {
        for (var version = 0ul; ;)
        {
            foreach (var submit in await peer.ReceiveSubmitsAsync())
            {
                await before(version);
                await peer.SendAsync(Commit(peer.ClientId, submit.ClientSeq, version++));
            }
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
