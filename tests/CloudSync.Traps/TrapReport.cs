// What each trap came to.

using System.Globalization;
using CloudSync.Traps.Catalogue;

namespace CloudSync.Traps;

/// <summary>Gathers the results, and shows each when it comes. Thread-safe.</summary>
internal sealed class TrapReport(long firstSeed, long seeds)
{
    private readonly Lock _gate = new();
    private readonly List<(Trap? Trap, TrapResult Result)> _results = [];

    /// <summary>Each trap was caught, and without one nothing was.</summary>
    public bool Passed => _results.All(static ran => ran.Result.IsCaught == ran.Trap is not null);

    public void Add(Trap? trap, TrapResult result)
    {
        lock (_gate)
        {
            _results.Add((trap, result));
            Console.WriteLine(Describe(trap, result));
            if (trap is null && result.IsCaught)
                Console.WriteLine($"  {result.Message}");
        }
    }

    public void WriteSum()
    {
        var traps = _results.Where(static ran => ran.Trap is not null).ToList();
        var missed = traps.Where(static ran => !ran.Result.IsCaught).Select(static ran => ran.Trap!.Name).ToList();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Seeds from {firstSeed} on: {traps.Count - missed.Count} of {traps.Count} traps caught{(missed.Count == 0 ? "" : $", not caught: {string.Join(", ", missed)}")}."));
    }

    public object ToJson() => new
    {
        first_seed = firstSeed,
        seeds,
        passed = Passed,
        control = _results.Where(static ran => ran.Trap is null).Select(static ran => new
        {
            seeds = ran.Result.Seeds,
            failed_seed = ran.Result.Seed,
            check = ran.Result.Check,
            message = ran.Result.Message,
            seconds = ran.Result.Seconds,
        }).SingleOrDefault(),
        traps = _results.Where(static ran => ran.Trap is not null).Select(static ran => new
        {
            name = ran.Trap!.Name,
            what = ran.Trap.What,
            caught = ran.Result.IsCaught,
            check = ran.Result.Check,
            message = ran.Result.Message,
            seeds = ran.Result.Seeds,
            failed_seed = ran.Result.Seed,
            seconds = ran.Result.Seconds,
        }),
    };

    private static string Describe(Trap? trap, TrapResult result)
    {
        var name = trap?.Name ?? "no trap";
        var what = trap?.What ?? "the sources as they are";
        var outcome = (trap, result.IsCaught) switch
        {
            (_, true) => $"{result.Check} after {result.Seeds} {(result.Seeds == 1 ? "seed" : "seeds")}",
            (null, false) => $"clean in {result.Seeds} seeds",
            _ => $"NOT CAUGHT in {result.Seeds} seeds",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{name,-26} {outcome,-34} {result.Seconds,6:0.0} s  {what}");
    }
}
