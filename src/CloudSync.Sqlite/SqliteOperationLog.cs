// The embedded operation log: one SQLite file. docs/log.md says what it guarantees.

using CloudSync.Log;

namespace CloudSync.Sqlite;

/// <summary>The log in a SQLite file. Several processes may use one file.</summary>
internal sealed class SqliteOperationLog : IOperationLog, IOutbox, IAsyncDisposable, IDisposable
{
    // SQLite holds a gigabyte in one value at the most; nothing that is accepted elsewhere comes near.
    private const int ValueBytesMax = 512 << 20;

    private readonly LogWriter _writer;
    private readonly LogReaders _readers;
    private readonly SuspendedSegments _suspended;
    private readonly SqliteOutbox _outbox;
    private readonly bool _keepOutbox;

    private SqliteOperationLog(LogConnection connection, SqliteLogOptions options, bool keepOutbox)
    {
        _keepOutbox = keepOutbox;
        Key = Convert.FromHexString(connection.QueryText("SELECT hex(key) FROM log_key"));
        _writer = new LogWriter(connection, options);
        _readers = new LogReaders(connection.Path, options);
        _outbox = new SqliteOutbox(connection.Path, _readers, _writer);
        _suspended = new SuspendedSegments(options.Readers);
    }

    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>Opens the file, and creates or migrates it if need be.</summary>
    /// <exception cref="LogUnusableException">It can't be used, and trying again won't help.</exception>
    /// <exception cref="LogUnavailableException">The disk is full, or another process keeps it locked.</exception>
    public static SqliteOperationLog Open(SqliteLogOptions options, bool keepOutbox = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(options.Path);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Readers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Readers, 64);
        return new SqliteOperationLog(LogFile.Open(Path.GetFullPath(options.Path), options), options, keepOutbox);
    }

    public async Task CreateAsync(NewDocument document, CancellationToken cancellationToken)
    {
        if (!await _writer.WriteAsync(log => log.Create(document), cancellationToken).ConfigureAwait(false))
            throw new DocumentExistsException(document.Id);
    }

    public Task<DocumentRecord?> FindAsync(string documentId, CancellationToken cancellationToken) =>
        _readers.ReadAsync(log => log.Find(documentId), cancellationToken);

    public Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _readers.ReadAsync(log => log.List(after, limit), cancellationToken);
    }

    public Task<IReadOnlyList<DocumentRecord>> ListByIdAsync(string afterId, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(afterId);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _readers.ReadAsync(log => log.ListById(afterId, limit), cancellationToken);
    }

    public Task<IReadOnlyList<DeletedDocument>> ListDeletedAsync(
        string afterId, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(afterId);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _readers.ReadAsync(log => log.ListDeleted(afterId, limit), cancellationToken);
    }

    public Task<bool> RenameAsync(string documentId, string title, CancellationToken cancellationToken) =>
        _writer.WriteAsync(log => log.Rename(documentId, title), cancellationToken);

    public Task<bool> DeleteAsync(string documentId, DateTimeOffset deletedAt, CancellationToken cancellationToken) =>
        _writer.WriteAsync(log => log.Delete(documentId, deletedAt), cancellationToken);

    public Task<IReadOnlyList<AppendResult>> AppendAsync(
        IReadOnlyList<DocumentAppend> appends, CancellationToken cancellationToken)
    {
        var documents = new HashSet<string>(appends.Count, StringComparer.Ordinal);
        foreach (var append in appends)
        {
            if (!documents.Add(append.DocumentId))
            {
                throw new ArgumentException(
                    $"Document '{append.DocumentId}' is appended to twice in one call.", nameof(appends));
            }

            if (append.Operations.Count == 0)
            {
                throw new ArgumentException(
                    $"Nothing is appended to document '{append.DocumentId}'.", nameof(appends));
            }

            foreach (var operation in append.Operations)
            {
                ArgumentNullException.ThrowIfNull(operation.Author, nameof(appends));
                ArgumentOutOfRangeException.ThrowIfGreaterThan(operation.Bytes.Length, ValueBytesMax, nameof(appends));
            }
        }

        return appends.Count == 0
            ? Task.FromResult<IReadOnlyList<AppendResult>>([])
            : _writer.WriteAsync(log => log.Append(appends, _keepOutbox), cancellationToken);
    }

    public Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        string documentId, long afterVersion, int maxCount, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxCount, 100_000);
        return _readers.ReadAsync(
            log => log.Read(documentId, afterVersion, maxCount, maxBytes, _suspended), cancellationToken);
    }

    public Task<IReadOnlyList<LoggedOperation>> ReadHistoryAsync(
        string documentId, long afterVersion, long throughVersion, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        if (throughVersion <= afterVersion)
            return Task.FromResult<IReadOnlyList<LoggedOperation>>([]);
        var count = (int)Math.Min(throughVersion - afterVersion, 100_000);
        return _readers.ReadAsync(
            log => log.Read(documentId, afterVersion, count, maxBytes, _suspended, evenIfDeleted: true), cancellationToken);
    }

    public Task<IReadOnlyList<AuditLink>> ReadAuditLinksAsync(
        string documentId, long afterVersion, int maxCount, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxCount, 100_000);
        return _readers.ReadAsync(log => log.ReadAuditLinks(documentId, afterVersion, maxCount), cancellationToken);
    }

    public Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBatches, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxBatches, 10_000);
        return _outbox.ClaimAsync(maxBatches, cancellationToken);
    }

    public Task<OutboxDepth> MeasureAsync(CancellationToken cancellationToken) =>
        _readers.ReadAsync(static log => log.MeasureOutbox(), cancellationToken);

    public Task<IReadOnlyList<long>> ReadHeadsAsync(
        IReadOnlyList<string> documentIds, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(documentIds.Count, 1_000, nameof(documentIds));
        return _readers.ReadAsync(log => log.ReadHeads(documentIds), cancellationToken);
    }

    public Task<long?> FindVersionAsync(
        string documentId, DateTimeOffset moment, CancellationToken cancellationToken) =>
        _readers.ReadAsync(log => log.FindVersion(documentId, moment), cancellationToken);

    public Task SaveSnapshotAsync(
        string documentId, long version, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(state.Length, ValueBytesMax, nameof(state));
        return _writer.WriteAsync(log => log.SaveSnapshot(documentId, version, state.Span), cancellationToken);
    }

    public Task<LoggedSnapshot?> FindSnapshotAsync(
        string documentId, long atOrBeforeVersion, CancellationToken cancellationToken) =>
        _readers.ReadAsync(log => log.FindSnapshot(documentId, atOrBeforeVersion), cancellationToken);

    public async Task<PackResult> PackAsync(
        string documentId, long throughVersion, int minOperations, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(throughVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(minOperations, 1);
        var (step, packedThrough) = await _readers.ReadAsync(
            log => log.PlanPack(documentId, throughVersion, minOperations), cancellationToken).ConfigureAwait(false);
        if (step is null)
            return new PackResult(0, packedThrough, 0);
        // Neither a connection nor a transaction is held meanwhile.
        try
        {
            await Task.Run(step.Encode, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            throw LogFailure.Corrupt(_writer.Path, exception, exception.Message, documentId);
        }

        var removed = await _writer.WriteAsync(log => log.Pack(step), cancellationToken).ConfigureAwait(false);
        return removed is null
            ? new PackResult(0, packedThrough, 0)
            : new PackResult(step.Rows, step.LastVersion, removed.Value);
    }

    /// <summary>Writes what was taken, waits for reads under way, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        // Readers first: the last connection to close copies the write-ahead log into the file.
        await _readers.DisposeAsync().ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
        _outbox.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
