// Transforming one keystroke over another.

using System.Buffers;
using System.Diagnostics;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>How fast keystrokes are transformed over each other.</summary>
/// <param name="PerSecond">Transforms a second on one core.</param>
/// <param name="AllocatedBytes">Managed memory allocated for one, in bytes.</param>
internal sealed record TransformRateResult(double PerSecond, double AllocatedBytes);

internal static class TransformRate
{
    private const int Keystrokes = 512;
    private const int Rounds = 20;
    private const int Runs = 9;

    public static TransformRateResult Measure()
    {
        // Two people in a text of 10,000 characters.
        var mine = RecordedEdits.Make(Keystrokes, 10_000, jumps: 50, deletes: 20, seed: 1);
        var theirs = RecordedEdits.Make(Keystrokes, 10_000, jumps: 50, deletes: 20, seed: 2);
        var output = new ArrayBufferWriter<byte>(64);
        var rates = new double[Runs];
        long allocated = 0;
        for (var run = 0; run < Runs; run++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var began = Stopwatch.GetTimestamp();
            for (var round = 0; round < Rounds; round++)
            {
                for (var i = 0; i < Keystrokes; i++)
                {
                    for (var j = 0; j < Keystrokes; j += 8)
                    {
                        output.ResetWrittenCount();
                        DocumentType.RichText.Transform(mine[i], theirs[j], Side.Right, output);
                    }
                }
            }

            rates[run] = Transforms / Stopwatch.GetElapsedTime(began).TotalSeconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        return new(ContestantResult.Median(rates), (double)allocated / Transforms);
    }

    private const int Transforms = Rounds * Keystrokes * Keystrokes / 8;
}
