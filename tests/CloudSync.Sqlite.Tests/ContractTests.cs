// The contract suite, run against SQLite.

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

public sealed class SqliteConcurrencyTests : ConcurrencyContract
{
    protected override Task<LogStore> CreateStoreAsync() => Task.FromResult<LogStore>(new SqliteLogStore());
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
            Assert.Single(connection.Read(documentId, Operations / 2, 1, 1_000));
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
