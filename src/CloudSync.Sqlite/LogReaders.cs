// A few connections that read, on the thread pool: as many threads as there are connections can be blocked by SQLite at
// a time, and no more.

using System.Collections.Concurrent;
using CloudSync.Log;
using Microsoft.Data.Sqlite;

namespace CloudSync.Sqlite;

internal sealed class LogReaders(string path, SqliteLogOptions options) : IAsyncDisposable
{
    private readonly SemaphoreSlim _free = new(options.Readers);
    private readonly ConcurrentBag<LogConnection> _idle = [];
    private volatile bool _disposed;

    /// <summary>Reads on a thread of the pool.</summary>
    /// <param name="read">Called with a connection; what it returns holds nothing of the connection.</param>
    /// <param name="cancellationToken">Honoured until the reading begins.</param>
    public async Task<T> ReadAsync<T>(Func<LogConnection, T> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(SqliteOperationLog));
        await _free.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(SqliteOperationLog));
            return await Task.Run(() => Read(read), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Waits for the reads under way, then closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        for (var i = 0; i < options.Readers; i++)
            await _free.WaitAsync().ConfigureAwait(false);
        while (_idle.TryTake(out var connection))
            connection.Dispose();
        // Those who wait for a connection learn that there is none any more.
        _free.Release(options.Readers);
    }

    private T Read<T>(Func<LogConnection, T> read)
    {
        LogConnection? connection = null;
        try
        {
            if (!_idle.TryTake(out connection))
                connection = LogConnection.ConnectReader(path, options);
            var result = read(connection);
            _idle.Add(connection);
            return result;
        }
        catch (Exception exception)
        {
            // A new one takes its place at the next read.
            connection?.Dispose();
            throw exception is SqliteException sqlite ? LogFailure.InUse(path, sqlite) : exception;
        }
    }
}
