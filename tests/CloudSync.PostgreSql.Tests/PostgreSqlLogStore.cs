// A database of its own on the servers that the tests share, for the contract suite.

using CloudSync.Log;
using CloudSync.Log.Contract;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.PostgreSql.Tests;

internal sealed class PostgreSqlLogStore(Servers servers, string database, bool throughBouncer) : LogStore
{
    public string Database => database;

    public static async Task<LogStore> CreateAsync(Servers servers, bool throughBouncer) =>
        new PostgreSqlLogStore(servers, await servers.TakeDatabaseAsync(), throughBouncer);

    public static Task<PostgreSqlOperationLog> OpenAsync(
        PostgreSqlLogOptions options, bool keepOutbox = false, TimeProvider? time = null, ILogger? logger = null) =>
        PostgreSqlOperationLog.OpenAsync(
            options, keepOutbox, new PostgreSqlMetrics(null), logger ?? NullLogger.Instance, time ?? TimeProvider.System,
            CancellationToken.None);

    public override async Task<IOperationLog> OpenAsync() => await OpenAsync(
        new PostgreSqlLogOptions { ConnectionString = servers.ConnectionString(database, throughBouncer) }, KeepsOutbox);

    public override async ValueTask DisposeAsync() => await servers.GiveBackAsync(database);
}
