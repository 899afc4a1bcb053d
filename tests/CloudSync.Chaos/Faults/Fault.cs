// What a fault is: put into place, taken away again, and cleared up after.

using CloudSync.Chaos.Reporting;

namespace CloudSync.Chaos.Faults;

/// <summary>A fault that is injected once.</summary>
internal abstract class Fault
{
    /// <summary>What it does to whom, in a few words.</summary>
    public abstract string Details { get; }

    /// <summary>Puts it into place.</summary>
    public abstract Task InjectAsync(CancellationToken stop);

    /// <summary>Takes it away: from then on nothing of it stands in anybody's way.</summary>
    public abstract Task HealAsync(CancellationToken stop);

    /// <summary>Brings back what is needed for the next one, but not by those who write.</summary>
    public virtual Task ClearUpAsync(CancellationToken stop) => Task.CompletedTask;
}

/// <summary>A kind of fault.</summary>
/// <param name="Name">As --faults has it.</param>
/// <param name="IsDatabase">Whether it takes away the log, or the way to it.</param>
/// <param name="Stands">Whether edits can't be expected to flow before it is healed.</param>
/// <param name="Weight">How often it comes in one round.</param>
/// <param name="HoldSecondsMin">How long it stays, at least.</param>
/// <param name="HoldSecondsMax">How long it stays, at the most.</param>
/// <param name="Create">Makes one.</param>
internal sealed record FaultKind(
    string Name, bool IsDatabase, bool Stands, int Weight, double HoldSecondsMin, double HoldSecondsMax,
    Func<ChaosCluster, Random, Fault> Create)
{
    /// <summary>Whether another may be there at the same time. Not one that changes which part is which.</summary>
    public bool IsAlone { get; init; }

    /// <summary>Whether it goes on for long, step by step, and counts by how long an edit waits during it.</summary>
    public bool IsRolling { get; init; }

    /// <summary>Why it can't be had here; empty if it can.</summary>
    public Func<ChaosCluster, string> Missing { get; init; } = static _ => "";

    /// <summary>Whether a word of --faults means it: its name, or the beginning or the end of it ("kill", "gateway").</summary>
    public bool IsMeantBy(string word) => Name == word
        || Name.StartsWith(word + "-", StringComparison.Ordinal) || Name.EndsWith("-" + word, StringComparison.Ordinal);

    /// <summary>How the two figures of this kind are to be read.</summary>
    public FaultTraits Traits => new(IsDatabase, Stands, IsRolling);
}
