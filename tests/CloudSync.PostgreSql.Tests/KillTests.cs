// What was acknowledged is there after the server was killed without warning, and the log goes on without being opened anew.

using System.Collections.Concurrent;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using CloudSync.Tests.Shared;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class KillTests
{
    private const int Kills = 3;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_acknowledged_is_lost_when_the_server_is_killed_under_appends(bool throughBouncer)
    {
        using var directory = new TemporaryDirectory();
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("killed", directory.Folder("killed"), ServerProcess.FreePort(), "secret"), Cancellation);
        await using var bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", directory.Folder("pgbouncer"), ServerProcess.FreePort(), "secret"),
            server.Settings.Port, Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(new PostgreSqlLogOptions
        {
            ConnectionString = throughBouncer ? bouncer.Settings.ConnectionString() : server.Settings.ConnectionString(),
        });
        using var appenders = await Appenders.StartAsync(log, 4, Cancellation);

        for (var kill = 0; kill < Kills; kill++)
        {
            await appenders.WaitForAsync(40);
            await server.KillAsync();
            await server.RestartAsync(Cancellation);
        }

        await appenders.WaitForAsync(40);
        await appenders.CheckAsync(log);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_holds_nobody_up_and_what_it_had_taken_is_found_later()
    {
        using var directory = new TemporaryDirectory();
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("paused", directory.Folder("paused"), ServerProcess.FreePort(), "secret"), Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(new PostgreSqlLogOptions
        {
            ConnectionString = server.Settings.ConnectionString(),
            WriteTimeout = TimeSpan.FromSeconds(1),
            ReadTimeout = TimeSpan.FromSeconds(1),
        });
        await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        server.Pause();

        var append = await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, 0));
        Assert.Contains("unknown", append.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<LogUnavailableException>(() => log.FindAsync("a", Cancellation));
        server.Resume();

        // It had been sent: now it is carried out, and whoever tries again finds it.
        await Appenders.UntilAvailableAsync(async () => await AppendAsync(log, 0), Cancellation);
        Assert.Single(await log.ReadAsync("a", 0, 10, 1_000, Cancellation));
    }

    [Fact]
    public async Task Rows_that_another_keeps_locked_are_told_as_such_and_nothing_was_written()
    {
        using var directory = new TemporaryDirectory();
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("locked", directory.Folder("locked"), ServerProcess.FreePort(), "secret"), Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(
            new PostgreSqlLogOptions { ConnectionString = server.Settings.ConnectionString() });
        await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        await using (var other = new Npgsql.NpgsqlConnection(server.Settings.ConnectionString()))
        {
            await other.OpenAsync(Cancellation);
            await using var transaction = await other.BeginTransactionAsync(Cancellation);
            await using var command = new Npgsql.NpgsqlCommand("SELECT FROM cloudsync.documents FOR UPDATE", other);
            await command.ExecuteNonQueryAsync(Cancellation);

            var failure = await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, 0));
            Assert.Contains("keeps rows locked", failure.Message, StringComparison.Ordinal);
        }

        Assert.Empty(await log.ReadAsync("a", 0, 10, 1_000, Cancellation));
        Assert.Equal(AppendOutcome.Appended, (await AppendAsync(log, 0))[0].Outcome);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_append_that_is_undone_to_end_a_deadlock_is_carried_out_once(bool throughBouncer)
    {
        using var directory = new TemporaryDirectory();
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("deadlock", directory.Folder("deadlock"), ServerProcess.FreePort(), "secret")
            {
                // Long enough for the other to come, shorter than an append waits for a lock.
                More = ["deadlock_timeout = '3s'"],
            },
            Cancellation);
        await using var bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", directory.Folder("pgbouncer"), ServerProcess.FreePort(), "secret"),
            server.Settings.Port, Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(new PostgreSqlLogOptions
        {
            ConnectionString = throughBouncer ? bouncer.Settings.ConnectionString() : server.Settings.ConnectionString(),
        });
        foreach (var id in (string[])["a", "b"])
            await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        await using var other = new Npgsql.NpgsqlConnection(
            server.Settings.ConnectionString(PostgresSettings.Superuser, PostgresSettings.Database));
        await other.OpenAsync(Cancellation);
        await using (var transaction = await other.BeginTransactionAsync(Cancellation))
        {
            // It is the other that notices: this one never looks for a deadlock.
            await RunAsync(other, "SET LOCAL deadlock_timeout = '10min'; SELECT FROM cloudsync.documents WHERE id = 'b' FOR UPDATE");
            var appending = log.AppendAsync(
                [
                    .. ((string[])["b", "a"]).Select(id => new DocumentAppend(
                        id, 0, [new NewOperation(1, 1, 0, "", DateTimeOffset.UnixEpoch, default), new NewOperation(1, 2, 0, "", DateTimeOffset.UnixEpoch, default)])),
                ],
                Cancellation);
            await Eventually.IsAsync(
                async () => await server.QueryAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", Cancellation) != "0",
                static () => "The append doesn't wait for the lock.");

            await RunAsync(other, "SELECT FROM cloudsync.documents WHERE id = 'a' FOR UPDATE");
            await transaction.CommitAsync(Cancellation);

            Assert.All(await appending, result => Assert.Equal(new AppendResult(AppendOutcome.Appended, 2), result));
        }

        Assert.Contains("deadlock detected", await File.ReadAllTextAsync(server.Process.LogFile, Cancellation), StringComparison.Ordinal);
        foreach (var id in (string[])["a", "b"])
            Assert.Equal([1UL, 2UL], (await log.ReadAsync(id, 0, 10, 1_000, Cancellation)).Select(operation => operation.ClientSequence));
    }

    private static async Task RunAsync(Npgsql.NpgsqlConnection connection, string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    private static Task<IReadOnlyList<AppendResult>> AppendAsync(PostgreSqlOperationLog log, long head) => log.AppendAsync(
        [new DocumentAppend("a", head, [new NewOperation(1, (ulong)head + 1, head, "", DateTimeOffset.UnixEpoch, default)])], Cancellation);
}

