// All traps there are.

namespace CloudSync.Traps.Catalogue;

internal static class TrapList
{
    public static IReadOnlyList<Trap> All { get; } =
    [
        .. SequencingTraps.All, .. FollowingTraps.All, .. ResumeTraps.All, .. ContentTraps.All, .. GatewayTraps.All, .. PollingTraps.All, .. ClientTraps.All,
        .. OutboxTraps.All, .. MergeTraps.All,
    ];

    /// <summary>The traps of these names; all that are not open if there are none.</summary>
    /// <exception cref="ArgumentException">There is no such trap.</exception>
    public static IReadOnlyList<Trap> Choose(IReadOnlyCollection<string> names)
    {
        foreach (var name in names)
        {
            if (All.All(trap => trap.Name != name))
                throw new ArgumentException($"There is no trap '{name}'; --list shows all.");
        }

        return [.. All.Where(trap => names.Count == 0 ? !trap.IsOpen : names.Contains(trap.Name))];
    }
}
