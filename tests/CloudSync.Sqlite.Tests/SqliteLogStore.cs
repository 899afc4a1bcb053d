// A database file in a directory of its own, for the contract suite.

using CloudSync.Log;
using CloudSync.Log.Contract;

namespace CloudSync.Sqlite.Tests;

internal sealed class SqliteLogStore : LogStore
{
    private readonly TemporaryDirectory directory = new();

    public string Path => directory.File();

    public override Task<IOperationLog> OpenAsync() =>
        Task.FromResult<IOperationLog>(SqliteOperationLog.Open(new SqliteLogOptions { Path = Path }, KeepsOutbox));

    public override ValueTask DisposeAsync()
    {
        directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
