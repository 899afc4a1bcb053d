// Packing: what a step takes (read by a connection that reads), and how it is put into the file (in a transaction that
// the caller began).

using CloudSync.Log;

namespace CloudSync.Sqlite;

internal sealed partial class LogConnection
{
    /// <summary>The next step, not yet encoded, or how far everything is packed if there is none.</summary>
    public (PackStep? Step, long PackedThrough) PlanPack(string documentId, long throughVersion, int minOperations)
    {
        Run(Sql.BeginRead);
        var plan = PlanPackInTransaction(documentId, throughVersion, minOperations);
        Run(Sql.Commit);
        return plan;
    }

    /// <summary>
    /// Puts a segment in the place of its operations; how many snapshots that made superfluous. Null if another has packed
    /// meanwhile: then nothing was changed.
    /// </summary>
    public int? Pack(PackStep step)
    {
        var newest = NewestSegments(step.Document, Math.Max(1, step.Replaced.Count));
        if ((newest.Count == 0 ? 0 : newest[0].LastVersion) != step.PackedThrough
            || !newest.Take(step.Replaced.Count).SequenceEqual(step.Replaced.Select(static replaced => replaced.Row)))
            return null;

        foreach (var (row, _) in step.Replaced)
        {
            using var remove = Use(Sql.RemoveSegment);
            remove.Bind(step.Document);
            remove.Bind(row.LastVersion);
            if (remove.Run() != 1)
                throw LogFailure.Corrupt(Path, null, $"a segment vanished under a lock at version {row.LastVersion}");
        }

        using (var add = Use(Sql.AddSegment))
        {
            add.Bind(step.Document);
            add.Bind(step.LastVersion);
            add.Bind(step.FirstVersion);
            add.Bind(SqliteTime.ToMicroseconds(step.FirstAt));
            add.Bind(step.Content);
            add.Bind(step.Data.Span);
            add.Run();
        }

        // After the segment was added: that takes the audit link from the last of them.
        using (var remove = Use(Sql.RemoveOperations))
        {
            remove.Bind(step.Document);
            remove.Bind(step.PackedThrough);
            remove.Bind(step.LastVersion);
            if (remove.Run() != step.Rows)
                throw LogFailure.Corrupt(Path, null, $"operations vanished under a lock before version {step.LastVersion}");
        }

        using var snapshots = Use(Sql.RemoveSnapshots);
        snapshots.Bind(step.Document);
        snapshots.Bind(step.FirstVersion);
        snapshots.Bind(step.LastVersion);
        return snapshots.Run();
    }

    private (PackStep? Step, long PackedThrough) PlanPackInTransaction(
        string documentId, long throughVersion, int minOperations)
    {
        long document;
        using (var row = Use(Sql.Head))
        {
            row.Bind(documentId);
            if (!row.Step())
                return (null, 0);
            document = row.Int64(0);
            throughVersion = Math.Min(throughVersion, row.Int64(1));
        }

        var newest = NewestSegments(document, PackStep.SegmentsMax);
        var packed = newest.Count == 0 ? 0 : newest[0].LastVersion;
        if (throughVersion - packed < minOperations)
            return (null, packed);
        var (rows, content) = ReadUnpacked(documentId, document, packed, throughVersion);
        var joined = new List<(SegmentRow, byte[])>();
        long operations = rows.Count;
        foreach (var segment in newest)
        {
            if (!PackStep.Joins(segment, operations, content))
                break;
            joined.Add((segment, ReadSegment(documentId, document, segment.LastVersion)));
            operations += segment.Operations;
            content += segment.Content;
        }

        return (new PackStep(documentId, document, rows, joined), packed);
    }

    private (List<LoggedOperation> Rows, long Content) ReadUnpacked(
        string documentId, long document, long afterVersion, long throughVersion)
    {
        var operations = new List<LoggedOperation>();
        long content = 0;
        using var row = Use(Sql.ReadUnpacked);
        row.Bind(document);
        row.Bind(afterVersion);
        row.Bind(throughVersion);
        row.Bind(PackStep.RowsMax);
        var rows = new OperationRows();
        while (row.Step())
        {
            var operation = rows.Read(row);
            if (operation.Version != afterVersion + operations.Count + 1)
                break;
            var more = HistorySegment.Measure(operation);
            if (content + more > HistorySegment.BytesMax && operations.Count > 0)
                return (operations, content);
            content += more;
            operations.Add(operation);
        }

        if (operations.Count < Math.Min(throughVersion - afterVersion, PackStep.RowsMax))
            throw Missing(documentId, afterVersion + operations.Count + 1);
        return (operations, content);
    }

    private byte[] ReadSegment(string documentId, long document, long lastVersion)
    {
        using var row = Use(Sql.FindSegment);
        row.Bind(document);
        row.Bind(lastVersion);
        return row.Step() ? row.Bytes(2).ToArray() : throw Missing(documentId, lastVersion);
    }

    private List<SegmentRow> NewestSegments(long document, int count)
    {
        var segments = new List<SegmentRow>();
        using var row = Use(Sql.NewestSegments);
        row.Bind(document);
        row.Bind(count);
        while (row.Step())
            segments.Add(new SegmentRow(row.Int64(0), row.Int64(1), row.Int64(2)));
        return segments;
    }

    private long PackedThrough(long document) => NewestSegments(document, 1) is [var newest] ? newest.LastVersion : 0;
}
