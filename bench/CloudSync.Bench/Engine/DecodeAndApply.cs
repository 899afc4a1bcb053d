// Decoding each edit of a session from its wire bytes and applying it to the server's document. Runs in a process of its
// own, as each peer does, so that the peak of its memory is its own.

using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudSync.Operations;

namespace CloudSync.Bench.Engine;

/// <summary>What one contestant did with one session.</summary>
/// <param name="Name">Who.</param>
/// <param name="Ms">What the very first run took, and then each one after the warm-up.</param>
/// <param name="StoppedAfter">Set if a run took too long.</param>
/// <param name="Matches">The content was the recorded one after each run.</param>
/// <param name="BeforeBytes">Resident memory before the first edit, the recorded edits included.</param>
/// <param name="PeakBytes">The most resident memory there was from then on.</param>
internal sealed record ContestantResult(
    string Name, double[] Ms, StoppedRun? StoppedAfter, bool Matches, long BeforeBytes, long PeakBytes)
{
    /// <summary>Of the runs after the warm-up; of the first if there is no other.</summary>
    public double? MedianMs => Ms.Length == 0 ? null : Median(Ms.Length == 1 ? Ms : Ms[1..]);

    /// <summary>Ours only: managed memory allocated for an edit, beyond the first run.</summary>
    public double? AllocatedBytesPerEdit { get; init; }

    internal static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

/// <summary>A run that was stopped at the limit.</summary>
/// <param name="Edits">So many edits had been made.</param>
/// <param name="Ms">In so many milliseconds.</param>
internal sealed record StoppedRun(int Edits, double Ms);

internal static class DecodeAndApply
{
    public const string Name = "cloudsync";

    private const int Runs = 41;

    // The code is compiled, and compiled again once it is known to be hot, before its speed is what it will be.
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);

    /// <summary>Measures in this process and prints the result as one line of JSON.</summary>
    /// <param name="file">What <see cref="RecordedEdits.Save"/> wrote.</param>
    /// <param name="stop">Stops it.</param>
    public static int Run(FileInfo file, CancellationToken stop)
    {
        var edits = RecordedEdits.Load(file);
        // The peak is counted from here.
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Memory("VmRSS:");
        var times = new List<double>();
        var warm = 0;
        var matches = true;
        long allocated = 0;
        for (var started = Stopwatch.GetTimestamp(); times.Count < warm + Runs || warm == 0;)
        {
            stop.ThrowIfCancellationRequested();
            GC.Collect();
            var state = DocumentType.RichText.DecodeSnapshot(edits.StartSnapshot);
            var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < edits.Count; i++)
                state.Apply(edits[i]);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
            matches &= Delta.FromState(state).ToPlainText() == edits.EndContent;
            if (warm == 0 && Stopwatch.GetElapsedTime(started) > s_warmUp)
                warm = times.Count;
        }

        var result = new ContestantResult(Name, [times[0], .. times[warm..]], null, matches, before, Memory("VmHWM:"))
        {
            AllocatedBytesPerEdit = (double)allocated / edits.Count,
        };
        Console.WriteLine(JsonSerializer.Serialize(result, EngineReport.Json));
        return 0;
    }

    private static long Memory(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(name.Length)[..^" kB".Length], CultureInfo.InvariantCulture) * 1024;
    }
}
