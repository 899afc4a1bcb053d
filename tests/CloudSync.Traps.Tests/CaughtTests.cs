// The simulator catches what is planted, and nothing where nothing is.

using Xunit;

namespace CloudSync.Traps.Tests;

public sealed class CaughtTests(PlantedSimulator simulator) : IClassFixture<PlantedSimulator>
{
    public static TheoryData<string> Names => [.. PlantedSimulator.Traps];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_bug_is_caught(string name) => Assert.True(
        simulator.Caught[name].IsCaught,
        $"Not caught in {simulator.Caught[name].Seeds} seeds; again: ./cloudsync traps --only {name} --seed {simulator.FirstSeed}");

    [Fact]
    public void With_no_trap_set_nothing_is_caught()
    {
        Assert.False(
            simulator.Control.IsCaught,
            $"{simulator.Control.Check}: {simulator.Control.Message}; again: ./cloudsync simulate --seed {simulator.Control.Seed} --seeds 1");
        Assert.True(simulator.Control.Seeds > 1);
    }
}
