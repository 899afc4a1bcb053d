// traps: plants bugs, one at a time, and sees that the simulator catches each.

using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using CloudSync.Traps.Catalogue;
using CloudSync.Traps.Planting;

namespace CloudSync.Traps.Commands;

internal static class TrapsCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int Interrupted = 130;

    private sealed record Arguments(
        IReadOnlyCollection<string> Only, long Seeds, long FirstSeed, int AtOnce, bool List, bool Json, DirectoryInfo? BuildServer);

    /// <summary>Runs it; returns the exit code.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="errors">What went wrong is said there.</param>
    public static async Task<int> RunAsync(string[] args, TextWriter errors)
    {
        var parsed = Create(errors).Parse(args);
        return parsed.Errors.Count == 0 ? await parsed.InvokeAsync() : await FailAsync(errors, WrongUsage, parsed.Errors[0].Message);
    }

    private static RootCommand Create(TextWriter errors)
    {
        var only = new Option<string>("--only") { Description = "The names of the traps, with commas between them; without it all that are not open.", DefaultValueFactory = static _ => "" };
        var seeds = new Option<long>("--seeds") { Description = "How many seeds for each trap at most, and for the sources without one.", DefaultValueFactory = static _ => 400 };
        seeds.Validators.Add(static result => Require<long>(result, static seeds => seeds >= 1, "--seeds", "at least 1"));
        var seed = new Option<long?>("--seed") { Description = "The first seed; random if left out." };
        var atOnce = new Option<int>("--threads") { Description = "How many traps at a time.", DefaultValueFactory = static _ => Environment.ProcessorCount };
        atOnce.Validators.Add(static result => Require<int>(result, static threads => threads is >= 1 and <= 256, "--threads", "1 to 256"));
        var list = new Option<bool>("--list") { Description = "Only lists the traps." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var server = new Option<DirectoryInfo?>("--build-server") { Description = $"Only builds the server with the traps in it, into this folder; {PlantedSources.Variable} sets one." };
        var root = new RootCommand("Plants bugs in a copy of the sources, one at a time, and sees that the simulator catches each.")
        {
            only, seeds, seed, atOnce, list, json, server,
        };
        root.SetAction((parsed, stop) => RunAsync(
            new(
                parsed.GetValue(only)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                parsed.GetValue(seeds), parsed.GetValue(seed) ?? RandomNumberGenerator.GetInt32(1, int.MaxValue), parsed.GetValue(atOnce),
                parsed.GetValue(list), parsed.GetValue(json), parsed.GetValue(server)),
            errors, stop));
        return root;
    }

    // What is no number is said by the parser.
    private static void Require<T>(System.CommandLine.Parsing.OptionResult result, Func<T, bool> isRight, string option, string allowed)
        where T : IParsable<T>
    {
        if (result.Tokens is [{ Value: var text }] && T.TryParse(text, CultureInfo.InvariantCulture, out var value) && !isRight(value))
            result.AddError($"{option} is {allowed}.");
    }

    private static async Task<int> RunAsync(Arguments arguments, TextWriter errors, CancellationToken stop)
    {
        DirectoryInfo? folder = null;
        try
        {
            if (arguments.FirstSeed > long.MaxValue - arguments.Seeds)
                throw new ArgumentException($"The last seed would be beyond {long.MaxValue}.");
            var traps = TrapList.Choose(arguments.Only);
            if (arguments.List)
                return List();
            folder = Directory.CreateTempSubdirectory("cloudsync-traps-");
            var sources = PlantedSources.Create(PlantedSources.FindRoot(), folder.FullName, TrapList.All);
            if (arguments.BuildServer is { } to)
            {
                Console.WriteLine(await sources.BuildServerAsync(to.FullName, stop));
                return 0;
            }

            await errors.WriteLineAsync($"Building the simulator with {TrapList.All.Count} traps in it…");
            var simulator = await sources.BuildSimulatorAsync(stop);
            return await RunAsync(simulator, traps, arguments, stop);
        }
        catch (ArgumentException exception)
        {
            return await FailAsync(errors, WrongUsage, exception.Message);
        }
        catch (Exception exception) when (exception is TrapException or IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return await FailAsync(errors, Failed, exception.Message);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await FailAsync(errors, Interrupted, "Interrupted.");
        }
        finally
        {
            folder?.Delete(recursive: true);
        }
    }

    private static async Task<int> RunAsync(string simulator, IReadOnlyList<Trap> traps, Arguments arguments, CancellationToken stop)
    {
        var report = new TrapReport(arguments.FirstSeed, arguments.Seeds);
        // The longest first, which is the one without a trap.
        await Parallel.ForEachAsync(
            (Trap?[])[null, .. traps],
            new ParallelOptions { MaxDegreeOfParallelism = arguments.AtOnce, CancellationToken = stop },
            async (trap, stop) => report.Add(
                trap, await TrapRun.RunAsync(simulator, trap?.Name, arguments.FirstSeed, arguments.Seeds, stop)));
        report.WriteSum();
        if (arguments.Json)
            Console.WriteLine(JsonSerializer.Serialize(report.ToJson()));
        return report.Passed ? 0 : Failed;
    }

    private static int List()
    {
        foreach (var trap in TrapList.All)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{trap.Name,-26} {trap.What}{(trap.IsOpen ? " (open)" : "")}"));
        return 0;
    }

    private static async Task<int> FailAsync(TextWriter errors, int exitCode, string message)
    {
        await errors.WriteLineAsync($"cloudsync: {message}");
        return exitCode;
    }
}
