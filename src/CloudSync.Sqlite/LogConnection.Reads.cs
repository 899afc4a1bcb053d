// What is read from the log, besides operations: LogConnection.Operations.cs has those.

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

    public IReadOnlyList<DocumentRecord> ListById(string afterId, int limit)
    {
        using var row = Use(Sql.ListById);
        row.Bind(afterId);
        row.Bind(limit);
        var records = new List<DocumentRecord>();
        while (row.Step())
            records.Add(ReadRecord(row));
        return records;
    }

    public IReadOnlyList<DeletedDocument> ListDeleted(string afterId, int limit)
    {
        using var row = Use(Sql.ListDeleted);
        row.Bind(afterId);
        row.Bind(limit);
        var deleted = new List<DeletedDocument>();
        while (row.Step())
            deleted.Add(new DeletedDocument(ReadRecord(row), SqliteTime.FromMicroseconds(row.Int64(7))));
        return deleted;
    }

    public IReadOnlyList<long> ReadHeads(IReadOnlyList<string> documentIds)
    {
        var heads = new long[documentIds.Count];
        Run(Sql.BeginRead);
        for (var i = 0; i < heads.Length; i++)
        {
            using var row = Use(Sql.Head);
            row.Bind(documentIds[i]);
            heads[i] = row.Step() ? row.Int64(1) : -1;
        }

        Run(Sql.Commit);
        return heads;
    }

    public LoggedSnapshot? FindSnapshot(string documentId, long atOrBeforeVersion)
    {
        using var row = Use(Sql.FindSnapshot);
        row.Bind(documentId);
        row.Bind(atOrBeforeVersion);
        return row.Step() ? new LoggedSnapshot(row.Int64(0), row.Bytes(1).ToArray()) : null;
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
