// The standby: answers what never changes, when it is new enough and well.

using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudSync.PostgreSql;

/// <summary>A copy of the log that is a little behind. Thread-safe.</summary>
internal sealed class Standby(
    NpgsqlDataSource source, int connectionsMax, PostgreSqlLogOptions options, PostgreSqlMetrics metrics, ILogger logger,
    TimeProvider time)
    : IAsyncDisposable
{
    // A standby is reached without a PgBouncer in between: its connections are few, and those who find none free wait here.
    private readonly SemaphoreSlim _connections = new(connectionsMax);

    private long _pausedUntil;

    /// <summary>Reads from the standby, if it has a document's operations up to a version; else null.</summary>
    public async Task<T?> TryReadAsync<T>(
        string documentId, long throughVersion, bool evenIfDeleted, Func<NpgsqlConnection, CancellationToken, Task<T>> read,
        CancellationToken cancellationToken)
        where T : class?
    {
        if (time.GetUtcNow().UtcTicks < Volatile.Read(ref _pausedUntil))
        {
            metrics.StandbyRead("paused");
            return null;
        }

        // For all of it together: connecting, waiting, reading.
        using var patience = new CancellationTokenSource(options.StandbyTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await _connections.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It has much to do, which is no failure.
            metrics.StandbyRead("busy");
            return null;
        }

        try
        {
            await using var connection = await source.OpenConnectionAsync(either.Token).ConfigureAwait(false);
            await using (var command = connection.Command(Sql.Head, documentId, evenIfDeleted))
            {
                await using var reader = await command.ExecuteReaderAsync(either.Token).ConfigureAwait(false);
                if (!await reader.ReadAsync(either.Token).ConfigureAwait(false) || reader.GetInt64(1) < throughVersion)
                {
                    metrics.StandbyRead("behind");
                    return null;
                }
            }

            var result = await read(connection, either.Token).ConfigureAwait(false);
            metrics.StandbyRead("answered");
            return result;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested
            && exception is NpgsqlException or IOException or TimeoutException or OperationCanceledException or System.Net.Sockets.SocketException)
        {
            Volatile.Write(ref _pausedUntil, (time.GetUtcNow() + options.StandbyPause).UtcTicks);
            metrics.StandbyRead("failed");
            logger.StandbyFailed(
                options.StandbyPause.TotalSeconds,
                exception is OperationCanceledException ? $"no answer within {options.StandbyTimeout.TotalSeconds:0.#} s" : LogFailure.Detail(exception));
            return null;
        }
        catch (LogUnusableException)
        {
            // Damaged there; the primary says whether it is damaged everywhere.
            metrics.StandbyRead("failed");
            return null;
        }
        finally
        {
            _connections.Release();
        }
    }

    // The semaphore is left to the collector: who reads just now still gives its place back.
    public ValueTask DisposeAsync() => source.DisposeAsync();
}
