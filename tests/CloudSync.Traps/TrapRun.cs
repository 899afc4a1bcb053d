// The simulator with one trap set, or none.

using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using CloudSync.Traps.Planting;

namespace CloudSync.Traps;

/// <summary>What came of it.</summary>
/// <param name="Seeds">Seeds that were run, up to the first one that failed.</param>
/// <param name="Seed">The one that failed; null if none did.</param>
/// <param name="Check">The check that caught it.</param>
/// <param name="Message">What the check said.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record TrapResult(long Seeds, long? Seed, string? Check, string? Message, double Seconds)
{
    public bool IsCaught => Seed is not null;
}

internal static class TrapRun
{
    private const int NoneFailed = 0;
    private const int SomeFailed = 1;

    /// <summary>Runs seeds until one fails.</summary>
    /// <param name="simulator">The simulator with the traps in it.</param>
    /// <param name="trap">The trap to be set; null for none.</param>
    /// <param name="firstSeed">The first seed.</param>
    /// <param name="seeds">How many at most.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="TrapException">The simulator broke off.</exception>
    public static async Task<TrapResult> RunAsync(string simulator, string? trap, long firstSeed, long seeds, CancellationToken stop)
    {
        var start = new ProcessStartInfo(simulator)
        {
            ArgumentList =
            {
                "--seed", firstSeed.ToString(CultureInfo.InvariantCulture), "--seeds", seeds.ToString(CultureInfo.InvariantCulture),
                "--threads", "1", "--first", "--json",
            },
        };
        if (trap is null)
            start.Environment.Remove(PlantedSources.Variable);
        else
            start.Environment[PlantedSources.Variable] = trap;
        var since = Stopwatch.GetTimestamp();
        var (exitCode, output, errors) = await Processes.RunAsync(start, stop);
        var seconds = Stopwatch.GetElapsedTime(since).TotalSeconds;
        if (exitCode is not (NoneFailed or SomeFailed))
            throw new TrapException($"The simulator broke off with exit code {exitCode}, with the trap '{trap}' set:\n{output}{errors}");
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        return report["violations"]!.AsArray() is [{ } violation, ..]
            ? new(
                (long)violation["seed"]! - firstSeed + 1, (long)violation["seed"]!, (string)violation["kind"]!, (string)violation["message"]!,
                seconds)
            : new((long)report["seeds"]!, null, null, null, seconds);
    }
}
