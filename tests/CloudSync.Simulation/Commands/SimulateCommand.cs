// simulate: runs seeds, and makes a failing one small and readable.

using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using CloudSync.Simulation.Plan;

namespace CloudSync.Simulation.Commands;

internal static class SimulateCommand
{
    private const int WrongUsage = 2;
    private const int TraceLines = 120;
    private static readonly TimeSpan _shrinking = TimeSpan.FromSeconds(60);

    private sealed record Arguments(long Seeds, long FirstSeed, double Minutes, int Threads, bool First, bool Trace, bool Json);

    /// <summary>Runs it; returns the exit code.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="errors">What is wrong with it is said there, in one line.</param>
    public static int Run(string[] args, TextWriter errors)
    {
        var parsed = Create(errors).Parse(args);
        return parsed.Errors.Count == 0 ? parsed.Invoke() : Refuse(parsed.Errors[0].Message, errors);
    }

    // 1 would say that a seed has failed.
    private static int Refuse(string message, TextWriter errors)
    {
        errors.WriteLine($"cloudsync: {message}");
        return WrongUsage;
    }

    private static RootCommand Create(TextWriter errors)
    {
        var seeds = new Option<long>("--seeds") { Description = "How many runs.", DefaultValueFactory = static _ => 1_000 };
        seeds.Validators.Add(static result => Require<long>(result, static seeds => seeds >= 1, "--seeds", "at least 1"));
        var seed = new Option<long?>("--seed") { Description = "The first seed; random if left out." };
        var minutes = new Option<double>("--minutes") { Description = "How long people write in each, in simulated minutes.", DefaultValueFactory = static _ => 1 };
        minutes.Validators.Add(static result => Require<double>(
            result, static minutes => minutes is >= 0.05 and <= 60, "--minutes", "0.05 to 60"));
        var threads = new Option<int>("--threads") { Description = "How many runs at a time.", DefaultValueFactory = static _ => Environment.ProcessorCount };
        threads.Validators.Add(static result => Require<int>(result, static threads => threads is >= 1 and <= 256, "--threads", "1 to 256"));
        var first = new Option<bool>("--first") { Description = "Stops at the first seed that fails, and leaves it as it is." };
        var trace = new Option<bool>("--trace") { Description = "Shows all that happens; for one seed." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var root = new RootCommand("Runs the production code in a simulated world where everything goes wrong.")
        {
            seeds, seed, minutes, threads, first, trace, json,
        };
        root.SetAction(parsed => Run(
            new Arguments(
                parsed.GetValue(seeds), parsed.GetValue(seed) ?? RandomNumberGenerator.GetInt32(1, int.MaxValue),
                parsed.GetValue(minutes), parsed.GetValue(threads), parsed.GetValue(first), parsed.GetValue(trace), parsed.GetValue(json)),
            errors));
        return root;
    }

    // What is no number is said by the parser.
    private static void Require<T>(System.CommandLine.Parsing.OptionResult result, Func<T, bool> isRight, string option, string allowed)
        where T : IParsable<T>
    {
        if (result.Tokens is [{ Value: var text }] && T.TryParse(text, CultureInfo.InvariantCulture, out var value) && !isRight(value))
            result.AddError($"{option} is {allowed}.");
    }

    private static int Run(Arguments arguments, TextWriter errors)
    {
        // Otherwise there would be none to run, and so none that fails.
        if (arguments.FirstSeed > long.MaxValue - arguments.Seeds)
            return Refuse($"The last seed would be beyond {long.MaxValue}.", errors);
        if (arguments.Trace)
            return Trace(arguments);
        var since = TimeProvider.System.GetTimestamp();
        var shownAt = TimeSpan.Zero;
        var report = SeedRunner.Run(arguments.FirstSeed, arguments.Seeds, arguments.Minutes, arguments.Threads, report =>
        {
            var elapsed = TimeProvider.System.GetElapsedTime(since);
            if (elapsed - shownAt < TimeSpan.FromSeconds(10))
                return;
            shownAt = elapsed;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{report.Seeds:N0} of {arguments.Seeds:N0} seeds, {report.Operations:N0} operations, {report.Failures.Count} failed"));
        }, arguments.First ? 1 : SeedRunner.FailuresMax);
        var seconds = TimeProvider.System.GetElapsedTime(since).TotalSeconds;
        foreach (var (seed, result) in report.Failures.OrderBy(static failure => failure.Seed))
            Console.WriteLine($"seed {seed}: {result.Violation!.Kind}: {result.Violation.Message}");
        if (report.Failures.Count > 0 && !arguments.First)
            Explain(report.Failures.MinBy(static failure => failure.Seed).Seed, arguments);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Seeds {arguments.FirstSeed} to {arguments.FirstSeed + report.Seeds - 1}: {report.Edits:N0} edits, {report.Operations:N0} operations committed, {report.Faults:N0} faults, {report.Failures.Count} seeds failed; {seconds:0.0} s, {report.Seeds / seconds * 60:N0} seeds a minute."));
        Console.WriteLine("Reached: " + string.Join(", ", report.Reached.Counts.Select(static reached => string.Create(
            CultureInfo.InvariantCulture, $"{reached.Value:N0} {reached.Key.Replace('_', ' ')}"))) + ".");
        if (arguments.Json)
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                seeds = report.Seeds,
                first_seed = arguments.FirstSeed,
                minutes = arguments.Minutes,
                edits = report.Edits,
                operations = report.Operations,
                faults = report.Faults,
                foreseen_otherwise = report.Divergences,
                reached = report.Reached.Counts,
                quiet_after_s_max = report.Longest.TotalSeconds,
                violations = report.Failures.Select(static failure => new { seed = failure.Seed, kind = failure.Result.Violation!.Kind, message = failure.Result.Violation.Message }),
                seconds,
                seeds_per_minute = report.Seeds / seconds * 60,
            }));
        return report.Failures.Count == 0 ? 0 : 1;
    }

    private static int Trace(Arguments arguments)
    {
        var result = SeedRunner.RunOne(RunPlan.Make(arguments.FirstSeed, arguments.Minutes), Console.WriteLine);
        Console.WriteLine($"{result.Edits} edits, {result.Operations} operations, {result.Steps} steps, quiet after {result.QuietAfter.TotalSeconds:0.0} s, hash {result.Hash:x16}: {result.Violation?.Kind ?? "all is well"}");
        return result.Violation is null ? 0 : 1;
    }

    private static void Explain(long seed, Arguments arguments)
    {
        var plan = RunPlan.Make(seed, arguments.Minutes);
        var kind = SeedRunner.RunOne(plan).Violation!.Kind;
        var shrunk = Shrinker.Shrink(plan, less => SeedRunner.RunOne(less).Violation?.Kind == kind, _shrinking);
        Console.WriteLine($"""

            What is left of seed {seed} when all is taken away that isn't needed for it: {shrunk.Gateways} gateways, {shrunk.Users} people ({shrunk.Outboxes} with an outbox), documents of the types {string.Join(", ", shrunk.Documents.Select(static type => type.Name))}
            """);
        foreach (var action in shrunk.Actions)
            Console.WriteLine("  " + action);
        var lines = new Queue<string>();
        SeedRunner.RunOne(shrunk, line =>
        {
            lines.Enqueue(line);
            if (lines.Count > TraceLines)
                lines.Dequeue();
        });
        Console.WriteLine("Its end:");
        foreach (var line in lines)
            Console.WriteLine("  " + line);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Again: ./cloudsync simulate --seed {seed} --seeds 1 --minutes {arguments.Minutes} (--trace shows all of it)"));
    }
}
