// A few hundred fresh seeds in every run of the tests, and that a seed is the same run each time.

using System.Globalization;
using System.Security.Cryptography;
using CloudSync.Simulation.Plan;
using CloudSync.Simulation.World;
using Xunit;

namespace CloudSync.Simulation.Tests;

public sealed class SeedTests
{
    private const double Minutes = 1;

    // There are hundreds or tens of each in as many seeds.
    private static readonly Rare[] _always =
    [
        Rare.Evictions, Rare.SnapshotLoads, Rare.OperationsPacked, Rare.CacheHits, Rare.Transforms, Rare.Conflicts, Rare.UnknownOutcomes,
        Rare.ResendsFound, Rare.GapsMended, Rare.CatchUps, Rare.Deletions, Rare.DeletionsTold, Rare.Drains, Rare.Moves, Rare.Returns, Rare.NotAdmitted, Rare.OutboxReloads,
        Rare.EditsLost, Rare.FailedWrites, Rare.Fallbacks, Rare.WebSocketsAgain, Rare.RequestsLost, Rare.RequestsRepeated, Rare.AnswersLost,
        Rare.AnswersCut, Rare.Storms, Rare.SharedSnapshots, Rare.Merges, Rare.SendTimeouts,
    ];

    [Fact]
    public void No_promise_is_broken_in_some_hundred_fresh_seeds()
    {
        var first = RandomNumberGenerator.GetInt32(1, int.MaxValue);
        var report = SeedRunner.Run(first, seeds: 300, Minutes, threads: 1);
        Assert.True(
            report.Failures.Count == 0,
            string.Join('\n', report.Failures.Select(static failure => string.Create(CultureInfo.InvariantCulture,
                $"{failure.Result.Violation}; again: ./cloudsync simulate --seed {failure.Seed} --seeds 1 --minutes {Minutes}"))));
        Assert.Equal(300, report.Seeds);
        // People wrote, and things went wrong: a run in which nothing happens would prove nothing.
        Assert.True(report.Operations > 30_000, $"Only {report.Operations} operations were committed.");
        Assert.True(report.Faults > 1_000, $"Only {report.Faults} faults happened.");
        foreach (var rare in _always)
            Assert.True(report.Reached[rare] > 0, $"Never reached: {rare}.");
    }

    [Theory]
    [InlineData(77)]
    [InlineData(78)]
    [InlineData(79)]
    public void A_seed_gives_the_same_run_each_time(long seed)
    {
        var once = SeedRunner.RunOne(RunPlan.Make(seed, Minutes));
        var again = SeedRunner.RunOne(RunPlan.Make(seed, Minutes));
        Assert.Equal(once, again);
        Assert.NotEqual(once.Hash, SeedRunner.RunOne(RunPlan.Make(seed + 1_000, Minutes)).Hash);
    }

    [Fact]
    public void A_failing_plan_is_made_smaller_until_nothing_can_be_left_out()
    {
        var plan = RunPlan.Make(5, Minutes);
        var (first, last) = (plan.Actions[3], plan.Actions[^2]);
        var shrunk = Shrinker.Shrink(
            plan, less => less.Actions.Any(action => action.Seed == first.Seed) && less.Actions.Any(action => action.Seed == last.Seed),
            TimeSpan.FromMinutes(5));
        Assert.Equal([first.Seed, last.Seed], shrunk.Actions.Select(static action => action.Seed));
        Assert.All(shrunk.Actions, static action => Assert.Equal(1, action.Count));
    }
}
