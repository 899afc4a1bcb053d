// Claims on the outbox of a database file. Who claims holds a lock on a file beside it, which the system takes back when the
// process ends, however it ends. Within the process, claims go by document.

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed class SqliteOutbox(string path, LogReaders readers, LogWriter writer) : IDisposable
{
    private readonly string _lockPath = path + "-outbox-lock";
    private readonly SemaphoreSlim _claiming = new(1);

    // Guarded by _claiming.
    private readonly HashSet<long> _documents = [];
    private FileStream? _lock;

    public async Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken)
    {
        await _claiming.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_lock is null && !TryLock())
                return null;
            var rows = await readers.ReadAsync(log => log.ReadOutbox(maxBatches, _documents), cancellationToken)
                .ConfigureAwait(false);
            if (rows.Count == 0)
                return null;
            foreach (var row in rows)
                _documents.Add(row.Document);
            return new Claim(this, rows);
        }
        finally
        {
            Unlock_NeedsClaiming();
            _claiming.Release();
        }
    }

    public void Dispose()
    {
        _lock?.Dispose();
        _claiming.Dispose();
    }

    private bool TryLock()
    {
        try
        {
            _lock = new FileStream(_lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return File.Exists(_lockPath)
                ? false
                : throw new LogUnavailableException($"The file '{_lockPath}' can't be made: {exception.Message}", exception);
        }
    }

    private void Unlock_NeedsClaiming()
    {
        if (_documents.Count > 0)
            return;
        _lock?.Dispose();
        _lock = null;
    }

    private async ValueTask ReleaseAsync(IReadOnlyList<OutboxRow> rows)
    {
        await _claiming.WaitAsync().ConfigureAwait(false);
        foreach (var row in rows)
            _documents.Remove(row.Document);
        Unlock_NeedsClaiming();
        _claiming.Release();
    }

    private sealed class Claim(SqliteOutbox outbox, IReadOnlyList<OutboxRow> rows) : IOutboxClaim
    {
        private bool _released;

        public IReadOnlyList<OutboxBatch> Batches { get; } = [.. rows.Select(static row => row.Batch)];

        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            ObjectDisposedException.ThrowIf(_released, this);
            await outbox.RemoveAsync(rows, cancellationToken).ConfigureAwait(false);
        }

        public async ValueTask DisposeAsync()
        {
            if (_released)
                return;
            _released = true;
            await outbox.ReleaseAsync(rows).ConfigureAwait(false);
        }
    }

    private Task<bool> RemoveAsync(IReadOnlyList<OutboxRow> rows, CancellationToken cancellationToken) =>
        writer.WriteAsync(log => log.RemoveFromOutbox(rows), cancellationToken);
}
