// What is read from the log.

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed partial class LogConnection
{
    public DocumentRecord? Find(string documentId)
    {
        using var row = Use(Sql.Find);
        row.Bind(documentId);
        return row.Step() ? ReadRecord(row) : null;
    }

    public IReadOnlyList<DocumentRecord> List(DocumentCursor? after, int limit)
    {
        using var row = Use(after is null ? Sql.List : Sql.ListAfter);
        if (after is not null)
        {
            row.Bind(SqliteTime.ToMicroseconds(after.ChangedAt));
            row.Bind(after.Id);
        }

        row.Bind(limit);
        var records = new List<DocumentRecord>();
        while (row.Step())
            records.Add(ReadRecord(row));
        return records;
    }

    public IReadOnlyList<LoggedOperation> Read(string documentId, long afterVersion, int maxCount, int maxBytes)
    {
        using var row = Use(Sql.Read);
        row.Bind(documentId);
        row.Bind(afterVersion);
        row.Bind(maxCount);
        var operations = new List<LoggedOperation>();
        var bytesLeft = (long)maxBytes;
        var author = "";
        Span<byte> authorBytes = [];
        while (row.Step())
        {
            var bytes = row.Bytes(6);
            bytesLeft -= bytes.Length;
            if (bytesLeft < 0 && operations.Count > 0)
                break;
            // Versions are dense. Were one missing, everything built on what is read here would be wrong.
            var version = row.Int64(0);
            if (version != afterVersion + operations.Count + 1)
            {
                throw LogFailure.Corrupt(
                    Path, null, $"version {afterVersion + operations.Count + 1} of document '{documentId}' is missing");
            }

            // Neighbours mostly have the same author: one string is enough for them.
            if (!row.Bytes(4).SequenceEqual(authorBytes))
            {
                author = row.Text(4);
                authorBytes = row.Bytes(4).ToArray();
            }

            operations.Add(new LoggedOperation(
                version,
                unchecked((ulong)row.Int64(1)),
                unchecked((ulong)row.Int64(2)),
                row.Int64(3),
                author,
                SqliteTime.FromMicroseconds(row.Int64(5)),
                bytes.ToArray()));
        }

        return operations;
    }

    public IReadOnlyList<long> ReadHeads(IReadOnlyList<string> documentIds)
    {
        var heads = new long[documentIds.Count];
        Run(Sql.BeginRead);
        for (var i = 0; i < heads.Length; i++)
        {
            using var row = Use(Sql.Head);
            row.Bind(documentIds[i]);
            heads[i] = row.Step() ? row.Int64(1) : 0;
        }

        Run(Sql.Commit);
        return heads;
    }

    /// <summary>
    /// Times never go back within a document, so the newest version at or before a moment is found by bisection: twenty
    /// look-ups among a million operations.
    /// </summary>
    public long? FindVersion(string documentId, DateTimeOffset moment)
    {
        Run(Sql.BeginRead);
        var version = FindVersion(documentId, SqliteTime.ToMicroseconds(moment));
        Run(Sql.Commit);
        return version;
    }

    public LoggedSnapshot? FindSnapshot(string documentId, long atOrBeforeVersion)
    {
        using var row = Use(Sql.FindSnapshot);
        row.Bind(documentId);
        row.Bind(atOrBeforeVersion);
        return row.Step() ? new LoggedSnapshot(row.Int64(0), row.Bytes(1).ToArray()) : null;
    }

    private long? FindVersion(string documentId, long microseconds)
    {
        long number, newest;
        using (var row = Use(Sql.Head))
        {
            row.Bind(documentId);
            if (!row.Step())
                return null;
            number = row.Int64(0);
            newest = row.Int64(1);
        }

        long oldest = 0;
        while (oldest < newest)
        {
            var middle = oldest + ((newest - oldest + 1) / 2);
            if (CommittedAt(documentId, number, middle) <= microseconds)
                oldest = middle;
            else
                newest = middle - 1;
        }

        return oldest;
    }

    private long CommittedAt(string documentId, long number, long version)
    {
        using var row = Use(Sql.CommittedAt);
        row.Bind(number);
        row.Bind(version);
        return row.Step()
            ? row.Int64(0)
            : throw LogFailure.Corrupt(Path, null, $"version {version} of document '{documentId}' is missing");
    }

    private static DocumentRecord ReadRecord(Statement.Execution row) => new(
        row.Text(0),
        row.Text(1),
        row.Text(2),
        row.Int64(3),
        SqliteTime.FromMicroseconds(row.Int64(4)),
        row.Text(5),
        SqliteTime.FromMicroseconds(row.Int64(6)));
}
