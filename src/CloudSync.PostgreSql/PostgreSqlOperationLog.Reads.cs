// What is read from the log, besides operations.

using CloudSync.Log;
using Npgsql;

namespace CloudSync.PostgreSql;

internal sealed partial class PostgreSqlOperationLog
{
    public Task<DocumentRecord?> FindAsync(string documentId, CancellationToken cancellationToken) => _primary.ReadAsync(
        async (connection, stop) =>
        {
            await using var command = connection.Command(Sql.Find, documentId);
            await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
            return await reader.ReadAsync(stop).ConfigureAwait(false) ? ReadRecord(reader) : null;
        },
        cancellationToken);

    public Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _primary.ReadAsync<IReadOnlyList<DocumentRecord>>(
            async (connection, stop) =>
            {
                await using var command = after is null
                    ? connection.Command(Sql.List, (long)limit)
                    : connection.Command(
                        Sql.ListAfter, PostgreSqlTime.ToMicroseconds(after.ChangedAt), after.Id, (long)limit);
                return await ReadRecordsAsync(command, stop).ConfigureAwait(false);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<DocumentRecord>> ListByIdAsync(string afterId, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(afterId);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _primary.ReadAsync<IReadOnlyList<DocumentRecord>>(
            async (connection, stop) =>
            {
                await using var command = connection.Command(Sql.ListById, afterId, (long)limit);
                return await ReadRecordsAsync(command, stop).ConfigureAwait(false);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<DeletedDocument>> ListDeletedAsync(
        string afterId, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(afterId);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return _primary.ReadAsync<IReadOnlyList<DeletedDocument>>(
            async (connection, stop) =>
            {
                await using var command = connection.Command(Sql.ListDeleted, afterId, (long)limit);
                await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
                var deleted = new List<DeletedDocument>();
                while (await reader.ReadAsync(stop).ConfigureAwait(false))
                    deleted.Add(new DeletedDocument(ReadRecord(reader), PostgreSqlTime.FromMicroseconds(reader.GetInt64(7))));
                return deleted;
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        string documentId, long afterVersion, int maxCount, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxCount, OperationReader.CountMax);
        return _primary.ReadConfirmedAsync(
            async (connection, stop) =>
            {
                var isKnown = false;
                var operations = await _reader.ReadAsync(
                    connection, documentId, afterVersion, maxCount, maxBytes, evenIfDeleted: false,
                    life =>
                    {
                        isKnown = true;
                        _primary.Saw(life);
                    },
                    stop).ConfigureAwait(false);
                if (operations.Count > 0 && !isKnown)
                    _primary.Saw(await Sql.ReadLifeAsync(connection, stop).ConfigureAwait(false));
                return operations;
            },
            cancellationToken);
    }

    public async Task<IReadOnlyList<LoggedOperation>> ReadHistoryAsync(
        string documentId, long afterVersion, long throughVersion, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        if (throughVersion <= afterVersion)
            return [];
        var count = (int)Math.Min(throughVersion - afterVersion, OperationReader.CountMax);
        Task<IReadOnlyList<LoggedOperation>> Read(NpgsqlConnection connection, CancellationToken stop) =>
            _reader.ReadAsync(connection, documentId, afterVersion, count, maxBytes, evenIfDeleted: true, null, stop);
        // A standby only moves on: what it has when its head is asked for, it has when the operations are.
        return (_standby is null
                ? null
                : await _standby.TryReadAsync(documentId, throughVersion, evenIfDeleted: true, Read, cancellationToken).ConfigureAwait(false))
            ?? await _primary.ReadAsync(Read, cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<LoggedRange?>> ReadRangesAsync(
        IReadOnlyList<VersionRange> ranges, int maxBytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ranges.Count, 10_000, nameof(ranges));
        if (ranges.Count == 0)
            return Task.FromResult<IReadOnlyList<LoggedRange?>>([]);
        string[] ids = [.. ranges.Select(static range => range.DocumentId)];
        long[] firsts = [.. ranges.Select(static range => range.First)];
        long[] lasts = [.. ranges.Select(static range => range.Last)];
        return _primary.ReadAsync<IReadOnlyList<LoggedRange?>>(
            async (connection, stop) =>
            {
                await using var command = connection.Command(Sql.ReadRanges, ids, firsts, lasts, (long)maxBytes);
                await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
                return await OperationReader.ReadRangesAsync(reader, ranges, stop).ConfigureAwait(false);
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<AuditLink>> ReadAuditLinksAsync(
        string documentId, long afterVersion, int maxCount, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(afterVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxCount, OperationReader.CountMax);
        return _primary.ReadAsync<IReadOnlyList<AuditLink>>(
            async (connection, stop) =>
            {
                await using var command = connection.Command(Sql.Links, documentId, afterVersion, (long)maxCount);
                await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
                var links = new List<AuditLink>();
                long head = 0;
                byte[] headLink = [];
                while (await reader.ReadAsync(stop).ConfigureAwait(false))
                {
                    if (links.Count == 0)
                        (head, headLink) = (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1));
                    var version = reader.GetInt64(2);
                    // The head's stands twice. What the next append goes on from is the one that counts.
                    links.Add(new AuditLink(version, version == head ? headLink : reader.GetFieldValue<byte[]>(3)));
                }

                // Nothing should stand beyond the head; what does is for an audit to judge.
                return links.Count is > 0 && links.Count < maxCount && links[^1].Version != head && afterVersion < head
                    ? throw LogFailure.Corrupt(null, $"version {head} of document '{documentId}' is missing", documentId)
                    : links;
            },
            cancellationToken);
    }

    public Task<IReadOnlyList<long>> ReadHeadsAsync(IReadOnlyList<string> documentIds, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(documentIds.Count, 1_000, nameof(documentIds));
        return _primary.ReadAsync<IReadOnlyList<long>>(
            async (connection, stop) =>
            {
                await using var command = connection.Command(
                    Sql.Heads, (object)documentIds.Distinct(StringComparer.Ordinal).ToArray());
                await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
                var found = new Dictionary<string, long>(StringComparer.Ordinal);
                while (await reader.ReadAsync(stop).ConfigureAwait(false))
                    found.Add(reader.GetString(0), reader.GetInt64(1));
                var heads = new long[documentIds.Count];
                for (var i = 0; i < heads.Length; i++)
                    heads[i] = found.GetValueOrDefault(documentIds[i], -1);
                return heads;
            },
            cancellationToken);
    }

    public Task<long?> FindVersionAsync(string documentId, DateTimeOffset moment, CancellationToken cancellationToken) =>
        _primary.ReadAsync(
            (connection, stop) => OperationReader.FindVersionAsync(connection, documentId, moment, stop), cancellationToken);

    public async Task<LoggedSnapshot?> FindSnapshotAsync(
        string documentId, long atOrBeforeVersion, CancellationToken cancellationToken)
    {
        async Task<LoggedSnapshot?> Read(NpgsqlConnection connection, CancellationToken stop)
        {
            await using var command = connection.Command(Sql.FindSnapshot, documentId, atOrBeforeVersion);
            await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
            return await reader.ReadAsync(stop).ConfigureAwait(false)
                ? new LoggedSnapshot(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1))
                : null;
        }

        // If the standby has none, the primary may have got one since.
        return (_standby is null
                ? null
                : await _standby.TryReadAsync(documentId, atOrBeforeVersion, evenIfDeleted: false, Read, cancellationToken).ConfigureAwait(false))
            ?? await _primary.ReadAsync(Read, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<IReadOnlyList<DocumentRecord>> ReadRecordsAsync(NpgsqlCommand command, CancellationToken stop)
    {
        await using var reader = await command.ExecuteReaderAsync(stop).ConfigureAwait(false);
        var records = new List<DocumentRecord>();
        while (await reader.ReadAsync(stop).ConfigureAwait(false))
            records.Add(ReadRecord(reader));
        return records;
    }

    private static DocumentRecord ReadRecord(NpgsqlDataReader reader) => new(
        reader.GetString(0),
        reader.GetString(1),
        reader.GetString(2),
        reader.GetInt64(3),
        PostgreSqlTime.FromMicroseconds(reader.GetInt64(4)),
        reader.GetString(5),
        PostgreSqlTime.FromMicroseconds(reader.GetInt64(6)));
}
