// The text of a file with all that is planted in it. Pure.

using CloudSync.Traps.Catalogue;

namespace CloudSync.Traps.Planting;

/// <summary>A trap's text isn't where it should be: the production code has moved on.</summary>
internal sealed class TrapException(string message) : Exception(message);

internal static class PlantedText
{
    /// <summary>In the text of a change: whether its trap is set.</summary>
    public const string Condition = "TRAP";

    /// <summary>Replaces all that is to be replaced in one file; whoever comes first is looked for in the text as it was.</summary>
    /// <exception cref="TrapException">A text isn't there exactly once, or two traps change the same text.</exception>
    public static string Plant(string file, string text, IEnumerable<(Trap Trap, Change Change)> changes)
    {
        var places = changes
            .Select(planned => (At: Find(file, text, planned.Trap, planned.Change), planned.Trap, planned.Change))
            .OrderByDescending(static place => place.At)
            .ToList();
        for (var i = 1; i < places.Count; i++)
        {
            if (places[i].At + places[i].Change.Old.Length > places[i - 1].At)
                throw new TrapException($"The traps '{places[i].Trap.Name}' and '{places[i - 1].Trap.Name}' change the same text in {file}.");
        }

        // From the end, so that what is still to be replaced stays where it was found.
        foreach (var (at, trap, change) in places)
            text = string.Concat(text.AsSpan(0, at), WithCondition(trap, change.New), text.AsSpan(at + change.Old.Length));
        return text;
    }

    private static string WithCondition(Trap trap, string text) =>
        text.Replace(Condition, $"global::CloudSync.Planted.Is(\"{trap.Name}\")", StringComparison.Ordinal);

    private static int Find(string file, string text, Trap trap, Change change)
    {
        var at = text.IndexOf(change.Old, StringComparison.Ordinal);
        if (at < 0)
            throw new TrapException($"The trap '{trap.Name}' doesn't fit {file} any more; this isn't there: {change.Old.Trim()}");
        if (text.IndexOf(change.Old, at + 1, StringComparison.Ordinal) >= 0)
            throw new TrapException($"The trap '{trap.Name}' isn't clear in {file}; this is there more than once: {change.Old.Trim()}");
        return at;
    }
}
