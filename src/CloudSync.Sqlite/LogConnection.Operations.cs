// Reading operations: the old ones from segments, the new ones from rows of their own. Whoever reads sees no border.

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed partial class LogConnection
{
    public IReadOnlyList<LoggedOperation> Read(
        string documentId, long afterVersion, int maxCount, int maxBytes, SuspendedSegments suspended,
        bool evenIfDeleted = false)
    {
        var operations = new List<LoggedOperation>();
        var bytesLeft = (long)maxBytes;
        // One transaction, so that nothing is packed between looking at the rows and looking at the segments.
        Run(Sql.BeginRead);
        if (ReadRows(documentId, afterVersion, maxCount, ref bytesLeft, operations, evenIfDeleted) is { } gap)
        {
            var complete = ReadSegments(
                documentId, afterVersion, gap, maxCount, ref bytesLeft, operations, suspended, evenIfDeleted);
            if (complete
                && ReadRows(documentId, afterVersion, maxCount, ref bytesLeft, operations, evenIfDeleted) is { } missing
                && missing < long.MaxValue)
                throw Missing(documentId, afterVersion + operations.Count + 1);
        }

        Run(Sql.Commit);
        return operations;
    }

    /// <summary>
    /// Times never go back within a document, so the newest version at or before a moment is found by bisection: twenty
    /// look-ups among a million operations. Of packed ones, the segment is found by an index and its times are unpacked.
    /// </summary>
    public long? FindVersion(string documentId, DateTimeOffset moment)
    {
        Run(Sql.BeginRead);
        var version = FindVersion(documentId, moment, SqliteTime.ToMicroseconds(moment));
        Run(Sql.Commit);
        return version;
    }

    /// <summary>Reads rows after those that are there already.</summary>
    /// <returns>
    /// Null if the next version was there. Otherwise the first version that has a row; <see cref="long.MaxValue"/> if none
    /// has.
    /// </returns>
    private long? ReadRows(
        string documentId, long afterVersion, int maxCount, ref long bytesLeft, List<LoggedOperation> operations,
        bool evenIfDeleted)
    {
        if (operations.Count >= maxCount)
            return null;
        using var row = Use(Sql.Read);
        row.Bind(documentId);
        row.Bind(afterVersion + operations.Count);
        row.Bind(maxCount - operations.Count);
        row.Bind(evenIfDeleted ? 1 : 0);
        if (!row.Step())
            return long.MaxValue;
        var first = row.Int64(0);
        if (first != afterVersion + operations.Count + 1)
            return first;
        var rows = new OperationRows();
        do
        {
            // Versions are dense. Were one missing, everything built on what is read here would be wrong.
            if (row.Int64(0) != afterVersion + operations.Count + 1)
                throw Missing(documentId, afterVersion + operations.Count + 1);
            bytesLeft -= row.Bytes(6).Length;
            if (bytesLeft < 0 && operations.Count > 0)
                break;
            operations.Add(rows.Read(row));
        }
        while (row.Step());

        return null;
    }

    /// <summary>Reads from segments; true if that ended where they end.</summary>
    private bool ReadSegments(
        string documentId, long afterVersion, long gap, int maxCount, ref long bytesLeft,
        List<LoggedOperation> operations, SuspendedSegments suspended, bool evenIfDeleted)
    {
        long document, head;
        using (var row = Use(evenIfDeleted ? Sql.HeadEvenIfDeleted : Sql.Head))
        {
            row.Bind(documentId);
            if (!row.Step())
                return false;
            (document, head) = (row.Int64(0), row.Int64(1));
        }

        if (afterVersion >= head)
            return false;
        while (true)
        {
            var version = afterVersion + operations.Count + 1;
            if (version == gap)
                return true;
            if (version > head || operations.Count >= maxCount)
                return false;
            var segment = suspended.Take(document, version) ?? OpenSegment(documentId, document, version);
            try
            {
                segment.SkipTo(version);
                if (!segment.Read(operations, maxCount, ref bytesLeft))
                {
                    suspended.Put(document, segment);
                    return false;
                }
            }
            catch (InvalidDataException exception)
            {
                throw Damaged(documentId, version, exception);
            }
        }
    }

    private SegmentReader OpenSegment(string documentId, long document, long version)
    {
        using var row = Use(Sql.FindSegment);
        row.Bind(document);
        row.Bind(version);
        if (!row.Step() || row.Int64(0) > version)
            throw Missing(documentId, version);
        return OpenSegment(documentId, row);
    }

    /// <summary>The segment of a row that begins with its versions and ends with its data.</summary>
    private SegmentReader OpenSegment(string documentId, Statement.Execution row)
    {
        try
        {
            var segment = new SegmentReader(row.Bytes(2).ToArray());
            return segment.FirstVersion == row.Int64(0) && segment.LastVersion == row.Int64(1)
                ? segment
                : throw new InvalidDataException("The segment holds other versions than it should.");
        }
        catch (InvalidDataException exception)
        {
            throw Damaged(documentId, row.Int64(0), exception);
        }
    }

    private long? FindVersion(string documentId, DateTimeOffset moment, long microseconds)
    {
        long document, head;
        using (var row = Use(Sql.Head))
        {
            row.Bind(documentId);
            if (!row.Step())
                return null;
            (document, head) = (row.Int64(0), row.Int64(1));
        }

        var packed = PackedThrough(document);
        if (packed == head || CommittedAt(documentId, document, packed + 1) > microseconds)
            return packed == 0 ? 0 : FindPackedVersion(documentId, document, moment, microseconds);
        var (oldest, newest) = (packed + 1, head);
        while (oldest < newest)
        {
            var middle = oldest + ((newest - oldest + 1) / 2);
            if (CommittedAt(documentId, document, middle) <= microseconds)
                oldest = middle;
            else
                newest = middle - 1;
        }

        return oldest;
    }

    private long FindPackedVersion(string documentId, long document, DateTimeOffset moment, long microseconds)
    {
        using var row = Use(Sql.FindSegmentByTime);
        row.Bind(document);
        row.Bind(microseconds);
        if (!row.Step())
            return 0;
        try
        {
            return HistorySegment.FindVersion(row.Bytes(2).ToArray(), moment);
        }
        catch (InvalidDataException exception)
        {
            throw Damaged(documentId, row.Int64(0), exception);
        }
    }

    private long CommittedAt(string documentId, long document, long version)
    {
        using var row = Use(Sql.CommittedAt);
        row.Bind(document);
        row.Bind(version);
        return row.Step() ? row.Int64(0) : throw Missing(documentId, version);
    }

    private LogUnusableException Missing(string documentId, long version) =>
        LogFailure.Corrupt(Path, null, $"version {version} of document '{documentId}' is missing", documentId);

    private LogUnusableException Damaged(string documentId, long version, InvalidDataException exception) =>
        LogFailure.Corrupt(
            Path, exception, $"the segment of document '{documentId}' at version {version}: {exception.Message.TrimEnd('.')}", documentId);

    /// <summary>Makes operations of rows.</summary>
    private ref struct OperationRows()
    {
        private string _author = "";
        private ReadOnlySpan<byte> _authorBytes = [];

        public LoggedOperation Read(Statement.Execution row)
        {
            // Neighbours mostly have the same author: one string is enough for them.
            if (!row.Bytes(4).SequenceEqual(_authorBytes))
            {
                _author = row.Text(4);
                _authorBytes = row.Bytes(4).ToArray();
            }

            return new LoggedOperation(
                row.Int64(0),
                unchecked((ulong)row.Int64(1)),
                unchecked((ulong)row.Int64(2)),
                row.Int64(3),
                _author,
                SqliteTime.FromMicroseconds(row.Int64(5)),
                row.Bytes(6).ToArray());
        }
    }
}
