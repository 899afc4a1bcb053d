// Two people who were apart for long, and what it takes to bring their branches together: each side is composed into one
// operation, one is transformed over the other, and both are applied.

using System.Buffers;
using System.Diagnostics;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>Two branches brought together.</summary>
/// <param name="Keystrokes">On each branch.</param>
/// <param name="Ms">From the single keystrokes to the merged document.</param>
/// <param name="AllocatedBytes">Managed memory allocated on the way, buffers that were reused counted once.</param>
/// <param name="ComposedBytes">One branch composed, in its binary form.</param>
/// <param name="Converged">Both orders led to the same document, which is the one of the keystrokes one by one.</param>
internal sealed record OfflineMergeResult(int Keystrokes, double Ms, long AllocatedBytes, int ComposedBytes, bool Converged);

internal static class OfflineMerge
{
    private const int DocumentLength = 100_000;
    private const int Runs = 7;
    private static readonly int[] s_keystrokes = [1_000, 10_000, 100_000, 1_000_000];

    public static IReadOnlyList<OfflineMergeResult> Measure(CancellationToken stop)
    {
        var document = DocumentType.RichText.DecodeSnapshot(
            Delta.FromPlainText(string.Concat(Enumerable.Repeat("all work and no play ", DocumentLength / 21))).Bytes.Span);
        // Once more in front, so that the code is compiled.
        return [.. s_keystrokes.Prepend(s_keystrokes[1]).Select(count => Measure(document, count, stop)).Skip(1)];
    }

    private static OfflineMergeResult Measure(DocumentState document, int keystrokes, CancellationToken stop)
    {
        // 8 keystrokes in a hundred are made elsewhere than where the one before has left the caret. In the recorded
        // sessions it is 2 (automerge-paper) to 20 (rustcode).
        var mine = RecordedEdits.Make(keystrokes, document.Length, jumps: 8, deletes: 12, seed: 1);
        var theirs = RecordedEdits.Make(keystrokes, document.Length, jumps: 8, deletes: 12, seed: 2);
        var times = new double[Runs];
        long allocated = 0;
        DocumentState merged = document;
        ArrayBufferWriter<byte> mineComposed = new(), theirsComposed = new();
        for (var run = 0; run < Runs; run++)
        {
            stop.ThrowIfCancellationRequested();
            (mineComposed, theirsComposed) = (new(), new());
            GC.Collect();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var began = Stopwatch.GetTimestamp();
            var composer = new OperationComposer(DocumentType.RichText);
            Compose(composer, theirs, theirsComposed);
            Compose(composer, mine, mineComposed);
            var transformed = new ArrayBufferWriter<byte>();
            DocumentType.RichText.Transform(mineComposed.WrittenSpan, theirsComposed.WrittenSpan, Side.Right, transformed);
            merged = document.Fork();
            merged.Apply(theirsComposed.WrittenSpan);
            merged.Apply(transformed.WrittenSpan);
            times[run] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return new(
            keystrokes, ContestantResult.Median(times), allocated, mineComposed.WrittenCount,
            Converges(document, mine, theirs, mineComposed, theirsComposed, merged));
    }

    private static void Compose(OperationComposer composer, RecordedEdits edits, ArrayBufferWriter<byte> output)
    {
        for (var i = 0; i < edits.Count; i++)
            composer.Add(edits[i]);
        composer.Finish(output);
    }

    // The other way round, from the keystrokes themselves: mine one by one, then theirs transformed over mine.
    private static bool Converges(
        DocumentState document, RecordedEdits mine, RecordedEdits theirs,
        ArrayBufferWriter<byte> mineComposed, ArrayBufferWriter<byte> theirsComposed, DocumentState merged)
    {
        var other = document.Fork();
        for (var i = 0; i < mine.Count; i++)
            other.Apply(mine[i]);
        var transformed = new ArrayBufferWriter<byte>();
        DocumentType.RichText.Transform(theirsComposed.WrittenSpan, mineComposed.WrittenSpan, Side.Left, transformed);
        other.Apply(transformed.WrittenSpan);
        var theirsOnly = document.Fork();
        for (var i = 0; i < theirs.Count; i++)
            theirsOnly.Apply(theirs[i]);
        var theirsAtOnce = document.Fork();
        theirsAtOnce.Apply(theirsComposed.WrittenSpan);
        return Delta.FromState(other).Equals(Delta.FromState(merged))
            && Delta.FromState(theirsOnly).Equals(Delta.FromState(theirsAtOnce));
    }
}
