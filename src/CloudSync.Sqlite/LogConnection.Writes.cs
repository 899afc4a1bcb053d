// What is written to the log. Every method runs inside a transaction that its caller began.

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed partial class LogConnection
{
    public void Begin() => Run(Sql.Begin);

    public void Commit() => Run(Sql.Commit);

    public void Rollback() => Run(Sql.Rollback);

    /// <summary>False if the id is taken.</summary>
    public bool Create(NewDocument document)
    {
        using var insert = Use(Sql.Create);
        insert.Bind(document.Id);
        insert.Bind(document.Type);
        insert.Bind(document.Title);
        insert.Bind(SqliteTime.ToMicroseconds(document.CreatedAt));
        insert.Bind(document.CreatedBy);
        return insert.Run() == 1;
    }

    public bool Rename(string documentId, string title)
    {
        using var update = Use(Sql.Rename);
        update.Bind(title);
        update.Bind(documentId);
        return update.Run() == 1;
    }

    public bool Delete(string documentId, DateTimeOffset deletedAt)
    {
        using var update = Use(Sql.Delete);
        update.Bind(SqliteTime.ToMicroseconds(deletedAt));
        update.Bind(documentId);
        return update.Run() == 1;
    }

    public IReadOnlyList<AppendResult> Append(IReadOnlyList<DocumentAppend> appends, bool keepOutbox)
    {
        var results = new AppendResult[appends.Count];
        for (var i = 0; i < results.Length; i++)
            results[i] = Append(appends[i], keepOutbox);
        return results;
    }

    public bool SaveSnapshot(string documentId, long version, ReadOnlySpan<byte> state)
    {
        using var insert = Use(Sql.SaveSnapshot);
        insert.Bind(version);
        insert.Bind(state);
        insert.Bind(documentId);
        return insert.Run() == 1;
    }

    private AppendResult Append(DocumentAppend append, bool keepOutbox)
    {
        Span<byte> link = stackalloc byte[AuditChain.HashBytes], digest = stackalloc byte[AuditChain.HashBytes];
        long number, head, changedAt;
        using (var row = Use(Sql.FindToAppend))
        {
            row.Bind(append.DocumentId);
            if (!row.Step())
                return new AppendResult(AppendOutcome.NotFound, 0);
            number = row.Int64(0);
            head = row.Int64(1);
            changedAt = row.Int64(2);
            if (head == 0)
                AuditChain.Begin(append.DocumentId).CopyTo(link);
            else
                ReadLink(row, 3, append.DocumentId, head).CopyTo(link);
        }

        if (head != append.ExpectedHead)
            return new AppendResult(AppendOutcome.Conflict, head);

        foreach (var operation in append.Operations)
        {
            // Clocks of several gateways may differ; within a document, time never goes back.
            changedAt = Math.Max(changedAt, SqliteTime.ToMicroseconds(operation.CommittedAt));
            AuditChain.Digest(++head, operation, digest);
            AuditChain.Link(link, digest, changedAt, link);
            using var insert = Use(Sql.Append);
            insert.Bind(number);
            insert.Bind(head);
            insert.Bind(unchecked((long)operation.ClientId));
            insert.Bind(unchecked((long)operation.ClientSequence));
            insert.Bind(operation.BaseVersion);
            insert.Bind(operation.Author);
            insert.Bind(changedAt);
            insert.Bind(operation.Bytes.Span);
            insert.Bind(link);
            insert.Run();
        }

        if (keepOutbox)
            AddToOutbox(number, append.ExpectedHead + 1, append.Operations.Count, changedAt);

        // The transaction holds the write lock since before the head was read. The condition is there all the same: were
        // that ever untrue, nothing must be written.
        using var update = Use(Sql.MoveHead);
        update.Bind(head);
        update.Bind(changedAt);
        update.Bind(link);
        update.Bind(number);
        update.Bind(append.ExpectedHead);
        if (update.Run() != 1)
            throw LogFailure.Corrupt(Path, null, $"the head of document '{append.DocumentId}' moved under a lock");
        return new AppendResult(AppendOutcome.Appended, head);
    }
}
