// migrate, backup and restore as an operator runs them, to and from a real PostgreSQL.

using System.Text.Json;
using CloudSync.Log;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.PostgreSql.Tests.Copies;

public sealed class CopiesTests(Servers servers) : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private string _database = "";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Data => _directory.Folder("data");

    private string SqliteFile => Path.Combine(Data, "cloudsync.db");

    public async ValueTask InitializeAsync()
    {
        _database = await servers.CreateDatabaseAsync();
        Directory.CreateDirectory(Data);
        await using var sqlite = Logs.OpenSqlite(SqliteFile);
        await FillAsync(sqlite.GetRequiredService<IOperationLog>());
    }

    public async ValueTask DisposeAsync()
    {
        await servers.DropDatabaseAsync(_database);
        _directory.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_second_migration_copies_nothing_or_what_has_come_since_and_doubles_nothing(bool throughBouncer)
    {
        var target = servers.ConnectionString(_database, throughBouncer);
        Assert.Equal((0, 12_007L), await MigrateAsync(target));
        await CheckSameAsync(target);
        Assert.Equal((0, 0L), await MigrateAsync(target));
        await CheckSameAsync(target);
        await using (var sqlite = Logs.OpenSqlite(SqliteFile))
        {
            var log = sqlite.GetRequiredService<IOperationLog>();
            await Logs.AppendAsync(log, "long", 12_000, 3, "eve");
            await log.RenameAsync("short", "Renamed", Cancellation);
            await log.DeleteAsync("empty", DateTimeOffset.UnixEpoch.AddDays(9), Cancellation);
        }

        Assert.Equal((0, 3L), await MigrateAsync(target));
        await CheckSameAsync(target);
        foreach (var id in (string[])["long", "short"])
        {
            var (exitCode, output, errors) = await CloudSyncProgram.RunAsync("audit", "verify", id, "--postgres", target);
            Assert.True(exitCode == 0, output + errors);
        }
    }

    [Fact]
    public async Task A_migration_that_was_killed_goes_on_where_it_was()
    {
        await using (var sqlite = Logs.OpenSqlite(SqliteFile))
        {
            for (var i = 0; i < 6; i++)
                await Logs.FillAsync(sqlite.GetRequiredService<IOperationLog>(), $"more{i}", 16_000, "ada", "bob");
        }

        var target = servers.ConnectionString(_database, throughBouncer: false);
        for (var kills = 0; kills < 3; kills++)
        {
            using var migration = CloudSyncProgram.Start("migrate", "--data", Data, "--postgres", target);
            var before = await CountAsync();
            await Eventually.IsAsync(
                async () => migration.HasExited || await CountAsync() >= before + 8_000, static () => "It copies nothing.");
            migration.Kill();
            await migration.WaitForExitAsync(Cancellation);
            Assert.Equal(137, migration.ExitCode);
            Assert.InRange(await CountAsync(), before, 108_006);
        }

        var there = await CountAsync();
        var (exitCode, copied) = await MigrateAsync(target);
        Assert.Equal((0, 108_007 - there), (exitCode, copied));
        await CheckSameAsync(target);
    }

    [Fact]
    public async Task What_the_target_has_already_stays_as_it_is_and_what_differs_is_named()
    {
        var target = servers.ConnectionString(_database, throughBouncer: false);
        List<string> before;
        await using (var postgres = Logs.OpenPostgres(target))
        {
            var log = postgres.GetRequiredService<IOperationLog>();
            await Logs.FillAsync(log, "other", 5, "mallory");
            // Created at the same moment, with less in it; it would go on from there without a conflict.
            await log.CreateAsync(new NewDocument("long", "text", "Mine", DateTimeOffset.UnixEpoch, "ada"), Cancellation);
            await Logs.AppendAsync(log, "long", 0, 10, "mallory");
            // Deleted in both, and yet not the same.
            await Logs.FillAsync(log, "gone", 1, "mallory");
            await log.DeleteAsync("gone", DateTimeOffset.UnixEpoch.AddDays(1), Cancellation);
            before = await Logs.DescribeAsync(log);
        }

        var (exitCode, _, errors) = await CloudSyncProgram.RunAsync("migrate", "--data", Data, "--postgres", target);

        Assert.Equal(1, exitCode);
        Assert.Contains("other content under these ids, which was left as it is: gone, long", errors, StringComparison.Ordinal);
        await using var after = Logs.OpenPostgres(target);
        var now = await Logs.DescribeAsync(after.GetRequiredService<IOperationLog>());
        Assert.Empty(before.Except(now));
        Assert.Equal(before.Count + 1 + 3 + 1, now.Count);
    }

    [Fact]
    public async Task A_backup_of_PostgreSQL_is_restored_to_the_same_in_an_empty_PostgreSQL_and_in_SQLite()
    {
        var source = servers.ConnectionString(_database, throughBouncer: true);
        Assert.Equal((0, 12_007L), await MigrateAsync(source));
        await using (var postgres = Logs.OpenPostgres(source))
            await Logs.PackAsync(postgres.GetRequiredService<IOperationLog>(), "long", 11_990);
        var file = _directory.Folder("backup.db");
        Assert.Equal(0, (await CloudSyncProgram.RunAsync("backup", "--to", file, "--postgres", source)).ExitCode);

        var empty = await servers.CreateDatabaseAsync();
        var target = servers.ConnectionString(empty, throughBouncer: false);
        var restored = await CloudSyncProgram.RunAsync("restore", "--from", file, "--postgres", target);
        Assert.True(restored.ExitCode == 0, restored.Errors);
        await CheckSameAsync(target);
        // And back to a single machine.
        var alone = _directory.Folder("alone");
        Assert.Equal(0, (await CloudSyncProgram.RunAsync("restore", "--from", file, "--data", alone)).ExitCode);
        await using (var sqlite = Logs.OpenSqlite(Path.Combine(alone, "cloudsync.db")))
            await CheckSameAsync(sqlite);
        await servers.DropDatabaseAsync(empty);
    }

    [Fact]
    public async Task Damaged_documents_are_named_and_hold_up_no_other_in_a_backup_that_can_be_restored()
    {
        var source = servers.ConnectionString(_database, throughBouncer: false);
        Assert.Equal((0, 12_007L), await MigrateAsync(source));
        Task<string> Damage(string sql) => servers.Postgres.QueryAsync(sql, Cancellation, _database);
        await Damage("DELETE FROM cloudsync.operations WHERE version = 11999 AND document = (SELECT number FROM cloudsync.documents WHERE id = 'long')");
        await Damage("DELETE FROM cloudsync.operations WHERE version = 2 AND document = (SELECT number FROM cloudsync.documents WHERE id = 'gone')");
        var file = _directory.Folder("damaged.db");

        for (var times = 0; times < 2; times++)
        {
            var backup = await CloudSyncProgram.RunAsync("backup", "--to", file, "--postgres", source);
            Assert.True(backup.ExitCode == 7, backup.Errors);
            var named = backup.Errors.Split('\n').Where(static line => line.Contains("is damaged", StringComparison.Ordinal)).ToList();
            // Deleted in the target, which had less of it: the second time it is found to be other than it was.
            Assert.Equal(times == 0 ? 2 : 1, named.Count);
            Assert.Contains("document 'long' is damaged; of 12,000 operations the first 11,998 are in the target", named[^1], StringComparison.Ordinal);
            Assert.Contains("gone", backup.Errors, StringComparison.Ordinal);
            Assert.Contains("2 documents (0 of them deleted)", backup.Output, StringComparison.Ordinal);
        }

        var alone = _directory.Folder("alone");
        Assert.Equal(0, (await CloudSyncProgram.RunAsync("restore", "--from", file, "--data", alone)).ExitCode);
        await using var sqlite = Logs.OpenSqlite(Path.Combine(alone, "cloudsync.db"));
        var log = sqlite.GetRequiredService<IOperationLog>();
        Assert.Equal(
            ["empty 0", "long 11998", "short 3"],
            (await log.ListByIdAsync("", 10, Cancellation)).Select(static record => $"{record.Id} {record.Head}"));
        Assert.Equal("gone", Assert.Single(await log.ListDeletedAsync("", 10, Cancellation)).Record.Id);
    }

    [Fact]
    public async Task A_migration_and_a_restore_go_on_after_operations_that_do_not_lead_to_their_audit_link()
    {
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={SqliteFile};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE operations SET author = 'eve' WHERE version = 2 AND document = (SELECT number FROM documents WHERE id = 'long' OR id = 'short' ORDER BY id DESC LIMIT 1)";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        var target = servers.ConnectionString(_database, throughBouncer: false);
        var migrated = await CloudSyncProgram.RunAsync("migrate", "--data", Data, "--postgres", target);
        var restored = await CloudSyncProgram.RunAsync("restore", "--from", SqliteFile, "--data", _directory.Folder("alone"));
        foreach (var (exitCode, output, errors) in ((int, string, string)[])[migrated, restored])
        {
            Assert.True(exitCode == 7, errors);
            Assert.Contains("document 'short' is damaged", errors, StringComparison.Ordinal);
            Assert.Contains("3 documents (1 of them deleted)", output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("nonsense", "can't be understood")]
    [InlineData("Host=127.0.0.1;Colour=blue", "can't be understood")]
    [InlineData("Host=127.0.0.1;Port=1;Username=a;Password=b;Database=c", "No PostgreSQL server answers at 127.0.0.1:1")]
    [InlineData("WRONG PASSWORD", "refuses role 'cloudsync' or its password")]
    [InlineData("NO DATABASE", "There is no database 'nowhere'")]
    public async Task A_connection_string_that_is_wrong_is_told_in_one_line(string connectionString, string told)
    {
        var right = servers.ConnectionString(_database, throughBouncer: false);
        var (exitCode, output, errors) = await CloudSyncProgram.RunAsync("migrate", "--data", Data, "--postgres", connectionString switch
        {
            "WRONG PASSWORD" => right.Replace("secret's", "wrong", StringComparison.Ordinal),
            "NO DATABASE" => right.Replace(_database, "nowhere", StringComparison.Ordinal),
            _ => connectionString,
        });

        Assert.Equal((3, ""), (exitCode, output));
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("cloudsync: ", line, StringComparison.Ordinal);
        Assert.Contains(told, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_without_a_database_is_told_as_such()
    {
        var (exitCode, _, errors) = await CloudSyncProgram.RunAsync(
            "migrate", "--data", _directory.Folder("nothing"), "--postgres", servers.ConnectionString(_database, false));
        Assert.Equal(3, exitCode);
        Assert.Contains("There is no database", errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory.Folder("nothing")));
    }

    // Packed with a snapshot, deleted, empty, and some by themselves: 12,007 operations.
    private static async Task FillAsync(IOperationLog log)
    {
        await Logs.FillAsync(log, "long", 12_000, "ada", "bob", "", "zoë");
        await Logs.PackAsync(log, "long", 9_000);
        await Logs.FillAsync(log, "short", 3, "ada");
        await Logs.FillAsync(log, "gone", 4, "ada", "bob");
        await Logs.FillAsync(log, "empty", 0, "ada");
        await log.DeleteAsync("gone", DateTimeOffset.UnixEpoch.AddDays(1), Cancellation);
    }

    private async Task<(int ExitCode, long Copied)> MigrateAsync(string target)
    {
        var (exitCode, output, errors) = await CloudSyncProgram.RunAsync("migrate", "--data", Data, "--postgres", target, "--json");
        Assert.True(output.Length > 0, errors);
        return (exitCode, JsonDocument.Parse(output).RootElement.GetProperty("copied").GetInt64());
    }

    private async Task<long> CountAsync() => long.TryParse(
        await servers.Postgres.QueryAsync(
            "SELECT CASE WHEN to_regclass('cloudsync.outbox') IS NULL THEN 0 ELSE 1 END", Cancellation, _database) == "0"
            ? "0"
            : await servers.Postgres.QueryAsync("SELECT coalesce(sum(head), 0) FROM cloudsync.documents", Cancellation, _database),
        out var count) ? count : 0;

    private async Task CheckSameAsync(string connectionString)
    {
        await using var postgres = Logs.OpenPostgres(connectionString);
        await CheckSameAsync(postgres);
    }

    private async Task CheckSameAsync(ServiceProvider copy)
    {
        await using var sqlite = Logs.OpenSqlite(SqliteFile);
        var (original, copied) = (sqlite.GetRequiredService<IOperationLog>(), copy.GetRequiredService<IOperationLog>());
        Assert.Equal(await Logs.DescribeAsync(original), await Logs.DescribeAsync(copied));
        // The snapshot of what is packed has come along, so that old versions are read as quickly there.
        Assert.InRange((await copied.FindSnapshotAsync("long", 12_000, Cancellation))?.Version ?? 0, 9_000, 12_000);
        await Assert.ThrowsAsync<DocumentExistsException>(
            () => copied.CreateAsync(new NewDocument("gone", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation));
    }
}
