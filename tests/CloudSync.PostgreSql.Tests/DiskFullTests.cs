// A full disk: nothing is acknowledged that isn't there, what is there can be read, and with room again it goes on.

using CloudSync.Cluster.Parts;
using CloudSync.Log;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class DiskFullTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_tables_have_no_room_writes_are_refused_reads_go_on_and_with_room_again_so_do_writes(bool throughBouncer)
    {
        using var directory = new TemporaryDirectory();
        using var disk = SmallDisk.Mount(directory.Folder("disk"), 48);
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("full", directory.Folder("full"), ServerProcess.FreePort(), "secret"), Cancellation);
        await using var bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", directory.Folder("pgbouncer"), ServerProcess.FreePort(), "secret"),
            server.Settings.Port, Cancellation);
        await OwnAsync(disk.Path);
        await server.QueryAsync($"CREATE TABLESPACE small LOCATION '{disk.Path}'", Cancellation);
        await server.QueryAsync($"CREATE DATABASE small OWNER {PostgresSettings.Role} TABLESPACE small", Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(new PostgreSqlLogOptions
        {
            ConnectionString = throughBouncer
                ? bouncer.Settings.ConnectionString(database: "small") : server.Settings.ConnectionString(database: "small"),
        });
        foreach (var id in (string[])["a", "b"])
            await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        Assert.Equal(AppendOutcome.Appended, (await AppendAsync(log, "a", 0)).Outcome);
        disk.Fill();

        var head = 1;
        LogUnavailableException? refusal = null;
        while (refusal is null)
        {
            try
            {
                Assert.Equal(AppendOutcome.Appended, (await AppendAsync(log, "a", head)).Outcome);
                head++;
            }
            catch (LogUnavailableException exception)
            {
                refusal = exception;
            }
        }

        Assert.Contains("its disk is full", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        // Not one document's trouble, and not the readers'.
        await Assert.ThrowsAsync<LogUnavailableException>(() => AppendAsync(log, "b", 0));
        Assert.Equal(head, (await log.FindAsync("a", Cancellation))!.Head);
        Assert.Equal(head, (await ReadAsync(log, "a")).Count);
        Assert.Equal(head, (await log.ReadHistoryAsync("a", 0, head, int.MaxValue, Cancellation)).Count);

        disk.Empty();
        Assert.Equal(new AppendResult(AppendOutcome.Appended, head + 1), await AppendAsync(log, "a", head));
        Assert.Equal(new AppendResult(AppendOutcome.Appended, 1), await AppendAsync(log, "b", 0));
        Assert.Equal(
            Enumerable.Range(1, head + 1).Select(i => (ulong)i), (await ReadAsync(log, "a")).Select(operation => operation.ClientSequence));
        var links = await log.ReadAuditLinksAsync("a", 0, 100_000, Cancellation);
        Assert.Equal(head + 1, links.Count);
    }

    // Then PostgreSQL can't go on at all: it ends, and comes back when there is room.
    [Fact]
    public async Task When_its_own_log_has_no_room_the_server_ends_and_with_room_again_nothing_acknowledged_is_lost()
    {
        using var directory = new TemporaryDirectory();
        using var disk = SmallDisk.Mount(directory.Folder("disk"), 160);
        await using var server = await PostgresServer.StartAsync(
            new PostgresSettings("full", Path.Combine(disk.Path, "full"), ServerProcess.FreePort(), "secret")
            {
                More = ["shared_buffers = '16MB'", "max_wal_size = '32MB'", "min_wal_size = '32MB'", "dynamic_shared_memory_type = mmap"],
            },
            Cancellation);
        await using var log = await PostgreSqlLogStore.OpenAsync(
            new PostgreSqlLogOptions { ConnectionString = server.Settings.ConnectionString(), WriteTimeout = TimeSpan.FromSeconds(5) });
        using var appenders = await Appenders.StartAsync(log, 4, Cancellation);
        await appenders.WaitForAsync(40);

        disk.Fill();
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (await IsWrittenAsync(server))
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(2), "Its log always finds room.");
        await Assert.ThrowsAsync<LogUnavailableException>(
            () => log.CreateAsync(new NewDocument("new", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation));

        disk.Empty();
        if (server.Process.IsRunning)
            await server.KillAsync();
        await server.RestartAsync(Cancellation);
        await appenders.WaitForAsync(40);
        await appenders.CheckAsync(log);
    }

    // Each time it needs another file of 16 MiB.
    private static async Task<bool> IsWrittenAsync(PostgresServer server)
    {
        try
        {
            await server.QueryAsync("SELECT pg_logical_emit_message(false, '', ''); SELECT pg_switch_wal()", Cancellation);
            return true;
        }
        catch (ServerStartException)
        {
            return false;
        }
    }

    private static async Task<AppendResult> AppendAsync(PostgreSqlOperationLog log, string id, long head)
    {
        // Nothing that could be compressed.
        var bytes = new byte[20_000];
        new Random((int)head).NextBytes(bytes);
        return (await log.AppendAsync(
            [new DocumentAppend(id, head, [new NewOperation(1, (ulong)head + 1, head, "", DateTimeOffset.UnixEpoch, bytes)])], Cancellation))[0];
    }

    private static async Task<List<LoggedOperation>> ReadAsync(PostgreSqlOperationLog log, string id)
    {
        var all = new List<LoggedOperation>();
        while (await log.ReadAsync(id, all.Count, 1_000, 1 << 20, Cancellation) is { Count: > 0 } page)
            all.AddRange(page);
        return all;
    }

    private static async Task OwnAsync(string path)
    {
        using var chown = System.Diagnostics.Process.Start("chown", ["postgres:", path]);
        await chown.WaitForExitAsync(Cancellation);
    }
}
