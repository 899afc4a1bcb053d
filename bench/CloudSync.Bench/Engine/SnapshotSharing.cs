// A snapshot for whoever joins: taken from the document that goes on being edited.

using System.Diagnostics;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>What a snapshot costs, and the writer after it.</summary>
/// <param name="DocumentBytes">The document's length, in bytes of ASCII text.</param>
/// <param name="SnapshotNs">Taking it, in nanoseconds.</param>
/// <param name="KeystrokeAfterNs">The first keystroke after it, which copies what the two would share.</param>
/// <param name="KeystrokeAfterBytes">What that one allocates.</param>
internal sealed record SnapshotSharingResult(
    int DocumentBytes, double SnapshotNs, double KeystrokeAfterNs, double KeystrokeAfterBytes);

internal static class SnapshotSharing
{
    private const int Snapshots = 20_000;
    private static readonly int[] s_lengths = [1_000, 100_000, 10_000_000, 100_000_000];

    public static IReadOnlyList<SnapshotSharingResult> Measure(CancellationToken stop) =>
        [.. s_lengths.Prepend(s_lengths[0]).Select(length => Measure(length, stop)).Skip(1)];

    private static SnapshotSharingResult Measure(int length, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var document = DocumentType.RichText.DecodeSnapshot(Delta.FromPlainText(new string('x', length)).Bytes.Span);
        var edits = RecordedEdits.Make(Snapshots, length, jumps: 8, deletes: 50, seed: 1);
        GC.Collect();
        long taking = 0, typing = 0, allocated = 0;
        DocumentState? snapshot = null;
        for (var i = 0; i < Snapshots; i++)
        {
            var began = Stopwatch.GetTimestamp();
            snapshot = document.Fork();
            var taken = Stopwatch.GetTimestamp();
            var before = GC.GetAllocatedBytesForCurrentThread();
            document.Apply(edits[i]);
            typing += Stopwatch.GetTimestamp() - taken;
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            taking += taken - began;
        }

        GC.KeepAlive(snapshot);
        return new(
            length, Stopwatch.GetElapsedTime(0, taking).TotalNanoseconds / Snapshots,
            Stopwatch.GetElapsedTime(0, typing).TotalNanoseconds / Snapshots,
            (double)allocated / Snapshots);
    }
}
