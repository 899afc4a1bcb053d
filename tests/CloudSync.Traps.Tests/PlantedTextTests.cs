// How traps are planted: exactly there, or with an error that says which trap and why.

using CloudSync.Traps.Catalogue;
using CloudSync.Traps.Planting;
using Xunit;

namespace CloudSync.Traps.Tests;

public sealed class PlantedTextTests
{
    private const string Text = "first; second; third; second again;";

    [Fact]
    public void What_is_planted_is_there_and_all_else_as_it_was()
    {
        var planted = Plant(("one", "third;", "if (TRAP) fourth;"), ("two", "first;", "!TRAP;"));
        Assert.Equal(
            "!global::CloudSync.Planted.Is(\"two\"); second; if (global::CloudSync.Planted.Is(\"one\")) fourth; second again;", planted);
    }

    [Fact]
    public void Text_that_is_no_longer_there_is_an_error_that_names_the_trap_and_the_file()
    {
        var exception = Assert.Throws<TrapException>(() => Plant(("one", "fifth;", "TRAP")));
        Assert.Contains("'one'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("a file", exception.Message, StringComparison.Ordinal);
        Assert.Contains("fifth;", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_there_twice_is_an_error() =>
        Assert.Contains("more than once", Assert.Throws<TrapException>(() => Plant(("one", "second", "TRAP"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Two_traps_in_the_same_text_are_an_error()
    {
        var exception = Assert.Throws<TrapException>(() => Plant(("one", "first; sec", "TRAP"), ("two", "second; third", "TRAP")));
        Assert.Contains("'one'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("'two'", exception.Message, StringComparison.Ordinal);
    }

    private static string Plant(params (string Name, string Old, string New)[] changes) => PlantedText.Plant(
        "a file", Text, changes.Select(static planned =>
        {
            var change = new Change("a file", planned.Old, planned.New);
            return (new Trap(planned.Name, "", change), change);
        }));
}
