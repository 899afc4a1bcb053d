// The audit chain: its links read, and computed for what was written before there was one. Appending extends it
// (LogConnection.Writes.cs).

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed partial class LogConnection
{
    public IReadOnlyList<AuditLink> ReadAuditLinks(string documentId, long afterVersion, int maxCount)
    {
        Run(Sql.BeginRead);
        var links = ReadAuditLinksInTransaction(documentId, afterVersion, maxCount);
        Run(Sql.Commit);
        return links;
    }

    private List<AuditLink> ReadAuditLinksInTransaction(string documentId, long afterVersion, int maxCount)
    {
        var links = new List<AuditLink>();
        long document, head;
        AuditLink last;
        using (var row = Use(Sql.HeadLink))
        {
            row.Bind(documentId);
            if (!row.Step())
                return links;
            (document, head) = (row.Int64(0), row.Int64(1));
            last = afterVersion >= head ? default : new AuditLink(head, ReadLink(row, 2, documentId, head).ToArray());
        }

        foreach (var sql in (ReadOnlySpan<string>)[Sql.SegmentLinks, Sql.OperationLinks])
        {
            using var row = Use(sql);
            row.Bind(document);
            row.Bind(links.Count == 0 ? afterVersion : Math.Max(afterVersion, links[^1].Version));
            row.Bind(maxCount - links.Count);
            while (row.Step())
                links.Add(new AuditLink(row.Int64(0), ReadLink(row, 1, documentId, row.Int64(0)).ToArray()));
        }

        // Nothing should stand there; what does is for an audit to judge.
        if (afterVersion >= head)
            return links;
        // The head's stands twice. What the next append goes on from is the one that counts.
        if (links.Count < maxCount || links[^1].Version == head)
        {
            if (links.Count == 0 || links[^1].Version != head)
                throw Missing(documentId, head);
            links[^1] = last;
        }

        return links;
    }

    private ReadOnlySpan<byte> ReadLink(Statement.Execution row, int column, string documentId, long version)
    {
        var link = row.Bytes(column);
        return link.Length == AuditChain.HashBytes
            ? link
            : throw LogFailure.Corrupt(Path, null, $"the audit link of version {version} of document '{documentId}' is missing", documentId);
    }

    /// <summary>Computes the chains of all documents, in the transaction of the migration.</summary>
    public void BackfillAuditChains()
    {
        var documents = new List<(long Number, string Id, long Head)>();
        using (var all = new Statement(Handle, "SELECT number, id, head FROM documents WHERE head > 0"))
        {
            using var row = all.Use();
            while (row.Step())
                documents.Add((row.Int64(0), row.Text(1), row.Int64(2)));
        }

        using var setSegment = new Statement(
            Handle, "UPDATE segments SET chain = ?1 WHERE document = ?2 AND last_version = ?3");
        using var setOperation = new Statement(
            Handle, "UPDATE operations SET chain = ?1 WHERE document = ?2 AND version = ?3");
        using var setHead = new Statement(Handle, "UPDATE documents SET chain = ?1 WHERE number = ?2");
        Span<byte> link = stackalloc byte[AuditChain.HashBytes];
        foreach (var (number, id, head) in documents)
        {
            AuditChain.Begin(id).CopyTo(link);
            var version = BackfillSegments(number, id, setSegment, link);
            while (version < head)
            {
                var (rows, _) = ReadUnpacked(id, number, version, head);
                foreach (var operation in rows)
                {
                    AuditChain.Link(link, operation, link);
                    Set(setOperation, link, number, operation.Version);
                }

                version = rows[^1].Version;
            }

            using var update = setHead.Use();
            update.Bind(link);
            update.Bind(number);
            update.Run();
        }
    }

    private long BackfillSegments(long document, string documentId, Statement setSegment, Span<byte> link)
    {
        long version = 0;
        var operations = new List<LoggedOperation>();
        while (true)
        {
            long last;
            using (var row = Use(Sql.FindSegment))
            {
                row.Bind(document);
                row.Bind(version + 1);
                if (!row.Step())
                    return version;
                last = row.Int64(1);
                operations.Clear();
                var bytesLeft = long.MaxValue;
                OpenSegment(documentId, row).Read(operations, int.MaxValue, ref bytesLeft);
            }

            foreach (var operation in operations)
                AuditChain.Link(link, operation, link);
            Set(setSegment, link, document, last);
            version = last;
        }
    }

    private static void Set(Statement statement, ReadOnlySpan<byte> link, long document, long version)
    {
        using var update = statement.Use();
        update.Bind(link);
        update.Bind(document);
        update.Bind(version);
        update.Run();
    }
}
