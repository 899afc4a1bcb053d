// What the measurement of a document's history found.

using Spectre.Console;

namespace CloudSync.Bench.History;

internal sealed record HistoryReport
{
    public required string Trace { get; init; }

    public required int Operations { get; init; }

    /// <summary>
    /// Bytes of segments for each operation, all fields of it included, committed at the times at which a person types.
    /// </summary>
    public required double HistoryBytesPerOperation { get; init; }

    /// <summary>The same, committed one a millisecond, as a replay does.</summary>
    public required double HistoryBytesPerOperationSteady { get; init; }

    /// <summary>A person's times to the microsecond: what the document layer saves by committing in milliseconds.</summary>
    public required double HistoryBytesPerOperationMicroseconds { get; init; }

    /// <summary>Bytes of the database file for each operation, unpacked and without snapshots.</summary>
    public required double RowBytesPerOperation { get; init; }

    public required int Segments { get; init; }

    /// <summary>Snapshots there were, and are left after packing, with their size.</summary>
    public required int SnapshotsBefore { get; init; }

    public required int Snapshots { get; init; }

    public required long SnapshotBytes { get; init; }

    public required double PackSeconds { get; init; }

    /// <summary>How long an append to another document took, while nothing else was written and while it was packed.</summary>
    public required double AppendMsP99 { get; init; }

    public required double AppendMsP99WhilePacking { get; init; }

    public required double AppendMsMaxWhilePacking { get; init; }

    /// <summary>From the log to the content at the head: record, newest snapshot, operations since.</summary>
    public required double OpenMsP50 { get; init; }

    public required double OpenMsMax { get; init; }

    /// <summary>To the content at the head if there were no snapshot at all: every operation read and folded.</summary>
    public required double RebuildSeconds { get; init; }

    /// <summary>To the content at versions chosen at random.</summary>
    public required double HistoricalVersionMsP50 { get; init; }

    public required double HistoricalVersionMsMax { get; init; }

    /// <summary>Whether each of those contents was what it had been.</summary>
    public required bool Matches { get; init; }

    public void Write(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Row(string name, FormattableString value) =>
            table.AddRow(Markup.Escape(name), Markup.Escape(FormattableString.Invariant(value)));
        Row("operations", $"{Operations:N0} of {Trace}");
        Row("packed, bytes each", $"{HistoryBytesPerOperation:N3}, with the times of a person typing");
        Row("", $"{HistoryBytesPerOperationSteady:N3} with one operation a millisecond; {HistoryBytesPerOperationMicroseconds:N3} with microseconds");
        Row("unpacked, bytes each", $"{RowBytesPerOperation:N1}");
        Row("segments", $"{Segments}, packed in {PackSeconds:N2} s");
        Row("snapshots", $"{SnapshotsBefore} before, {Snapshots} left ({SnapshotBytes:N0} bytes)");
        Row(
            "appends meanwhile",
            $"p99 {AppendMsP99WhilePacking:N2} ms, max {AppendMsMaxWhilePacking:N2} ms (without packing: p99 {AppendMsP99:N2} ms)");
        Row("open", $"p50 {OpenMsP50:N2} ms, max {OpenMsMax:N2} ms");
        Row("without snapshots", $"{RebuildSeconds:N2} s");
        Row("any version", $"p50 {HistoricalVersionMsP50:N2} ms, max {HistoricalVersionMsMax:N2} ms");
        Row("contents equal", $"{(Matches ? "yes" : "NO")}");
        console.Write(table);
    }
}
