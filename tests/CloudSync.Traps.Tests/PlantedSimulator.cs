// The simulator with all traps in it, built once, and run with some of them set, one at a time.

using System.Collections.Concurrent;
using System.Security.Cryptography;
using CloudSync.Traps.Catalogue;
using CloudSync.Traps.Planting;
using Xunit;

namespace CloudSync.Traps.Tests;

public sealed class PlantedSimulator : IAsyncLifetime
{
    // Each is caught in the first few seeds as a rule, in one of ten at least: so many are more than luck could want.
    private const long SeedsMax = 200;

    private const long SeedsOfControl = 30;

    private readonly ConcurrentDictionary<string, TrapResult> _caught = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-traps-");

    /// <summary>Some of each layer.</summary>
    public static IReadOnlyList<string> Traps { get; } =
    [
        "ack-before-append", "failure-as-success", "resend-dropped", "wrong-side", "skip-gap", "all-but-one", "lose-on-eviction", "trust-cache",
        "catch-up-too-late", "run-miscounted", "fold-from-snapshot", "behind-forgotten", "own-not-known", "lost-has-left",
        "pending-not-rebased", "numbers-used-again", "undo-of-others", "pending-lost", "told-kept-too-soon", "attributes-both-win",
    ];

    public long FirstSeed { get; } = RandomNumberGenerator.GetInt32(1, int.MaxValue);

    internal TrapResult Control { get; private set; } = null!;

    internal IReadOnlyDictionary<string, TrapResult> Caught => _caught;

    public async ValueTask InitializeAsync()
    {
        var stop = TestContext.Current.CancellationToken;
        var simulator = await PlantedSources.Create(PlantedSources.FindRoot(), _folder.FullName, TrapList.All).BuildSimulatorAsync(stop);
        await Parallel.ForEachAsync(
            (string?[])[null, .. Traps],
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = stop },
            async (trap, stop) =>
            {
                if (trap is null)
                    Control = await TrapRun.RunAsync(simulator, null, FirstSeed, SeedsOfControl, stop);
                else
                    _caught[trap] = await TrapRun.RunAsync(simulator, trap, FirstSeed, SeedsMax, stop);
            });
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
