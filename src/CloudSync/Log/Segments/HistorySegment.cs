// A segment: a run of a document's operations as one compressed string of bytes, each of their fields in a column of its
// own. docs/log.md has the layout byte by byte.
//
// HistorySegment.cs     from operations to bytes
// SegmentReader.cs      back, in order of version, as far as one likes
// SegmentEnvelope.cs    header, checksum and compression: knows columns, but not what is in them
// SegmentColumns.cs     the columns, written and read number by number
// OperationSplitter.cs  the binary form of a rich-text operation, taken apart
// PackStep.cs           one step of packing: which rows and segments become one segment
// SuspendedSegments.cs  segments that were read in part, to go on with

using System.Text;

namespace CloudSync.Log;

/// <summary>
/// Packs a run of a document's operations into a segment, from which <see cref="SegmentReader"/> gets exactly the same
/// ones. For implementations of <see cref="IOperationLog"/>.
/// </summary>
public static class HistorySegment
{
    /// <summary>Operations in one segment at the most.</summary>
    public const int OperationsMax = 32_768;

    /// <summary>
    /// What the operations of one segment come to at the most, each counted by <see cref="Measure"/>. A single one may
    /// have more.
    /// </summary>
    public const int BytesMax = 4 << 20;

    // The splitting of larger ones isn't worth its time: nearly all of it is text anyway.
    private const int SplitBytesMax = 1 << 20;

    /// <summary>What an operation counts towards <see cref="BytesMax"/>.</summary>
    public static long Measure(in LoggedOperation operation) =>
        operation.Bytes.Length + Encoding.UTF8.GetMaxByteCount(operation.Author.Length);

    /// <summary>Packs operations.</summary>
    /// <param name="operations">
    /// 1 to <see cref="OperationsMax"/>, of consecutive versions, their times in whole microseconds.
    /// </param>
    /// <param name="effort">How hard to compress.</param>
    /// <exception cref="ArgumentException">They aren't what is asked for, or are too large together.</exception>
    public static byte[] Encode(IReadOnlyList<LoggedOperation> operations, SegmentEffort effort)
    {
        ArgumentNullException.ThrowIfNull(operations);
        if (operations.Count is 0 or > OperationsMax)
            throw new ArgumentException($"A segment has 1 to {OperationsMax} operations.", nameof(operations));
        var unit = TimeUnit(operations);
        var columns = new SegmentColumns();
        var writers = new Dictionary<(ulong, string), int>();
        var sequences = new Dictionary<ulong, ulong>();
        var (writer, run) = (-1, 0);
        long time = 0, cursor = 0;
        var first = operations[0].Version;
        for (var i = 0; i < operations.Count; i++)
        {
            var operation = operations[i];
            if (operation.Version != first + i)
                throw new ArgumentException("The operations' versions aren't consecutive.", nameof(operations));

            var index = FindWriter(operation, writers, columns);
            if (index != writer && i > 0)
                WriteRun(columns, writer, ref run);
            writer = index;
            run++;

            var expected = sequences.GetValueOrDefault(operation.ClientId) + 1;
            columns[SegmentColumn.Sequences].WriteSigned(unchecked((long)(operation.ClientSequence - expected)));
            sequences[operation.ClientId] = operation.ClientSequence;
            columns[SegmentColumn.BaseVersions].WriteSigned(unchecked(operation.Version - 1 - operation.BaseVersion));
            var moment = Microseconds(operation.CommittedAt);
            columns.WriteTime(unchecked((ulong)((moment - time) / unit)));
            time = moment;
            Split(operation.Bytes.Span, columns, ref cursor);
        }

        WriteRun(columns, writer, ref run);
        return SegmentEnvelope.Seal(first, operations.Count, unit, columns, effort);
    }

    /// <summary>
    /// The newest version in a segment that was committed at or before a moment; the one before its first if none was.
    /// Unpacks nothing but the times.
    /// </summary>
    /// <exception cref="InvalidDataException">The segment is damaged.</exception>
    public static long FindVersion(ReadOnlyMemory<byte> segment, DateTimeOffset moment)
    {
        var envelope = SegmentEnvelope.Open(segment);
        var times = new TimeReader(envelope);
        var until = Microseconds(moment);
        var version = envelope.FirstVersion - 1;
        for (var i = 0; i < envelope.Count && times.Next() <= until; i++)
            version++;
        return version;
    }

    /// <summary>Times that are all in whole milliseconds are written as such: that saves more than a byte each.</summary>
    private static int TimeUnit(IReadOnlyList<LoggedOperation> operations)
    {
        var unit = SegmentEnvelope.Millisecond;
        foreach (var operation in operations)
        {
            if (operation.CommittedAt.UtcTicks % TimeSpan.TicksPerMicrosecond != 0)
                throw new ArgumentException("A time is finer than a microsecond.", nameof(operations));
            if (operation.CommittedAt.UtcTicks % TimeSpan.TicksPerMillisecond != 0)
                unit = SegmentEnvelope.Microsecond;
        }

        return unit;
    }

    private static int FindWriter(
        in LoggedOperation operation, Dictionary<(ulong, string), int> writers, SegmentColumns columns)
    {
        if (writers.TryGetValue((operation.ClientId, operation.Author), out var index))
            return index;
        writers.Add((operation.ClientId, operation.Author), index = writers.Count);
        var column = columns[SegmentColumn.Writers];
        column.WriteFixed(operation.ClientId, sizeof(ulong));
        var author = Encoding.UTF8.GetBytes(operation.Author);
        column.WriteVarint((ulong)author.Length);
        column.Write(author);
        return index;
    }

    private static void WriteRun(SegmentColumns columns, int writer, ref int run)
    {
        columns[SegmentColumn.WriterRuns].WriteVarint((ulong)writer);
        columns[SegmentColumn.WriterRuns].WriteVarint((ulong)run);
        run = 0;
    }

    private static void Split(ReadOnlySpan<byte> operation, SegmentColumns columns, ref long cursor)
    {
        if (operation.Length <= SplitBytesMax && OperationSplitter.TrySplit(operation, columns, ref cursor))
            return;
        columns[SegmentColumn.Components].WriteByte(OperationSplitter.Raw);
        columns[SegmentColumn.RawLengths].WriteVarint((ulong)operation.Length);
        columns[SegmentColumn.Raw].Write(operation);
    }

    internal static long Microseconds(DateTimeOffset moment) =>
        (moment.UtcTicks / TimeSpan.TicksPerMicrosecond) - (DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond);
}

/// <summary>How hard a segment is compressed.</summary>
public enum SegmentEffort
{
    /// <summary>Quickly: for one that will soon be packed again, together with what comes after it.</summary>
    Quick,

    /// <summary>As small as it gets, for good.</summary>
    Best,
}
