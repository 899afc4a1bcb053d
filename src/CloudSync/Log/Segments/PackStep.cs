// One step of packing: what it takes, and the segment that comes of it. Made outside of any transaction.

namespace CloudSync.Log;

/// <summary>A segment as its row describes it. For implementations of <see cref="IOperationLog"/>.</summary>
/// <param name="FirstVersion">The version of its first operation.</param>
/// <param name="LastVersion">The version of its last one.</param>
/// <param name="Content">What its operations come to by <see cref="HistorySegment.Measure"/>.</param>
public readonly record struct SegmentRow(long FirstVersion, long LastVersion, long Content)
{
    /// <summary>How many operations it has.</summary>
    public int Operations => (int)(LastVersion - FirstVersion + 1);
}

/// <summary>
/// Takes the oldest operations that have rows, and the newest segments as long as they are no larger than what there is
/// then already. So an operation is packed again only with at least as many new ones: sixteen times at the most until its
/// segment is full, however small the steps are. For implementations of <see cref="IOperationLog"/>.
/// </summary>
/// <param name="documentId">The document.</param>
/// <param name="document">Its number in the log.</param>
/// <param name="rows">The oldest operations that have rows, at least one, of consecutive versions.</param>
/// <param name="segments">The segments right before them, the newest first, each of which <see cref="Joins"/>.</param>
public sealed class PackStep(
    string documentId, long document, IReadOnlyList<LoggedOperation> rows, IReadOnlyList<(SegmentRow Row, byte[] Data)> segments)
{
    /// <summary>Segments in one step at the most: each is more than twice as large as the next newer one.</summary>
    public const int SegmentsMax = 20;

    /// <summary>Rows in one step: as many as can be deleted without holding up those who append.</summary>
    public const int RowsMax = 1_024;

    /// <summary>The document's number in the log.</summary>
    public long Document => document;

    /// <summary>How many rows it takes.</summary>
    public int Rows => rows.Count;

    /// <summary>The segments that are replaced, the newest first.</summary>
    public IReadOnlyList<(SegmentRow Row, byte[] Data)> Replaced => segments;

    /// <summary>The version that all packed operations reach to before the step.</summary>
    public long PackedThrough => rows[0].Version - 1;

    /// <summary>The version of the new segment's first operation.</summary>
    public long FirstVersion => segments.Count > 0 ? segments[^1].Row.FirstVersion : rows[0].Version;

    /// <summary>The version of its last one.</summary>
    public long LastVersion => rows[^1].Version;

    /// <summary>When its first operation was committed. Known once it is encoded, as are those that follow.</summary>
    public DateTimeOffset FirstAt { get; private set; }

    /// <summary>What its operations come to by <see cref="HistorySegment.Measure"/>.</summary>
    public long Content { get; private set; }

    /// <summary>The new segment.</summary>
    public ReadOnlyMemory<byte> Data { get; private set; }

    /// <summary>Whether a segment can be packed together with so many operations.</summary>
    public static bool Joins(in SegmentRow segment, long operations, long content) =>
        segment.Operations <= operations && segment.Operations + operations <= HistorySegment.OperationsMax
        && segment.Content + content <= HistorySegment.BytesMax;

    /// <summary>Encodes the segment. Takes long: up to a second for a full one.</summary>
    /// <exception cref="InvalidDataException">A segment that it would replace is damaged; says which.</exception>
    public void Encode()
    {
        var operations = new List<LoggedOperation>();
        foreach (var (row, data) in Enumerable.Reverse(segments))
            Unpack(row, data, operations);
        operations.AddRange(rows);
        Content = operations.Sum(static operation => HistorySegment.Measure(operation));
        FirstAt = operations[0].CommittedAt;
        // One that is more than half full will never be joined with another.
        var final = operations.Count > HistorySegment.OperationsMax / 2 || Content > HistorySegment.BytesMax / 2;
        Data = HistorySegment.Encode(operations, final ? SegmentEffort.Best : SegmentEffort.Quick);
        Check(operations);
    }

    private void Unpack(in SegmentRow row, byte[] data, List<LoggedOperation> operations)
    {
        try
        {
            var reader = new SegmentReader(data);
            var bytesLeft = long.MaxValue;
            reader.Read(operations, int.MaxValue, ref bytesLeft);
            if (reader.FirstVersion != row.FirstVersion || reader.LastVersion != row.LastVersion)
                throw new InvalidDataException("The segment holds other versions than it should.");
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException(
                $"the segment of document '{documentId}' at version {row.FirstVersion}: {exception.Message.TrimEnd('.')}",
                exception);
        }
    }

    // The rows are deleted on the strength of this.
    private void Check(List<LoggedOperation> operations)
    {
        var read = new List<LoggedOperation>(operations.Count);
        var bytesLeft = long.MaxValue;
        new SegmentReader(Data).Read(read, int.MaxValue, ref bytesLeft);
        var same = read.Count == operations.Count;
        for (var i = 0; same && i < read.Count; i++)
        {
            same = read[i] with { Bytes = default } == operations[i] with { Bytes = default }
                && read[i].Bytes.Span.SequenceEqual(operations[i].Bytes.Span);
        }

        if (!same)
            throw new InvalidOperationException($"A segment of document '{documentId}' doesn't come back as it was packed.");
    }
}
