// The contract suite, run against SQLite.

using CloudSync.Log;
using CloudSync.Log.Contract;
using SQLitePCL;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class SqliteDocumentsTests : DocumentsContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteAppendTests : AppendContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteReadTests : ReadContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteHistoryTests : HistoryContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteAuditTests : AuditContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteOutboxTests : OutboxContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqliteConcurrencyTests : ConcurrencyContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
}

public sealed class SqlitePackTests : PackContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());

    protected override Task DamageSegmentAsync(string documentId)
    {
        var options = new SqliteLogOptions { Path = ((SqliteLogStore)Store).Path };
        using var connection = LogConnection.ConnectWriter(options.Path, options);
        connection.Execute(
            "UPDATE segments SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB) "
            + $"WHERE document = (SELECT number FROM documents WHERE id = '{documentId}')");
        return Task.CompletedTask;
    }
}

public sealed class SqliteLargeLogTests : LargeLogContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());

    /// <summary>SQLite counts the instructions of its machine: a scan would take millions of them.</summary>
    protected override Task CheckLookUpsAsync(string documentId)
    {
        var options = new SqliteLogOptions { Path = ((SqliteLogStore)Store).Path };
        using var connection = LogConnection.ConnectReader(options.Path, options);
        var steps = CountSteps(connection, () =>
        {
            Assert.Single(connection.Read(documentId, Operations / 2, 1, 1_000, new SuspendedSegments(1)));
            Assert.NotNull(connection.FindSnapshot(documentId, Operations));
            Assert.NotNull(connection.Find(documentId));
        });
        Assert.InRange(steps, 1, 500);
        steps = CountSteps(
            connection, () => Assert.Equal(1, connection.FindVersion(documentId, Start.AddMilliseconds(1))));
        Assert.InRange(steps, 1, 1_000);
        return Task.CompletedTask;
    }

    private static int CountSteps(LogConnection connection, Action read)
    {
        var before = connection.CountStatus(raw.SQLITE_STMTSTATUS_VM_STEP);
        read();
        return connection.CountStatus(raw.SQLITE_STMTSTATUS_VM_STEP) - before;
    }
}
