// What bench engine found, for people and for programs.

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CloudSync.Bench.History;
using Spectre.Console;

namespace CloudSync.Bench.Engine;

/// <summary>One session, as ours and the peers took it.</summary>
internal sealed record TraceReport(string Trace, int Edits, ContestantResult Ours, IReadOnlyList<ContestantResult> Peers)
{
    /// <summary>By how much the quickest peer is slower; null without one.</summary>
    public double? TimesFasterThanBestPeer => Peers.Min(peer => peer.MedianMs) / Ours.MedianMs;
}

internal sealed record EngineReport
{
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public required IReadOnlyList<TraceReport> Traces { get; init; }

    public required IReadOnlyList<CostAtLength> CostByLength { get; init; }

    public required TransformRateResult Transform { get; init; }

    public required IReadOnlyList<SnapshotSharingResult> Snapshots { get; init; }

    public required IReadOnlyList<OfflineMergeResult> OfflineMerges { get; init; }

    public required HistoryReport History { get; init; }

    /// <summary>Whether all contents were what they had to be: ours, the merges' and the history's.</summary>
    public bool IsRight =>
        Traces.All(trace => trace.Ours.Matches) && OfflineMerges.All(merge => merge.Converged) && History.Matches;

    private OfflineMergeResult GoalMerge => OfflineMerges.First(merge => merge.Keystrokes == 100_000);

    /// <summary>
    /// One object. What belongs to a trace stands under "traces"; if there is but one, at the top as well.
    /// </summary>
    public string ToJson()
    {
        var traces = Traces.Select(ToJson).ToArray();
        var report = traces.Length == 1 ? ToJson(Traces[0]) : [];
        report["traces"] = new JsonArray([.. traces]);
        report["transform_per_s"] = Math.Round(Transform.PerSecond);
        report["transform_allocated_bytes"] = Transform.AllocatedBytes;
        report["offline_merge_ms"] = Math.Round(GoalMerge.Ms, 2);
        report["offline_merge_allocated_bytes"] = GoalMerge.AllocatedBytes;
        report["open_ms_p50"] = History.OpenMsP50;
        report["historical_version_ms_p50"] = History.HistoricalVersionMsP50;
        report["historical_version_ms_max"] = History.HistoricalVersionMsMax;
        report["history_bytes_per_operation"] = History.HistoryBytesPerOperation;
        report["history"] = JsonSerializer.SerializeToNode(History, Json);
        report["offline_merges"] = JsonSerializer.SerializeToNode(OfflineMerges, Json);
        report["cost_by_length"] = JsonSerializer.SerializeToNode(CostByLength, Json);
        report["snapshots"] = JsonSerializer.SerializeToNode(Snapshots, Json);
        return report.ToJsonString();
    }

    public void Write(IAnsiConsole console)
    {
        foreach (var trace in Traces)
        {
            var table = NewTable(FormattableString.Invariant($"{trace.Trace}: {trace.Edits:N0} edits"), "", "median ms", "first run ms", "edits/s", "times ours", "peak MiB", "more than before", "right");
            foreach (var result in trace.Peers.Prepend(trace.Ours))
                Add(table, trace, result);
            console.Write(table);
            console.WriteLine(FormattableString.Invariant(
                $"ours allocates {trace.Ours.AllocatedBytesPerEdit:N1} bytes for an edit"));
            console.WriteLine();
        }

        var lengths = NewTable("An edit by the length of the document", "bytes", "typing, ns", "anywhere, ns");
        foreach (var cost in CostByLength)
            AddRow(lengths, $"{cost.DocumentBytes:N0}", $"{cost.TypingNs:N0}", $"{cost.AnywhereNs:N0}");
        console.Write(lengths);

        var snapshots = NewTable("A snapshot of a document in use", "bytes", "taking it, ns", "next keystroke, ns", "which allocates, bytes");
        foreach (var snapshot in Snapshots)
        {
            AddRow(
                snapshots, $"{snapshot.DocumentBytes:N0}", $"{snapshot.SnapshotNs:N0}", $"{snapshot.KeystrokeAfterNs:N0}",
                $"{snapshot.KeystrokeAfterBytes:N0}");
        }

        console.Write(snapshots);
        var merges = NewTable("Two branches merged", "keystrokes on each", "ms", "allocated MB", "a branch composed, bytes", "converged");
        foreach (var merge in OfflineMerges)
        {
            AddRow(
                merges, $"{merge.Keystrokes:N0}", $"{merge.Ms:N1}", $"{merge.AllocatedBytes / 1e6:N1}",
                $"{merge.ComposedBytes:N0}", $"{(merge.Converged ? "yes" : "NO")}");
        }

        console.Write(merges);
        History.Write(console);
        console.WriteLine(FormattableString.Invariant(
            $"{Transform.PerSecond / 1e6:N1} million transforms of a keystroke over another in a second, {Transform.AllocatedBytes:N2} bytes allocated for each"));
    }

