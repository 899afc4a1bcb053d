// The traps themselves: none has been left behind by the production code.

using CloudSync.Traps.Catalogue;
using CloudSync.Traps.Planting;
using Xunit;

namespace CloudSync.Traps.Tests;

public sealed class TrapListTests
{
    public static TheoryData<string> Names => [.. TrapList.All.Select(static trap => trap.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_trap_fits_the_sources(string name)
    {
        var trap = TrapList.Choose([name]).Single();
        foreach (var (file, text) in PlantedSources.Plant(PlantedSources.FindRoot(), [trap]))
            Assert.NotEqual(File.ReadAllText(Path.Combine(PlantedSources.FindRoot(), file)), text);
        // One that is always there would be no trap but a bug, and one that never is would be nothing.
        Assert.Contains(trap.Changes, static change => change.New.Contains(PlantedText.Condition, StringComparison.Ordinal));
        Assert.DoesNotContain(trap.Changes, static change => change.Old.Contains(PlantedText.Condition, StringComparison.Ordinal));
    }

    [Fact]
    public void All_traps_fit_together_and_no_two_have_one_name()
    {
        PlantedSources.Plant(PlantedSources.FindRoot(), TrapList.All);
        Assert.Equal(TrapList.All.Count, TrapList.All.Select(static trap => trap.Name).Distinct().Count());
    }

    [Fact]
    public void Open_traps_are_run_only_by_name()
    {
        Assert.DoesNotContain(TrapList.Choose([]), static trap => trap.IsOpen);
        var open = TrapList.All.First(static trap => trap.IsOpen).Name;
        Assert.Equal([open], TrapList.Choose([open]).Select(static trap => trap.Name));
        Assert.Throws<ArgumentException>(() => TrapList.Choose(["no such trap"]));
    }
}
