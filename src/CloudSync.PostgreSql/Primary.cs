// Reads and writes on the primary: what a failure means for each, and what may be believed after one.

using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudSync.PostgreSql;

/// <summary>The server that holds the truth. Thread-safe.</summary>
/// <remarks>
/// A write that waits for a synchronous standby is never cancelled: PostgreSQL would commit it all the same, on this server
/// only, and everybody would see it. It is left alone instead, with its connection, until it is answered or the connection
/// ends; meanwhile it can't be seen. After any write of unknown outcome, and after any lost connection (the server may have
/// been started anew, which makes visible what the standby hasn't got), operations are read only once a barrier was
/// acknowledged: a commit after which everything before it is on the standby too. Behind PgBouncer a connection outlives the
/// server: so whoever reads also tells which life of the server it was (<see cref="Saw"/>). So nobody is told that an
/// operation is safe because it was found in the log, while it is on one disk only.
/// </remarks>
internal sealed class Primary(
    NpgsqlDataSource source, PostgreSqlLogOptions options, PostgreSqlMetrics metrics, ILogger logger, TimeProvider time)
    : IAsyncDisposable
{
    private const int UndoneTriesMax = 4;
    private const int ConfirmedTriesMax = 5;

    private readonly Lock _gate = new();
    private int _unanswered;
    // Nothing is confirmed of what was there before us.
    private long _doubts = 1;
    private long _confirmed;
    private volatile string _confirmedLife = "";
    private Task? _confirming;
    private volatile bool _disposed;

    public int Unanswered => Volatile.Read(ref _unanswered);

    /// <summary>Reads; once more if the connection turns out to be gone.</summary>
    public async Task<T> ReadAsync<T>(
        Func<NpgsqlConnection, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        for (var again = false; ; again = true)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(PostgreSqlOperationLog));
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
                return await read(connection, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!again && LogFailure.IsConnection(exception) && !cancellationToken.IsCancellationRequested)
            {
                Lost();
                metrics.Retried("connection");
            }
            catch (Exception exception) when (LogFailure.InUse(exception) is { } failure && !_disposed)
            {
                if (LogFailure.IsConnection(exception))
                    Lost();
                metrics.Failed("read");
                throw failure;
            }
        }
    }

    /// <summary>Reads what may be taken as acknowledged.</summary>
    public async Task<T> ReadConfirmedAsync<T>(
        Func<NpgsqlConnection, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            await ConfirmAsync(cancellationToken).ConfigureAwait(false);
            var confirmed = Volatile.Read(ref _confirmed);
            var result = await ReadAsync(read, cancellationToken).ConfigureAwait(false);
            // What has become doubtful meanwhile may be in it.
            if (Volatile.Read(ref _doubts) == confirmed)
                return result;
            if (tries == ConfirmedTriesMax)
                throw new LogUnavailableException("The PostgreSQL log can't be read just now: its connections keep breaking.");
        }
    }

    /// <summary>What was just read came from this life of the server; true if it is the one that was confirmed.</summary>
    public bool Saw(string life)
    {
        if (life == _confirmedLife)
            return true;
        Doubt();
        return false;
    }

    /// <summary>Waits until all that can be seen is confirmed; at once, unless something has gone wrong.</summary>
    public async ValueTask ConfirmAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _doubts) != Volatile.Read(ref _confirmed))
            await StartConfirming().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes: one statement, one commit.</summary>
    /// <param name="write">Runs the statement; again if it was undone for certain.</param>
    /// <param name="cancellationToken">Honoured until the statement begins.</param>
    /// <exception cref="LogUnavailableException">
    /// It failed; unless nothing could be sent, whether it was written is unknown.
    /// </exception>
    public async Task<T> WriteAsync<T>(Func<NpgsqlConnection, Task<T>> write, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(PostgreSqlOperationLog));
        cancellationToken.ThrowIfCancellationRequested();
        if (Unanswered >= options.UnansweredWritesMax)
        {
            metrics.Failed("refused");
            throw new LogUnavailableException(
                $"The PostgreSQL log can't be written just now: {Unanswered} earlier writes have no answer yet. "
                + "A synchronous standby that doesn't answer holds them up.");
        }

        NpgsqlConnection connection;
        try
        {
            connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (LogFailure.InUse(exception) is { } failure)
        {
            Doubt();
            metrics.Failed("connect");
            throw failure;
        }

        var writing = RunAsync(connection, write);
        try
        {
            return await writing.WaitAsync(options.WriteTimeout, time, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TimeoutException) when (!writing.IsCompleted)
        {
            Doubt();
            LeaveAlone(writing);
            metrics.Failed("unanswered");
            logger.Unanswered(options.WriteTimeout.TotalSeconds);
            throw LogFailure.Unanswered($"no answer within {options.WriteTimeout.TotalSeconds:0.#} s");
        }
        catch (Exception exception) when (LogFailure.InUse(exception) is { } failure)
        {
            if (LogFailure.IsConnection(exception))
                Lost();
            else
                Doubt();
            metrics.Failed("write");
            throw failure;
        }
    }

    /// <summary>A connection of the caller's own, for a transaction. What it throws is the caller's to translate.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(PostgreSqlOperationLog));
        return source.OpenConnectionAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        _disposed = true;
        return source.DisposeAsync();
    }

    private async Task<T> RunAsync<T>(NpgsqlConnection connection, Func<NpgsqlConnection, Task<T>> write)
    {
        string? warning = null;
        void Notice(object sender, NpgsqlNoticeEventArgs notice)
        {
            if (notice.Notice.InvariantSeverity == "WARNING")
                warning = notice.Notice.MessageText;
        }

        await using (connection.ConfigureAwait(false))
        {
            connection.Notice += Notice;
            try
            {
                for (var tries = 1; ; tries++)
                {
                    try
                    {
                        var result = await write(connection).ConfigureAwait(false);
                        // Somebody cancelled the wait for the standby: committed, but not as it should be.
                        if (warning is null)
                            return result;
                        logger.NotReplicated(warning);
                        Doubt();
                        throw LogFailure.Unanswered(warning);
                    }
                    catch (PostgresException exception) when (LogFailure.IsUndone(exception) && tries < UndoneTriesMax)
                    {
                        metrics.Retried(exception.SqlState);
                    }
                }
            }
            finally
            {
                connection.Notice -= Notice;
            }
        }
    }

    private void LeaveAlone(Task writing)
    {
        Interlocked.Increment(ref _unanswered);
        _ = writing.ContinueWith(
            ended =>
            {
                _ = ended.Exception;
                Interlocked.Decrement(ref _unanswered);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private void Doubt() => Interlocked.Increment(ref _doubts);

    // The others in the pool are most likely gone too, and each would fail somebody's write to tell so.
    private void Lost()
    {
        Doubt();
        source.Clear();
    }

    /// <summary>One barrier for all who wait.</summary>
    private Task StartConfirming()
    {
        lock (_gate)
        {
            if (_confirming is null or { IsCompleted: true })
                _confirming = Task.Run(PassBarrierAsync);
            return _confirming;
        }
    }

    private async Task PassBarrierAsync()
    {
        for (var tries = 1; ; tries++)
        {
            var doubts = Volatile.Read(ref _doubts);
            try
            {
                _confirmedLife = await WriteAsync(
                    static async connection =>
                    {
                        await using var command = new NpgsqlCommand(Sql.Barrier, connection) { CommandTimeout = 0 };
                        return (string)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
                    },
                    CancellationToken.None).ConfigureAwait(false);
                Volatile.Write(ref _confirmed, doubts);
                logger.Confirmed();
                return;
            }
            catch (LogUnavailableException exception)
                when (tries < UndoneTriesMax && exception.InnerException is { } inner && LogFailure.IsConnection(inner))
            {
                // A connection from before the server was started anew; there may be some of those.
            }
        }
    }
}
