// What an edit costs in short and in very long documents.

using System.Diagnostics;
using CloudSync.Operations;
using Trace = CloudSync.Bench.Replay.Trace;

namespace CloudSync.Bench.Engine;

/// <summary>What an edit costs in a document.</summary>
/// <param name="DocumentBytes">The document's length before the first edit, in bytes of ASCII text.</param>
/// <param name="TypingNs">An edit of the recorded session, typed in the middle.</param>
/// <param name="AnywhereNs">A keystroke at a random place, each at another.</param>
internal sealed record CostAtLength(int DocumentBytes, double TypingNs, double AnywhereNs);

internal static class CostByLength
{
    private const int RandomEdits = 100_000;
    private const int Runs = 5;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);
    private static readonly int[] s_lengths = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

    public static IReadOnlyList<CostAtLength> Measure(Trace trace, CancellationToken stop)
    {
        // The code is compiled, and compiled again, before the first is timed.
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < s_warmUp;)
        {
            Apply(s_lengths[1], RecordedEdits.From(trace, s_lengths[1] / 2), trace.StartContent, stop);
            Apply(s_lengths[1], RecordedEdits.Make(RandomEdits, s_lengths[1], jumps: 100, deletes: 45, seed: 1), "", stop);
        }

        return [.. s_lengths.Select(length => new CostAtLength(
            length,
            Apply(length, RecordedEdits.From(trace, length / 2), trace.StartContent, stop),
            Apply(length, RecordedEdits.Make(RandomEdits, length, jumps: 100, deletes: 45, seed: length), "", stop)))];
    }

    private static double Apply(int length, RecordedEdits edits, string between, CancellationToken stop)
    {
        var half = new string('x', length / 2);
        var snapshot = Delta.FromPlainText(half + between + half).Bytes;
        var times = new double[Runs];
        for (var run = 0; run < Runs; run++)
        {
            stop.ThrowIfCancellationRequested();
            var state = DocumentType.RichText.DecodeSnapshot(snapshot.Span);
            GC.Collect();
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < edits.Count; i++)
                state.Apply(edits[i]);
            times[run] = Stopwatch.GetElapsedTime(began).TotalNanoseconds / edits.Count;
        }

        return ContestantResult.Median(times);
    }
}