/// <summary>
/// Appenders, each with a document of its own, one operation after the other, as the document layer does it: after a failure
/// the log is read, and what is found there counts as acknowledged.
/// </summary>
internal sealed class Appenders : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _acknowledged = new();
    private readonly SemaphoreSlim _more = new(0);
    private readonly CancellationTokenSource _stop;
    private readonly string[] _ids;
    private Task _running = Task.CompletedTask;

    private Appenders(int count, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _ids = [.. Enumerable.Range(0, count).Select(i => $"d{i}")];
    }

    public static async Task<Appenders> StartAsync(IOperationLog log, int count, CancellationToken cancellation)
    {
        var appenders = new Appenders(count, cancellation);
        foreach (var id in appenders._ids)
            await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), cancellation);
        appenders._running = Task.WhenAll(appenders._ids.Select(id => Task.Run(() => appenders.AppendAsync(log, id), cancellation)));
        return appenders;
    }

    /// <summary>Waits until each has had so many more acknowledged.</summary>
    public async Task WaitForAsync(int count)
    {
        var before = _ids.Select(id => _acknowledged.GetValueOrDefault(id)).ToArray();
        while (_ids.Where((id, i) => _acknowledged.GetValueOrDefault(id) < before[i] + count).Any())
        {
            var more = _more.WaitAsync(_stop.Token);
            // They end only if something is wrong.
            if (await Task.WhenAny(more, _running) == _running)
                await _running;
            await more;
        }
    }

    /// <summary>Stops them, and compares the log with what they were told.</summary>
    public async Task CheckAsync(IOperationLog log)
    {
        await _stop.CancelAsync();
        try
        {
            await _running;
        }
        catch (OperationCanceledException)
        {
        }

        foreach (var id in _ids)
        {
            var read = await log.ReadAsync(id, 0, 100_000, int.MaxValue, CancellationToken.None);
            Assert.True(read.Count >= _acknowledged[id], $"{id}: {_acknowledged[id]} was acknowledged, {read.Count} is there.");
            Assert.Equal(Enumerable.Range(1, read.Count).Select(i => (ulong)i), read.Select(operation => operation.ClientSequence));
        }
    }

    /// <summary>Tries again as long as the log is unavailable.</summary>
    public static async Task<T> UntilAvailableAsync<T>(Func<Task<T>> use, CancellationToken cancellation)
    {
        T? used = default;
        await Eventually.IsAsync(
            async () =>
            {
                cancellation.ThrowIfCancellationRequested();
                try
                {
                    used = await use();
                    return true;
                }
                catch (LogUnavailableException)
                {
                    return false;
                }
            },
            static () => "The log doesn't become available.");
        return used!;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _more.Dispose();
    }

    private async Task AppendAsync(IOperationLog log, string id)
    {
        for (var head = 0L; ; head++)
        {
            _stop.Token.ThrowIfCancellationRequested();
            await UntilAvailableAsync(
                async () =>
                {
                    try
                    {
                        var result = (await log.AppendAsync(
                            [new DocumentAppend(id, head, [new NewOperation(1, (ulong)head + 1, head, "", DateTimeOffset.UnixEpoch, default)])],
                            CancellationToken.None))[0];
                        if (result.Outcome == AppendOutcome.Appended)
                            return true;
                        Assert.Equal(new AppendResult(AppendOutcome.Conflict, head + 1), result);
                    }
                    catch (LogUnavailableException)
                    {
                        if ((await log.ReadAsync(id, head, 10, 1_000, CancellationToken.None)).Count == 0)
                            throw;
                    }

                    // An earlier try of our own that wasn't answered.
                    var found = Assert.Single(await log.ReadAsync(id, head, 10, 1_000, CancellationToken.None));
                    Assert.Equal((ulong)head + 1, found.ClientSequence);
                    return true;
                },
                _stop.Token);
            _acknowledged[id] = head + 1;
            _more.Release();
        }
    }
}
