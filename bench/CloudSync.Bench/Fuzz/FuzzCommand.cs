// fuzz: throws mutated input at every decoder and at merging, and keeps what it finds where the tests replay it.

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CloudSync.Fuzzing;
using CloudSync.Verification;
using Spectre.Console;

namespace CloudSync.Bench.Fuzz;

internal static class FuzzCommand
{
    private const int Found = 1;
    private const int CannotFuzz = 2;

    // No input takes nearly so long: it hangs.
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(60);

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var seconds = new Option<int>("--seconds")
        {
            Description = "How long, all targets together.",
            DefaultValueFactory = static _ => 60,
        };
        seconds.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number is < 1 or > 1_000_000)
                result.AddError("--seconds is from 1 to 1000000.");
        });
        var target = new Option<string?>("--target")
        {
            Description = "Only this target: " + string.Join(", ", FuzzTargets.All.Select(t => t.Name)) + ".",
        };
        target.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && FuzzTargets.All.All(t => t.Name != value))
                result.AddError($"There is no target '{value}'.");
        });
        var seed = new Option<ulong?>("--seed") { Description = "Repeats a run's choices. Without it, a fresh one is taken and printed." };
        var file = new Option<FileInfo?>("--file") { Description = "Runs this one input of the target and nothing else." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("fuzz", "Throws mutated input at every decoder and at merging; keeps what it finds in the corpus that the tests replay.")
        {
            seconds, target, seed, file, json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(file) is not null && result.GetResult(target) is null)
                result.AddError("--file needs --target.");
        });
        command.SetAction((parsed, stop) =>
        {
            var targets = FuzzTargets.All.Where(t => parsed.GetValue(target) is null || t.Name == parsed.GetValue(target)).ToList();
            return parsed.GetValue(file) is { } input
                ? ReplayAsync(targets[0], input, stop)
                : RunAsync(targets, parsed.GetValue(seconds), parsed.GetValue(seed) ?? SeededRandom.FreshSeed(), parsed.GetValue(json), stop);
        });
        return command;
    }

    private static async Task<int> ReplayAsync(IFuzzTarget target, FileInfo file, CancellationToken stop)
    {
        try
        {
            var finding = Fuzzer.Replay(target, await File.ReadAllBytesAsync(file.FullName, stop));
            Console.WriteLine(finding is null ? $"{target.Name}: all is well" : $"{target.Name}: {finding.Details}");
            return finding is null ? 0 : Found;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message}");
            return CannotFuzz;
        }
    }

    private static async Task<int> RunAsync(List<IFuzzTarget> targets, int seconds, ulong seed, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        console.WriteLine($"Seed {seed}: {targets.Count} targets, {seconds} s");
        var workers = Math.Min(targets.Count, Environment.ProcessorCount);
        var share = TimeSpan.FromSeconds((double)seconds * workers / targets.Count);
        var fuzzers = targets.ConvertAll(target => new Fuzzer(target, seed));
        await Parallel.ForEachAsync(
            fuzzers, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = CancellationToken.None },
            async (fuzzer, _) => await FuzzAsync(fuzzer, share, stop));
        var findings = fuzzers.SelectMany(fuzzer => fuzzer.Findings).ToList();
        Write(fuzzers, findings, json ? Console.Error : Console.Out);
        if (json)
            Console.WriteLine(ToJson(fuzzers, findings, seconds, seed));
        return findings.Count == 0 ? 0 : Found;
    }

    private static async Task FuzzAsync(Fuzzer fuzzer, TimeSpan share, CancellationToken stop)
    {
        using var lastInput = new LastInput(fuzzer.Target);
        lastInput.ReplayAfterCrash();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        ending.CancelAfter(share);
        var running = Task.Factory.StartNew(
            () => fuzzer.Run(ending.Token, beforeRun: lastInput.Keep), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        while (await Task.WhenAny(running, Task.Delay(1000, CancellationToken.None)) != running)
        {
            if (fuzzer.Current.Elapsed > s_hang)
            {
                // A thread can't be stopped from outside: the program ends with it.
                var finding = new FuzzFinding(fuzzer.Target.Name, fuzzer.Current.Input, "hang", "");
                await Console.Error.WriteLineAsync($"cloudsync: {fuzzer.Target.Name} hangs; the input is {finding.Save(FuzzTargets.CorpusFolder(fuzzer.Target))}");
                Environment.Exit(Found);
            }
        }

        await running;
        lastInput.Forget();
    }

    private static void Write(List<Fuzzer> fuzzers, List<FuzzFinding> findings, TextWriter output)
    {
        foreach (var fuzzer in fuzzers)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{fuzzer.Target.Name,-22} {fuzzer.Runs,12:N0} runs {fuzzer.Interesting,6:N0} inputs kept {fuzzer.Features,6:N0} features {fuzzer.Findings.Count,3} findings"));
        }

        foreach (var finding in findings)
        {
            var path = finding.Save(FuzzTargets.CorpusFolder(FuzzTargets.All.Single(target => target.Name == finding.Target)));
            output.WriteLine($"{finding.Target}: {finding.Kind}\n  again: ./cloudsync fuzz --target {finding.Target} --file {path}\n{finding.Details}");
        }
    }

    private static string ToJson(List<Fuzzer> fuzzers, List<FuzzFinding> findings, int seconds, ulong seed) => JsonSerializer.Serialize(
        new
        {
            Seconds = seconds,
            Seed = seed,
            Runs = fuzzers.Sum(fuzzer => fuzzer.Runs),
            Findings = findings.Count,
            Targets = fuzzers.Select(fuzzer => new
            {
                fuzzer.Target.Name, fuzzer.Runs, Kept = fuzzer.Interesting, fuzzer.Features,
                Findings = fuzzer.Findings.Select(finding => new { finding.Kind, File = finding.FileName }),
            }),
        },
        s_json);
}
