// The operation log in PostgreSQL. docs/log.md says what it guarantees.
//
// PostgreSqlOperationLog.cs           what is written
// PostgreSqlOperationLog.Reads.cs     what is read, besides operations
// PostgreSqlOperationLog.Packing.cs   packing old operations into segments
// OperationReader.cs                  reading operations, from rows and segments
// PostgreSqlOutbox.cs                 what waits for delivery

using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudSync.PostgreSql;

/// <summary>The log in a PostgreSQL database. Any number of processes may use one.</summary>
internal sealed partial class PostgreSqlOperationLog : IOperationLog, IOutbox, IAsyncDisposable, IDisposable
{
    private const int AppendBytesMax = 256 << 20;
    private const int SnapshotBytesMax = 512 << 20;
    private const int SuspendedMax = 8;

    private readonly Primary _primary;
    private readonly Standby? _standby;
    private readonly PostgreSqlMetrics _metrics;
    private readonly OperationReader _reader;
    private readonly PostgreSqlOutbox _outbox;
    private readonly TimeProvider _time;
    private readonly bool _keepOutbox;

    private PostgreSqlOperationLog(
        Primary primary, Standby? standby, PostgreSqlMetrics metrics, TimeProvider time, bool keepOutbox, byte[] key)
    {
        (_primary, _standby, _metrics, _time, _keepOutbox) = (primary, standby, metrics, time, keepOutbox);
        Key = key;
        _reader = new OperationReader(new SuspendedSegments(SuspendedMax));
        _outbox = new PostgreSqlOutbox(primary, metrics);
        metrics.ObserveUnanswered(() => primary.Unanswered);
    }

    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>While one waits for the disk, the server works on the other.</summary>
    public int AppendsAtOnce => 2;

    /// <summary>Opens the database, and creates or migrates the tables if need be.</summary>
    /// <exception cref="LogUnusableException">It can't be used, and trying again won't help.</exception>
    /// <exception cref="LogUnavailableException">The server didn't answer for as long as it was tried.</exception>
    public static async Task<PostgreSqlOperationLog> OpenAsync(
        PostgreSqlLogOptions options, bool keepOutbox, PostgreSqlMetrics metrics, ILogger logger, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (source, settings) = Servers.Primary(options);
        (NpgsqlDataSource Source, int ConnectionsMax)? standby = null;
        try
        {
            standby = Servers.Standby(options);
            var key = await LogOpening.OpenAsync(source, settings, options, logger, cancellationToken).ConfigureAwait(false);
            return new PostgreSqlOperationLog(
                new Primary(source, options, metrics, logger, time),
                standby is { } found ? new Standby(found.Source, found.ConnectionsMax, options, metrics, logger, time) : null,
                metrics, time, keepOutbox, key);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            if (standby is { } opened)
                await opened.Source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task CreateAsync(NewDocument document, CancellationToken cancellationToken)
    {
        CheckText(document.Title, nameof(document));
        CheckText(document.CreatedBy, nameof(document));
        var created = await WriteAsync(
            Sql.Create, cancellationToken,
            document.Id, document.Type, document.Title, PostgreSqlTime.ToMicroseconds(document.CreatedAt), document.CreatedBy,
            AuditChain.Begin(document.Id)).ConfigureAwait(false);
        if (created == 0)
            throw new DocumentExistsException(document.Id);
    }

    public async Task<bool> RenameAsync(string documentId, string title, CancellationToken cancellationToken)
    {
        CheckText(title, nameof(title));
        return await WriteAsync(Sql.Rename, cancellationToken, title, documentId).ConfigureAwait(false) == 1;
    }

    public async Task<bool> DeleteAsync(string documentId, DateTimeOffset deletedAt, CancellationToken cancellationToken) =>
        await WriteAsync(
            Sql.Delete, cancellationToken, PostgreSqlTime.ToMicroseconds(deletedAt), documentId).ConfigureAwait(false) == 1;

    public async Task<IReadOnlyList<AppendResult>> AppendAsync(
        IReadOnlyList<DocumentAppend> appends, CancellationToken cancellationToken)
    {
        CheckAppends(appends);
        if (appends.Count == 0)
            return [];
        var arguments = new AppendArguments(appends);
        var started = _time.GetTimestamp();
        var results = await _primary.WriteAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(Sql.Append, connection) { CommandTimeout = 0 };
                arguments.AddTo(command.Parameters, _keepOutbox);
                await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
                if (!await reader.ReadAsync().ConfigureAwait(false))
                    throw LogFailure.Corrupt(null, "an append gave no answer");
                return ReadResults(reader, appends);
            },
            cancellationToken).ConfigureAwait(false);
        _metrics.Appended(_time.GetElapsedTime(started));
        return results;
    }

    public async Task SaveSnapshotAsync(
        string documentId, long version, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(state.Length, SnapshotBytesMax, nameof(state));
        await WriteAsync(Sql.SaveSnapshot, cancellationToken, version, state, documentId).ConfigureAwait(false);
    }

    public Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken) =>
        _outbox.ClaimAsync(maxBatches, cancellationToken);

    public Task<OutboxDepth> MeasureAsync(CancellationToken cancellationToken) => _outbox.MeasureAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _primary.DisposeAsync().ConfigureAwait(false);
        if (_standby is not null)
            await _standby.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private Task<int> WriteAsync(string sql, CancellationToken cancellationToken, params object[] values) =>
        _primary.WriteAsync(
            async connection =>
            {
                await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
                foreach (var value in values)
                    command.Parameters.Add(new NpgsqlParameter { Value = value });
                return await command.ExecuteNonQueryAsync().ConfigureAwait(false);
            },
            cancellationToken);

    private static AppendResult[] ReadResults(NpgsqlDataReader reader, IReadOnlyList<DocumentAppend> appends)
    {
        // Those that aren't there aren't mentioned.
        var results = new AppendResult[appends.Count];
        Array.Fill(results, new AppendResult(AppendOutcome.NotFound, 0));
        if (reader.IsDBNull(0))
            return results;
        var places = reader.GetFieldValue<long[]>(0);
        var heads = reader.GetFieldValue<long[]>(1);
        var appended = reader.GetFieldValue<bool[]>(2);
        for (var i = 0; i < places.Length; i++)
        {
            var place = (int)places[i] - 1;
            results[place] = appended[i]
                ? new AppendResult(AppendOutcome.Appended, heads[i] + appends[place].Operations.Count)
                : new AppendResult(AppendOutcome.Conflict, heads[i]);
        }

        return results;
    }

    private static void CheckAppends(IReadOnlyList<DocumentAppend> appends)
    {
        var documents = new HashSet<string>(appends.Count, StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var append in appends)
        {
            if (!documents.Add(append.DocumentId))
            {
                throw new ArgumentException(
                    $"Document '{append.DocumentId}' is appended to twice in one call.", nameof(appends));
            }

            if (append.Operations.Count == 0)
                throw new ArgumentException($"Nothing is appended to document '{append.DocumentId}'.", nameof(appends));
            foreach (var operation in append.Operations)
            {
                ArgumentNullException.ThrowIfNull(operation.Author, nameof(appends));
                CheckText(operation.Author, nameof(appends));
                bytes += operation.Bytes.Length;
            }
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, AppendBytesMax, nameof(appends));
    }

    // PostgreSQL's texts hold every character but one.
    private static void CheckText(string text, string name)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("A text has a character of code 0, which PostgreSQL can't hold.", name);
    }
}
