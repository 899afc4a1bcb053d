// What dies, is missed or comes twice: nothing acknowledged is lost, nothing is applied twice.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Data.Sqlite;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class FaultTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    private static Task<DocumentRecord> CreateAsync(DocumentsHost host, string id = "d") =>
        host.Service.CreateAsync(id, "text", "D", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);

    [Fact]
    public async Task An_append_whose_outcome_is_unknown_is_looked_up_and_not_written_twice()
    {
        await using var host = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await CreateAsync(host);
        using var one = await host.OpenAsync("d", 1);
        var hidden = 0;
        host.Log.FailAfterAppend = () => hidden++ == 0;
        one.Submit(Insert(0, "x"));
        await one.ReachAsync(1);
        await one.ReadUntilAsync(() => one.Messages.Any(message => message.BodyCase == ServerMessage.BodyOneofCase.Ack));
        one.Submit(Insert(1, "y"));
        await one.ReachAsync(2);
        Assert.Equal("xy", one.Text);
        Assert.Equal(2, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    [Fact]
    public async Task An_append_that_wrote_nothing_is_tried_again()
    {
        await using var host = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await CreateAsync(host);
        using var one = await host.OpenAsync("d", 1);
        var failures = 0;
        host.Log.FailBeforeAppend = () => failures++ < 2;
        one.Submit(Insert(0, "x"));
        await one.ReachAsync(1);
        Assert.Equal("x", one.Text);
    }

    [Fact]
    public async Task While_the_log_is_down_edits_are_refused_with_later_and_go_through_when_it_is_back()
    {
        await using var host = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await CreateAsync(host);
        using var one = await host.OpenAsync("d", 1);
        var down = true;
        host.Log.FailBeforeAppend = () => down;
        one.Submit(Insert(0, "x"), 0, 1);
        await one.ReadUntilAsync(() => one.Errors.Count == 1);
        Assert.Equal(ErrorCode.LogUnavailable, one.Errors[0].Code);
        Assert.Equal(Retry.Later, one.Errors[0].Retry);
        Assert.True(one.Errors[0].RetryAfterMs > 0);
        Assert.Contains("Told to fail", host.Documents.Writes.Trouble);
        down = false;
        one.Submit(Insert(0, "x"), 0, 1);
        await one.ReachAsync(1);
        Assert.Equal("x", one.Text);
        Assert.Null(host.Documents.Writes.Trouble);
    }

    [Fact]
    public async Task A_log_that_fails_after_many_conflicts_is_waited_for_no_longer_than_after_none()
    {
        await using var here = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await using var elsewhere = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await CreateAsync(here);
        using var one = await here.OpenAsync("d", 1);
        const int Conflicts = 12;
        var attempts = 0;
        here.Log.BeforeAppend = () => attempts++ < Conflicts
            ? elsewhere.Service.AppendAsync("d", new DocumentEdit(Insert(0, "y").Bytes), CancellationToken.None)
            : Task.CompletedTask;
        here.Log.FailBeforeAppend = () => attempts == Conflicts + 1;
        // Had the conflicts counted as failures, the next attempt would come in seven minutes.
        one.Submit(Insert(0, "x"), 0, 1);
        await one.ReadUntilAsync(() => one.VersionOf.Count == 1);
        Assert.Equal(Conflicts + 2, attempts);
        Assert.Equal(Conflicts + 1, one.Text.Length);
    }

    [Fact]
    public async Task Two_replicas_can_run_even_without_any_fan_out_and_never_overwrite_each_other()
    {
        await using var first = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await using var second = await DocumentsHost.StartAsync(_directory.File("log.db"));
        await CreateAsync(first);
        using var one = await first.OpenAsync("d", 1);
        using var two = await second.OpenAsync("d", 2);
        one.Submit(Insert(0, "a"));
        await one.ReachAsync(1);
        // The second gateway has heard nothing: its append finds another head, reads, transforms and goes through.
        two.Submit(Insert(0, "b"));
        await two.ReachAsync(2);
        Assert.Equal("ab", two.Text);
        one.Submit(Insert(1, "c"));
        await one.ReachAsync(3);
        Assert.Equal("abc", one.Text);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Gateways_whose_fan_out_loses_repeats_and_reorders_converge(int gateways)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var fanout = new LossyFanout(seed);
        var hosts = new List<DocumentsHost>();
        for (var i = 0; i < gateways; i++)
        {
            hosts.Add(await DocumentsHost.StartAsync(_directory.File("log.db"), fanout, options =>
            {
                options.HeadCheckInterval = TimeSpan.FromMilliseconds(100);
                options.SnapshotOperations = 50;
            }));
        }

        await CreateAsync(hosts[0]);
        var sessions = new List<TestSession>();
        for (var i = 0; i < 6; i++)
            sessions.Add(await hosts[i % gateways].OpenAsync("d", (ulong)i + 1));
        var hidden = new Random(seed + 1);
        foreach (var host in hosts)
            host.Log.FailAfterAppend = () => hidden.Next(20) == 0;

        const int operations = 40;
        var seeds = sessions.Select(_ => random.Next()).ToList();
        await Task.WhenAll(sessions.Select((session, index) => Task.Run(() => WriteAsync(session, operations, seeds[index]))));
        var total = sessions.Count * operations;
        foreach (var session in sessions)
            await session.ReachAsync(total);

        Assert.Equal(total, (await hosts[0].Service.GetAsync("d", CancellationToken.None)).Head);
        var logged = await hosts[0].Service.ReadOperationsAsync("d", 0, 1_000, CancellationToken.None);
        Assert.Equal(total, logged.Select(operation => (operation.ClientId, operation.ClientSequence)).Distinct().Count());
        Assert.Equal(Enumerable.Range(1, total).Select(version => (long)version), logged.Select(operation => operation.Version));
        var content = (await hosts[0].Service.ReadAsync("d", total, CancellationToken.None)).State;
        Assert.All(sessions, session => Assert.Equal(Delta.FromState(content), session.Content));
        sessions.ForEach(session => session.Dispose());
        foreach (var host in hosts)
            await host.DisposeAsync();
    }

    private static async Task WriteAsync(TestSession session, int operations, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < operations; i++)
        {
            var length = session.Content.ToPlainText().Length;
            var position = random.Next(length + 1);
            var operation = length > 5 && random.Next(3) == 0
                ? Delta.Build().Retain(Math.Min(position, length - 1)).Delete(1).ToDelta()
                : Insert(position, ((char)('a' + random.Next(26))).ToString());
            var version = session.Version;
            var sequence = session.Submit(operation);
            while (!session.VersionOf.ContainsKey(sequence))
            {
                var errors = session.Errors.Count;
                await session.ReadUntilAsync(
                    () => session.VersionOf.ContainsKey(sequence) || session.Errors.Count > errors);
                if (!session.VersionOf.ContainsKey(sequence))
                {
                    Assert.Equal(Retry.Later, session.Errors[^1].Retry);
                    session.Submit(operation, version, sequence);
                }
            }

            await session.ReachAsync(session.VersionOf[sequence]);
        }
    }

    [Fact]
    public async Task A_failed_load_never_overwrites_a_document_with_a_blank()
    {
        await using (var first = await DocumentsHost.StartAsync(_directory.File("log.db")))
        {
            await CreateAsync(first);
            using var one = await first.OpenAsync("d", 1);
            one.Submit(Insert(0, "kept"));
            await one.ReachAsync(1);
        }

        var fanout = new InProcessFanout();
        await using var host = await DocumentsHost.StartAsync(_directory.File("log.db"), fanout);
        var subscribed = fanout.SubscribedDocuments;
        var failing = true;
        host.Log.FailRead = () => failing;
        for (var i = 0; i < 3; i++)
        {
            var refused = await Assert.ThrowsAsync<RefusedException>(() => host.OpenAsync("d", 2));
            Assert.Equal(ErrorCode.LogUnavailable, refused.Refusal.Code);
            Assert.Equal(0, host.Documents.Count);
            Assert.Equal(subscribed, fanout.SubscribedDocuments);
            // Neither is anything written that was made on what could not be read.
            refused = await Assert.ThrowsAsync<RefusedException>(() => host.Service.AppendAsync(
                "d", new DocumentEdit(Insert(0, "blank").Bytes), CancellationToken.None));
            Assert.Equal(ErrorCode.LogUnavailable, refused.Refusal.Code);
        }

        failing = false;
        using var two = await host.OpenAsync("d", 2);
        Assert.Equal("kept", two.Text);
        Assert.Equal(0, host.Log.Appends);
        Assert.Equal(1, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    [Fact]
    public async Task A_rejected_load_leaks_no_map_entry_and_no_timer()
    {
        var time = new TimerCount();
        var fanout = new InProcessFanout();
        await using var host = await DocumentsHost.StartAsync(_directory.File("log.db"), fanout, time: time);
        Assert.Equal(0, host.Documents.Count);
        var (timers, subscribed) = (time.Running, fanout.SubscribedDocuments);
        Assert.NotEqual(0, timers);
        for (var i = 0; i < 1_000; i++)
        {
            var refused = await Assert.ThrowsAsync<RefusedException>(() => host.OpenAsync($"none-{i}", 1));
            Assert.Equal(ErrorCode.DocumentNotFound, refused.Refusal.Code);
        }

        Assert.Equal(0, host.Documents.Count);
        Assert.Equal(timers, time.Running);
        Assert.Equal(subscribed, fanout.SubscribedDocuments);
    }

    // The real clock, which knows how many timers were made and not disposed of. Those of a delay dispose of themselves.
    private sealed class TimerCount : TimeProvider
    {
        private int _running;

        public int Running => Volatile.Read(ref _running);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _running);
            return new Timer(base.CreateTimer(callback, state, dueTime, period), this);
        }

        private sealed class Timer(ITimer inner, TimerCount time) : ITimer
        {
            private int _disposed;

            public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(dueTime, period);

            public void Dispose()
            {
                if (Interlocked.Exchange(ref _disposed, 1) == 0)
                    Interlocked.Decrement(ref time._running);
                inner.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }

    [Fact]
    public async Task A_document_that_cannot_be_rebuilt_is_unreadable_and_its_neighbour_is_not()
    {
        var path = _directory.File("log.db");
        await using (var first = await DocumentsHost.StartAsync(path))
        {
            await CreateAsync(first);
            await CreateAsync(first, "neighbour");
            using var one = await first.OpenAsync("d", 1);
            one.Submit(Insert(0, "x"));
            await one.ReachAsync(1);
        }

        await ExecuteAsync(path, "UPDATE operations SET operation = x'FFFFFFFF'");
        await using var host = await DocumentsHost.StartAsync(path);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => host.OpenAsync("d", 2));
        Assert.Equal(ErrorCode.DocumentUnreadable, refused.Refusal.Code);
        Assert.Equal(0, host.Documents.Count);
        using var two = await host.OpenAsync("neighbour", 2);
        two.Submit(Insert(0, "fine"));
        await two.ReachAsync(1);
        // Nothing was written over it.
        Assert.Equal(1, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    [Fact]
    public async Task A_snapshot_that_is_damaged_is_passed_over()
    {
        var path = _directory.File("log.db");
        await using (var first = await DocumentsHost.StartAsync(path))
        {
            await CreateAsync(first);
            using var one = await first.OpenAsync("d", 1);
            one.Submit(Insert(0, "from the log"));
            await one.ReachAsync(1);
            await first.Log.SaveSnapshotAsync("d", 1, new byte[] { 0xFF, 0xFF, 0xFF }, CancellationToken.None);
        }

        await using var host = await DocumentsHost.StartAsync(path);
        using var two = await host.OpenAsync("d", 2);
        Assert.Equal("from the log", two.Text);
    }

    private static async Task ExecuteAsync(string path, string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.True(await command.ExecuteNonQueryAsync() > 0);
    }
}
