// Many seeds, one after another on each of the machine's cores.

using CloudSync.Simulation.Plan;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation;

/// <summary>What has come of many runs.</summary>
internal sealed class SeedReport
{
    public long Seeds { get; set; }

    public long Edits { get; set; }

    public long Operations { get; set; }

    public long Faults { get; set; }

    public long Divergences { get; set; }

    public Reached Reached { get; } = new();

    public TimeSpan Longest { get; set; }

    public List<(long Seed, RunResult Result)> Failures { get; } = [];
}

internal static class SeedRunner
{
    // What fails is looked at, not counted.
    public const int FailuresMax = 10;

    /// <summary>Runs seeds from a first one on.</summary>
    /// <param name="firstSeed">The first.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="minutes">How long each, in simulated minutes.</param>
    /// <param name="threads">How many at a time.</param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="failuresMax">When so many have failed, no other is begun. All before the first of them were run.</param>
    public static SeedReport Run(
        long firstSeed, long seeds, double minutes, int threads, Action<SeedReport>? progress = null, int failuresMax = FailuresMax)
    {
        var report = new SeedReport();
        var gate = new Lock();
        long next = 0;
        var workers = Enumerable.Range(0, threads).Select(_ =>
        {
            // The stack of a thread of one's own, so that a run is on one thread from the beginning to the end.
            var thread = new Thread(Work);
            thread.Start();
            return thread;
        }).ToList();
        workers.ForEach(static worker => worker.Join());
        return report;

        void Work()
        {
            while (true)
            {
                var seed = firstSeed + Interlocked.Increment(ref next) - 1;
                lock (gate)
                {
                    if (seed >= firstSeed + seeds || report.Failures.Count >= failuresMax)
                        return;
                }

                var result = RunOne(RunPlan.Make(seed, minutes));
                lock (gate)
                {
                    report.Seeds++;
                    report.Edits += result.Edits;
                    report.Operations += result.Operations;
                    report.Faults += result.Faults;
                    report.Divergences += result.Divergences;
                    report.Reached.Add(result.Reached);
                    if (result.QuietAfter > report.Longest)
                        report.Longest = result.QuietAfter;
                    if (result.Violation is not null)
                        report.Failures.Add((seed, result));
                    progress?.Invoke(report);
                }
            }
        }
    }

    public static RunResult RunOne(RunPlan plan, Action<string>? listener = null)
    {
        using var run = new SimulatedRun(plan, listener);
        return run.Run();
    }
}
