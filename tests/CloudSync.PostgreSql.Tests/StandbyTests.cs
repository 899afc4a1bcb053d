// A standby: what is read from it, what is never acknowledged without it, and how it takes over.

using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class StandbyTests(StandbyTests.Pair pair) : IClassFixture<StandbyTests.Pair>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task History_and_snapshots_are_read_from_a_standby_that_is_new_enough_and_else_from_the_primary()
    {
        var meters = new Meters();
        await using var log = await OpenAsync(meters, patience: TimeSpan.FromSeconds(30));
        var id = await CreateAsync(log);
        await AppendAsync(log, id, 0, 5);
        await log.SaveSnapshotAsync(id, 5, new byte[] { 5 }, Cancellation);
        await CaughtUpAsync();

        Assert.Equal(5, (await log.ReadHistoryAsync(id, 0, 5, 1_000, Cancellation)).Count);
        Assert.Equal(5, (await log.FindSnapshotAsync(id, 5, Cancellation))!.Version);
        Assert.Equal(["answered", "answered"], meters.Outcomes);

        await pair.Standby.QueryAsync("SELECT pg_wal_replay_pause()", Cancellation);
        try
        {
            await AppendAsync(log, id, 5, 2);
            Assert.Equal(7, (await log.ReadHistoryAsync(id, 0, 7, 1_000, Cancellation)).Count);
            Assert.Equal("behind", meters.Outcomes[^1]);
            Assert.Equal(5, (await log.ReadHistoryAsync(id, 0, 5, 1_000, Cancellation)).Count);
            Assert.Equal("answered", meters.Outcomes[^1]);
        }
        finally
        {
            await pair.Standby.QueryAsync("SELECT pg_wal_replay_resume()", Cancellation);
        }
    }

    [Fact]
    public async Task A_standby_that_does_not_answer_costs_one_bounded_try_and_is_then_left_alone()
    {
        var meters = new Meters();
        await using var log = await OpenAsync(meters, patience: TimeSpan.FromMilliseconds(300));
        var id = await CreateAsync(log);
        await AppendAsync(log, id, 0, 5);
        pair.Standby.Pause();
        try
        {
            for (var i = 0; i < 3; i++)
                Assert.Equal(5, (await log.ReadHistoryAsync(id, 0, 5, 1_000, Cancellation)).Count);
            Assert.Equal(["failed", "paused", "paused"], meters.Outcomes);
        }
        finally
        {
            pair.Standby.Resume();
        }
    }

    [Fact]
    public async Task Without_its_synchronous_standby_nothing_is_acknowledged_nor_shown_until_it_is_back()
    {
        await using var log = await OpenAsync(new Meters(), patience: TimeSpan.FromSeconds(30));
        var id = await CreateAsync(log);
        var other = await CreateAsync(log);
        pair.Standby.Pause();
        try
        {
            var failure = await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, id, 0, 1));
            Assert.Contains("unknown", failure.Message, StringComparison.Ordinal);
            // Nobody may take it for acknowledged.
            await Assert.ThrowsAsync<LogUnavailableException>(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation));
            // And not every further attempt costs a connection.
            for (var i = 0; i < 6; i++)
                await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, other, 0, 1));
            Assert.Contains(
                "earlier writes have no answer yet",
                (await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, other, 0, 1))).Message,
                StringComparison.Ordinal);
            // What needs no confirmation is answered.
            Assert.Equal(0, (await log.FindAsync(id, Cancellation))!.Head);
        }
        finally
        {
            pair.Standby.Resume();
        }

        Assert.Single(await Appenders.UntilAvailableAsync(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation), Cancellation));
        await Appenders.UntilAvailableAsync(() => AppendAsync(log, id, 1, 1), Cancellation);
    }

    [Theory]
    [InlineData("notice")]
    [InlineData("error")]
    public async Task A_commit_whose_wait_for_the_standby_was_cancelled_is_not_acknowledged_and_not_read_before_it_is_there(string heard)
    {
        await pair.Primary.QueryAsync($"ALTER ROLE {PostgresSettings.Role} SET client_min_messages = {heard}", Cancellation);
        await using var log = await OpenAsync(new Meters(), patience: TimeSpan.FromSeconds(30), writeTimeout: TimeSpan.FromSeconds(3));
        var id = await CreateAsync(log);
        pair.Standby.Pause();
        try
        {
            var append = AppendAsync(log, id, 0, 1);
            await Eventually.IsAsync(
                async () => await pair.Primary.QueryAsync(
                    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", Cancellation) != "0",
                static () => "Nobody waits for the standby.");

            var failure = await Assert.ThrowsAsync<LogUnavailableException>(() => append);
            Assert.Contains("canceling wait for synchronous replication", failure.Message, StringComparison.Ordinal);
            // The server has it by now, and shows it.
            Assert.Equal(1, (await log.FindAsync(id, Cancellation))!.Head);
            await Assert.ThrowsAsync<LogUnavailableException>(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation));
        }
        finally
        {
            pair.Standby.Resume();
            await pair.Primary.QueryAsync($"ALTER ROLE {PostgresSettings.Role} RESET client_min_messages", Cancellation);
        }

        Assert.Single(await Appenders.UntilAvailableAsync(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation), Cancellation));
    }

    [Fact]
    public async Task What_a_killed_primary_had_not_sent_to_its_standby_is_not_read_before_the_standby_has_it()
    {
        await using var log = await OpenAsync(new Meters(), patience: TimeSpan.FromSeconds(30));
        var id = await CreateAsync(log);
        pair.Standby.Pause();
        try
        {
            await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, id, 0, 1));
            await pair.Primary.KillAsync();
            await pair.Primary.RestartAsync(Cancellation);
            // Recovered from its own log, and visible to everybody who only looks.
            Assert.Equal(1, (await Appenders.UntilAvailableAsync(() => log.FindAsync(id, Cancellation), Cancellation))!.Head);
            await Assert.ThrowsAsync<LogUnavailableException>(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation));
        }
        finally
        {
            pair.Standby.Resume();
        }

        Assert.Single(await Appenders.UntilAvailableAsync(() => log.ReadAsync(id, 0, 10, 1_000, Cancellation), Cancellation));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nor_by_a_log_that_was_idle_behind_PgBouncer_meanwhile_or_is_opened_afterwards(bool onlyItsProcesses)
    {
        using var directory = new TemporaryDirectory();
        await using var bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", directory.Folder("pgbouncer"), ServerProcess.FreePort(), "secret"),
            pair.Primary.Settings.Port, Cancellation);
        await using var log = await OpenAsync(new Meters(), patience: TimeSpan.FromSeconds(30), writeTimeout: TimeSpan.FromSeconds(3));
        var options = new PostgreSqlLogOptions
        {
            ConnectionString = bouncer.Settings.ConnectionString(), WriteTimeout = TimeSpan.FromSeconds(1),
        };
        await using var idle = await PostgreSqlLogStore.OpenAsync(options, keepOutbox: true);
        var id = await CreateAsync(idle);
        await AppendAsync(idle, id, 0, 1);
        Assert.Single(await idle.ReadAsync(id, 0, 10, 1_000, Cancellation));
        pair.Standby.Pause();
        try
        {
            var append = AppendAsync(log, id, 1, 1);
            var waiting = "";
            await Eventually.IsAsync(
                async () => (waiting = await pair.Primary.QueryAsync("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'", Cancellation)).Length > 0,
                static () => "Nobody waits for the standby.");
            if (onlyItsProcesses)
            {
                // One that dies takes all others with it, and the server begins anew by itself.
                using var kill = System.Diagnostics.Process.Start("kill", ["-KILL", waiting]);
                await kill.WaitForExitAsync(Cancellation);
            }
            else
            {
                await pair.Primary.KillAsync();
                await pair.Primary.RestartAsync(Cancellation);
            }

            await Assert.ThrowsAsync<LogUnavailableException>(() => append);
            // The others of its processes may live a moment longer, and show what was before.
            await Eventually.IsAsync(
                async () => (await Appenders.UntilAvailableAsync(() => idle.FindAsync(id, Cancellation), Cancellation))!.Head == 2,
                static () => "The server doesn't come back with what it had written.");
            await Assert.ThrowsAsync<LogUnavailableException>(() => idle.ReadAsync(id, 0, 10, 1_000, Cancellation));
            await Assert.ThrowsAsync<LogUnavailableException>(() => idle.ClaimAsync(10, Cancellation));
            await using var opened = await PostgreSqlLogStore.OpenAsync(options, keepOutbox: true);
            await Assert.ThrowsAsync<LogUnavailableException>(() => opened.ReadAsync(id, 0, 10, 1_000, Cancellation));
            await Assert.ThrowsAsync<LogUnavailableException>(() => opened.ClaimAsync(10, Cancellation));
        }
        finally
        {
            pair.Standby.Resume();
        }

        Assert.Equal(2, (await Appenders.UntilAvailableAsync(() => idle.ReadAsync(id, 0, 10, 1_000, Cancellation), Cancellation)).Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_failover_by_hand_the_log_goes_on_and_nothing_acknowledged_is_lost(bool throughBouncer)
    {
        await using var own = new Pair();
        await own.InitializeAsync();
        await using var bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", own.Folder("pgbouncer"), ServerProcess.FreePort(), "secret"),
            own.Primary.Settings.Port, Cancellation);
        var both = $"Host=127.0.0.1:{own.Primary.Settings.Port},127.0.0.1:{own.Standby.Settings.Port};Username=cloudsync;Password=secret;Database=cloudsync";
        await using var log = await PostgreSqlLogStore.OpenAsync(new PostgreSqlLogOptions
        {
            ConnectionString = throughBouncer ? bouncer.Settings.ConnectionString() : both,
            WriteTimeout = TimeSpan.FromSeconds(3),
        });
        using var appenders = await Appenders.StartAsync(log, 4, Cancellation);
        await appenders.WaitForAsync(30);

        await own.Primary.KillAsync();
        await own.Standby.PromoteAsync(Cancellation);
        if (throughBouncer)
            await bouncer.LeadToAsync(own.Standby.Settings.Port, Cancellation);

        await appenders.WaitForAsync(30);
        await appenders.CheckAsync(log);
    }

    [Fact]
    public async Task A_standby_in_the_primary_s_place_is_refused_with_the_name_of_the_setting()
    {
        var refusal = await Assert.ThrowsAsync<LogUnusableException>(() => PostgreSqlLogStore.OpenAsync(
            new PostgreSqlLogOptions { ConnectionString = pair.Standby.Settings.ConnectionString() }));

        Assert.Contains("read-only: a standby", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("CloudSync:PostgreSql:ConnectionString", refusal.Message, StringComparison.Ordinal);
    }

    private Task<PostgreSqlOperationLog> OpenAsync(Meters meters, TimeSpan patience, TimeSpan? writeTimeout = null) =>
        PostgreSqlOperationLog.OpenAsync(
            new PostgreSqlLogOptions
            {
                ConnectionString = pair.Primary.Settings.ConnectionString(),
                StandbyConnectionString = pair.Standby.Settings.ConnectionString(),
                StandbyTimeout = patience,
                WriteTimeout = writeTimeout ?? TimeSpan.FromSeconds(1),
            },
            keepOutbox: false, new PostgreSqlMetrics(meters), NullLogger.Instance, TimeProvider.System, Cancellation);

    private static async Task<string> CreateAsync(PostgreSqlOperationLog log)
    {
        var id = Guid.NewGuid().ToString("N");
        await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        return id;
    }

    private static Task<IReadOnlyList<AppendResult>> AppendAsync(PostgreSqlOperationLog log, string id, long head, int count) =>
        log.AppendAsync(
            [
                new DocumentAppend(
                    id, head,
                    [.. Enumerable.Range(1, count).Select(i => new NewOperation(1, (ulong)(head + i), head, "", DateTimeOffset.UnixEpoch, default))]),
            ],
            Cancellation);

    private async Task CaughtUpAsync()
    {
        var position = await pair.Primary.QueryAsync("SELECT pg_current_wal_lsn()", Cancellation);
        await Eventually.IsAsync(
            async () => await pair.Standby.QueryAsync($"SELECT pg_last_wal_replay_lsn() >= '{position}'", Cancellation) == "t",
            static () => "The standby doesn't catch up.");
    }

    /// <summary>A primary and its synchronous standby.</summary>
    public sealed class Pair : IAsyncLifetime
    {
        private readonly TemporaryDirectory _directory = new();
        private PostgresServer? _primary;
        private PostgresServer? _standby;

        public PostgresServer Primary => _primary!;

        public PostgresServer Standby => _standby!;

        public string Folder(string name) => _directory.Folder(name);

        public async ValueTask InitializeAsync()
        {
            _primary = await PostgresServer.StartAsync(
                new PostgresSettings("first", Folder("first"), ServerProcess.FreePort(), "secret"), Cancellation);
            _standby = await PostgresServer.StartStandbyAsync(
                new PostgresSettings("second", Folder("second"), ServerProcess.FreePort(), "secret"), _primary, Cancellation);
            await _primary.SetSynchronousStandbyAsync("second", Cancellation);
        }

        public async ValueTask DisposeAsync()
        {
            if (_standby is not null)
                await _standby.DisposeAsync();
            if (_primary is not null)
                await _primary.DisposeAsync();
            _directory.Dispose();
        }
    }

    /// <summary>The meters of one log, and who answered its reads.</summary>
    private sealed class Meters : IMeterFactory
    {
        private readonly ConcurrentQueue<string> _outcomes = new();
        private readonly MeterListener _listener = new();
        private Meter? _meter;

        public Meters()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == _meter && instrument.Name == "cloudsync.postgresql.standby.reads")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, _, tags, _) => _outcomes.Enqueue((string)tags[0].Value!));
            _listener.Start();
        }

        public IReadOnlyList<string> Outcomes => [.. _outcomes];

        public Meter Create(MeterOptions options) => _meter = new Meter(options);

        public void Dispose()
        {
            _listener.Dispose();
            _meter?.Dispose();
        }
    }
}
