// Everything that is written goes through one thread with one connection. What has gathered while a commit was under way
// becomes the next transaction, so that it costs one sync for all of it.

using System.Threading.Channels;
using CloudSync.Log;
using Microsoft.Data.Sqlite;

namespace CloudSync.Sqlite;

internal sealed class LogWriter : IAsyncDisposable
{
    private const int QueueLength = 1_024;
    private const int BatchLength = 64;

    // A file is looked at every so many transactions.
    private const int TransactionsPerLook = 64;

    private readonly Channel<Request> _queue = Channel.CreateBounded<Request>(
        new BoundedChannelOptions(QueueLength) { SingleReader = true });

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SqliteLogOptions _options;
    private readonly string _path;
    private LogConnection? _connection;
    private int _transactions;

    public LogWriter(LogConnection connection, SqliteLogOptions options)
    {
        _connection = connection;
        _options = options;
        _path = connection.Path;
        new Thread(WriteAll) { Name = "CloudSync log writer", IsBackground = true }.Start();
    }

    public string Path => _path;

    /// <summary>Runs something inside a transaction; done when that is on stable storage.</summary>
    /// <param name="write">
    /// Called on the writer's thread. What it throws undoes the whole transaction, other requests' writes included, so it
    /// throws only if the database can't be used.
    /// </param>
    /// <param name="cancellationToken">Honoured until the transaction begins.</param>
    public async Task<T> WriteAsync<T>(Func<LogConnection, T> write, CancellationToken cancellationToken)
    {
        var request = new Request<T>(write, cancellationToken);
        try
        {
            await _queue.Writer.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(SqliteOperationLog));
        }

        return await request.Task.ConfigureAwait(false);
    }

    /// <summary>Writes what was taken, then closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _ended.Task.ConfigureAwait(false);
    }

    private void WriteAll()
    {
        var batch = new List<Request>(BatchLength);
        // The thread is the writer's own, so it may block.
        while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < BatchLength && _queue.Reader.TryRead(out var request))
            {
                if (!request.TryCancel())
                    batch.Add(request);
            }

            if (batch.Count > 0)
                Write(batch);
            batch.Clear();
            if (++_transactions % TransactionsPerLook == 0)
                BoundWriteAheadLog();
        }

        _connection?.Dispose();
        _ended.SetResult();
    }

    private void Write(List<Request> batch)
    {
        try
        {
            // SQLite would go on writing into a file that nobody will find again.
            if (!File.Exists(_path))
                throw LogFailure.Gone(_path);
            _connection ??= LogConnection.ConnectWriter(_path, _options);
            _connection.Begin();
            foreach (var request in batch)
                request.Execute(_connection);
            _connection.Commit();
        }
        catch (Exception exception)
        {
            Undo();
            var failure = exception is SqliteException sqlite ? LogFailure.InUse(_path, sqlite) : exception;
            foreach (var request in batch)
                request.Fail(failure);
            return;
        }

        foreach (var request in batch)
            request.Complete();
    }

    /// <summary>Rolls back; a connection that can't even do that is replaced by a new one at the next write.</summary>
    private void Undo()
    {
        try
        {
            if (_connection is { IsIdle: false })
                _connection.Rollback();
        }
        catch (SqliteException)
        {
            _connection?.Dispose();
            _connection = null;
        }
    }

    /// <summary>
    /// SQLite writes over the write-ahead log from its start once everything was copied into the database and nobody reads
    /// from it. Where readers never pause, that moment has to be waited for.
    /// </summary>
    private void BoundWriteAheadLog()
    {
        try
        {
            var file = new FileInfo(_path + "-wal");
            if (file.Exists && file.Length > _options.WriteAheadBytesMax)
                _connection?.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException)
        {
            // Nothing was lost by it. It is tried again later.
        }
    }

    private abstract class Request
    {
        public abstract bool TryCancel();

        public abstract void Execute(LogConnection connection);

        public abstract void Complete();

        public abstract void Fail(Exception exception);
    }

    private sealed class Request<T>(Func<LogConnection, T> write, CancellationToken cancellationToken) : Request
    {
        private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _result = default!;

        public Task<T> Task => _completion.Task;

        public override bool TryCancel() =>
            cancellationToken.IsCancellationRequested && _completion.TrySetCanceled(cancellationToken);

        public override void Execute(LogConnection connection) => _result = write(connection);

        public override void Complete() => _completion.SetResult(_result);

        public override void Fail(Exception exception) => _completion.SetException(exception);
    }
}
