// The outbox: written by appends, read by whoever claims, emptied when what was claimed has been delivered.

using CloudSync.Log;

namespace CloudSync.Sqlite;

/// <summary>A row of the outbox.</summary>
internal readonly record struct OutboxRow(long Number, long Document, OutboxBatch Batch);

internal sealed partial class LogConnection
{
    // What is claimed already is passed over; beyond so many rows of it, nothing is found.
    private const int PassedOverMax = 100_000;

    private const long CountedMax = 100_000;

    /// <summary>The oldest batches of documents that nobody has claimed.</summary>
    public IReadOnlyList<OutboxRow> ReadOutbox(int maxBatches, IReadOnlySet<long> claimedDocuments)
    {
        var rows = new List<OutboxRow>();
        var passedOver = 0;
        using var row = Use(Sql.ReadOutbox);
        while (rows.Count < maxBatches && passedOver < PassedOverMax && row.Step())
        {
            if (claimedDocuments.Contains(row.Int64(1)))
                passedOver++;
            else
                rows.Add(new OutboxRow(row.Int64(0), row.Int64(1), new OutboxBatch(row.Text(2), row.Int64(3), (int)row.Int64(4))));
        }

        return rows;
    }

    public bool RemoveFromOutbox(IReadOnlyList<OutboxRow> rows)
    {
        foreach (var row in rows)
        {
            using var remove = Use(Sql.RemoveFromOutbox);
            remove.Bind(row.Number);
            remove.Run();
        }

        return true;
    }

    public OutboxDepth MeasureOutbox()
    {
        Run(Sql.BeginRead);
        var depth = MeasureOutboxInTransaction();
        Run(Sql.Commit);
        return depth;
    }

    private OutboxDepth MeasureOutboxInTransaction()
    {
        long first, last;
        using (var ends = Use(Sql.OutboxEnds))
        {
            ends.Step();
            (first, last) = (ends.Int64(0), ends.Int64(1));
        }

        using var oldest = Use(Sql.OldestInOutbox);
        if (!oldest.Step())
            return default;
        // Numbers are handed out in turn: beyond what is counted, they say roughly how many there are.
        using var count = Use(Sql.CountOutbox);
        count.Bind(Math.Min(last, first + CountedMax) + 1);
        count.Step();
        return new OutboxDepth(
            count.Int64(0) + Math.Max(0, last - first - CountedMax), SqliteTime.FromMicroseconds(oldest.Int64(0)));
    }

    private void AddToOutbox(long document, long firstVersion, int count, long committedMicroseconds)
    {
        using var insert = Use(Sql.AddToOutbox);
        insert.Bind(document);
        insert.Bind(firstVersion);
        insert.Bind(count);
        insert.Bind(committedMicroseconds);
        insert.Run();
    }
}