    private static JsonObject ToJson(TraceReport trace) => new()
    {
        ["trace"] = trace.Trace,
        ["edits"] = trace.Edits,
        ["decode_apply_ms_median"] = Math.Round(trace.Ours.MedianMs!.Value, 3),
        ["allocated_bytes_per_edit"] = Math.Round(trace.Ours.AllocatedBytesPerEdit!.Value, 2),
        ["matches_end_content"] = trace.Ours.Matches,
        ["memory_before_bytes"] = trace.Ours.BeforeBytes,
        ["peak_memory_bytes"] = trace.Ours.PeakBytes,
        ["first_run_ms"] = Math.Round(trace.Ours.Ms[0], 3),
        ["times_faster_than_best_peer"] = trace.TimesFasterThanBestPeer is { } times ? Math.Round(times, 2) : null,
        ["peers"] = new JsonArray([.. trace.Peers.Select(peer => new JsonObject
        {
            ["name"] = peer.Name,
            ["ms_median"] = peer.MedianMs is { } ms ? Math.Round(ms, 3) : null,
            ["stopped_after"] = peer.StoppedAfter is { } stopped ? JsonSerializer.SerializeToNode(stopped, Json) : null,
            ["matches_end_content"] = peer.Matches,
            ["memory_before_bytes"] = peer.BeforeBytes,
            ["peak_memory_bytes"] = peer.PeakBytes,
        })]),
    };

    private static void Add(Table table, TraceReport trace, ContestantResult result)
    {
        if (result is { MedianMs: { } ms })
        {
            AddRow(
                table, $"{result.Name}", $"{ms:N1}", $"{result.Ms[0]:N1}", $"{trace.Edits / ms * 1000:N0}",
                $"{ms / trace.Ours.MedianMs:N1}", $"{Mib(result.PeakBytes)}",
                $"{Mib(result.PeakBytes - result.BeforeBytes)}", $"{(result.Matches ? "yes" : "NO")}");
            return;
        }

        var stopped = result.StoppedAfter!;
        AddRow(
            table, $"{result.Name}", $"stopped after {stopped.Ms / 1000:N0} s at edit {stopped.Edits:N0}", $"",
            $"{stopped.Edits / stopped.Ms * 1000:N0}", $"", $"{Mib(result.PeakBytes)}",
            $"{Mib(result.PeakBytes - result.BeforeBytes)}", $"");
    }

    private static string Mib(long bytes) => (bytes / 1048576.0).ToString("N0", System.Globalization.CultureInfo.InvariantCulture);

    private static Table NewTable(string title, params string[] columns)
    {
        var table = new Table().Title(Markup.Escape(title)).AddColumns(columns);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        return table;
    }

    private static void AddRow(Table table, params FormattableString[] cells) =>
        table.AddRow([.. cells.Select(cell => Markup.Escape(FormattableString.Invariant(cell)))]);
}
