// Reading operations: the old ones from segments, the new ones from rows of their own. Whoever reads sees no border.
//
// Without a transaction: an operation moves from a row into a segment, and never back, and what is in a segment never
// changes. So what isn't found among the rows is looked for among the segments, in this order, and read on from there.

using CloudSync.Log;
using Npgsql;

namespace CloudSync.PostgreSql;

internal sealed class OperationReader(SuspendedSegments suspended)
{
    public const int CountMax = 100_000;

    // Rows of one statement at the most; the bytes of what is over the limit are counted, but not sent.
    private const int RowsMax = 4_096;

    // Rows that were packed between two looks aren't missing; such a thing doesn't happen more often than this in a row.
    private const int LooksMax = 5;

    /// <summary>Reads operations. <paramref name="sawLife"/> is told which life of the server showed those not packed.</summary>
    public async Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        NpgsqlConnection connection, string documentId, long afterVersion, int maxCount, int maxBytes,
        bool evenIfDeleted, Action<string>? sawLife, CancellationToken cancellationToken)
    {
        var operations = new List<LoggedOperation>();
        var bytesLeft = (long)maxBytes;
        for (var looks = 1; ; looks++)
        {
            var before = operations.Count;
            (var isDone, bytesLeft) = await ReadRowsAsync(
                connection, documentId, afterVersion, maxCount, bytesLeft, operations, evenIfDeleted, sawLife, cancellationToken).ConfigureAwait(false);
            if (isDone)
                return operations;
            (isDone, bytesLeft) = await ReadSegmentsAsync(
                connection, documentId, afterVersion, maxCount, bytesLeft, operations, evenIfDeleted, cancellationToken).ConfigureAwait(false);
            if (isDone)
                return operations;
            if (operations.Count > before)
                looks = 0;
            else if (looks == LooksMax)
                throw Missing(documentId, afterVersion + operations.Count + 1);
        }
    }

    public static async Task<long?> FindVersionAsync(
        NpgsqlConnection connection, string documentId, DateTimeOffset moment, CancellationToken cancellationToken)
    {
        var microseconds = PostgreSqlTime.ToMicroseconds(moment);
        long document;
        await using (var command = connection.Command(Sql.FindVersion, documentId, microseconds))
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                return null;
            if (!reader.IsDBNull(1))
                return reader.GetInt64(1);
            document = reader.GetInt64(0);
        }

        var segment = await FindSegmentAsync(
            connection, Sql.FindSegmentByTime, document, microseconds, cancellationToken).ConfigureAwait(false);
        if (segment is null)
            return 0;
        try
        {
            return HistorySegment.FindVersion(segment.Value.Data, moment);
        }
        catch (InvalidDataException exception)
        {
            throw Damaged(documentId, segment.Value.First, exception);
        }
    }

    /// <summary>What a reader of Sql.ReadRanges gives: all of a range, or null.</summary>
    public static async Task<LoggedRange?[]> ReadRangesAsync(
        NpgsqlDataReader reader, IReadOnlyList<VersionRange> ranges, CancellationToken cancellationToken)
    {
        var read = new LoggedRange?[ranges.Count];
        var operations = new List<LoggedOperation>();
        var (current, type, link, author) = (-1, "", Array.Empty<byte>(), "");
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var place = (int)reader.GetInt64(0) - 1;
            if (place != current)
            {
                Take();
                (current, type, operations) = (place, reader.GetString(1), []);
            }

            operations.Add(ReadOperation(reader, ref author, first: 2));
            link = reader.GetFieldValue<byte[]>(9);
        }

        Take();
        return read;

        void Take()
        {
            if (current < 0)
                return;
            var (_, first, last) = ranges[current];
            if (operations.Count == last - first + 1 && operations[0].Version == first && operations[^1].Version == last)
                read[current] = new(type, operations, new AuditLink(last, link));
        }
    }

    public static LogUnusableException Missing(string documentId, long version) =>
        LogFailure.Corrupt(null, $"version {version} of document '{documentId}' is missing", documentId);

    public static async Task<(long First, long Last, byte[] Data)?> FindSegmentAsync(
        NpgsqlConnection connection, string sql, long document, long at, CancellationToken cancellationToken)
    {
        await using var command = connection.Command(sql, document, at);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? (reader.GetInt64(0), reader.GetInt64(1), reader.GetFieldValue<byte[]>(2))
            : null;
    }

    /// <summary>
    /// Makes an operation of a row's columns from <paramref name="first"/> on; neighbours mostly have the same author: one
    /// string is enough for them.
    /// </summary>
    public static LoggedOperation ReadOperation(NpgsqlDataReader reader, ref string author, int first = 0)
    {
        var name = reader.GetString(first + 4);
        if (name != author)
            author = name;
        return new LoggedOperation(
            reader.GetInt64(first),
            unchecked((ulong)reader.GetInt64(first + 1)),
            unchecked((ulong)reader.GetInt64(first + 2)),
            reader.GetInt64(first + 3),
            author,
            PostgreSqlTime.FromMicroseconds(reader.GetInt64(first + 5)),
            reader.GetFieldValue<byte[]>(first + 6));
    }

    /// <summary>Reads rows after those that are there already; not done if the next version has no row.</summary>
    private static async Task<(bool IsDone, long BytesLeft)> ReadRowsAsync(
        NpgsqlConnection connection, string documentId, long afterVersion, int maxCount, long bytesLeft,
        List<LoggedOperation> operations, bool evenIfDeleted, Action<string>? sawLife, CancellationToken cancellationToken)
    {
        var author = "";
        var read = operations.Count;
        while (operations.Count < maxCount)
        {
            var limit = Math.Min(RowsMax, maxCount - operations.Count);
            var before = operations.Count;
            await using var command = connection.Command(
                Sql.Read, documentId, afterVersion + before, (long)limit, bytesLeft, before == 0, evenIfDeleted);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                var expected = afterVersion + operations.Count + 1;
                if (reader.GetInt64(0) != expected)
                {
                    // Were one missing in the middle, everything built on what is read here would be wrong.
                    if (operations.Count > before)
                        throw Missing(documentId, expected);
                    return (false, bytesLeft);
                }

                if (reader.IsDBNull(6))
                    return (true, bytesLeft);
                if (sawLife is not null && !reader.IsDBNull(7))
                    sawLife(reader.GetString(7));

                var operation = ReadOperation(reader, ref author);
                bytesLeft -= operation.Bytes.Length;
                operations.Add(operation);
            }

            // At the head, or at the limit of bytes.
            if (operations.Count == before)
                return (before > read, bytesLeft);
            if (operations.Count - before < limit)
                return (true, bytesLeft);
        }

        return (true, bytesLeft);
    }

    /// <summary>Reads from segments; done, or to be read on from rows.</summary>
    private async Task<(bool IsDone, long BytesLeft)> ReadSegmentsAsync(
        NpgsqlConnection connection, string documentId, long afterVersion, int maxCount, long bytesLeft,
        List<LoggedOperation> operations, bool evenIfDeleted, CancellationToken cancellationToken)
    {
        long document, head;
        await using (var command = connection.Command(Sql.Head, documentId, evenIfDeleted))
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                return (true, bytesLeft);
            (document, head) = (reader.GetInt64(0), reader.GetInt64(1));
        }

        while (true)
        {
            var version = afterVersion + operations.Count + 1;
            if (version > head || operations.Count >= maxCount)
                return (true, bytesLeft);
            var segment = suspended.Take(document, version);
            if (segment is null)
            {
                var found = await FindSegmentAsync(
                    connection, Sql.FindSegment, document, version, cancellationToken).ConfigureAwait(false);
                // None: its row is the next to be looked at.
                if (found is not { } row || row.First > version)
                    return (false, bytesLeft);
                segment = Open(documentId, row.First, row.Last, row.Data);
            }

            try
            {
                segment.SkipTo(version);
                if (!segment.Read(operations, maxCount, ref bytesLeft))
                {
                    suspended.Put(document, segment);
                    return (true, bytesLeft);
                }
            }
            catch (InvalidDataException exception)
            {
                throw Damaged(documentId, version, exception);
            }
        }
    }

    private static SegmentReader Open(string documentId, long first, long last, byte[] data)
    {
        try
        {
            var segment = new SegmentReader(data);
            return segment.FirstVersion == first && segment.LastVersion == last
                ? segment
                : throw new InvalidDataException("The segment holds other versions than it should.");
        }
        catch (InvalidDataException exception)
        {
            throw Damaged(documentId, first, exception);
        }
    }

    private static LogUnusableException Damaged(string documentId, long version, InvalidDataException exception) =>
        LogFailure.Corrupt(
            exception, $"the segment of document '{documentId}' at version {version}: {exception.Message.TrimEnd('.')}", documentId);
}
