// verify engine: random cases of every function of the engine beside the published JavaScript libraries.

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CloudSync.Verification;
using Spectre.Console;

namespace CloudSync.Bench.Verify;

internal static class VerifyCommand
{
    private const int Differed = 1;
    private const int CannotVerify = 2;
    private const long MaxCases = 1_000_000_000;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static Command Create() => new("verify", "Proves the engine against the published JavaScript libraries.")
    {
        CreateEngine(),
    };

    private static Command CreateEngine()
    {
        var cases = new Option<long>("--cases")
        {
            Description = "How many random cases of each function.",
            DefaultValueFactory = static _ => 20_000,
        };
        cases.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && long.TryParse(value, out var number) && number is < 1 or > MaxCases)
                result.AddError($"--cases is from 1 to {MaxCases}.");
        });
        var seed = new Option<ulong?>("--seed")
        {
            Description = "Repeats the run that printed it. Without it, a fresh one is taken and printed.",
        };
        seed.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && ulong.TryParse(value, out var number) && number >= SeededRandom.Seeds)
                result.AddError($"--seed is from 0 to {SeededRandom.Seeds - 1}.");
        });
        var function = new Option<string?>("--function")
        {
            Description = "Only this function: " + string.Join(", ", VerifiedFunctions.All.Select(f => f.Name)) + ".",
        };
        function.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && VerifiedFunctions.All.All(f => f.Name != value))
                result.AddError($"There is no function '{value}'.");
        });
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("engine", "Runs random cases of every merge function beside quill-delta and ot-json0 in Node.")
        {
            cases, seed, function, json,
        };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(cases), parsed.GetValue(seed) ?? SeededRandom.FreshSeed(), parsed.GetValue(function),
            parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(long cases, ulong seed, string? function, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        var functions = VerifiedFunctions.All.Where(f => function is null || f.Name == function).ToList();
        console.WriteLine($"Seed {seed}: {cases:N0} cases of {functions.Count} functions");
        try
        {
            var report = await WatchAsync(new Verifier(functions, cases, seed), cases * functions.Count, console, stop);
            Write(report, json ? Console.Error : Console.Out);
            if (json)
                Console.WriteLine(ToJson(report));
            return report.Differed == 0 ? 0 : Differed;
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException
            or System.ComponentModel.Win32Exception or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return CannotVerify;
        }
    }

    private static Task<VerifyReport> WatchAsync(Verifier verifier, long all, IAnsiConsole console, CancellationToken stop) =>
        console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async progress =>
            {
                var task = progress.AddTask("Comparing", maxValue: all);
                var running = verifier.RunAsync(stop);
                while (await Task.WhenAny(running, Task.Delay(250, CancellationToken.None)) != running)
                    task.Value = verifier.Compared;
                task.Value = verifier.Compared;
                return await running;
            });

    private static void Write(VerifyReport report, TextWriter output)
    {
        foreach (var function in report.Functions)
            output.WriteLine(Line($"{function.Name,-28} {function.Cases,13:N0} cases {function.Differed,10:N0} differed"));
        var all = report.Functions.Sum(function => function.Cases);
        output.WriteLine(Line($"{"in all",-28} {all,13:N0} cases {report.Differed,10:N0} differed; {report.Seconds:N1} s, seed {report.Seed}"));
        if (report.First is { } first)
            output.WriteLine(first);
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string ToJson(VerifyReport report) => JsonSerializer.Serialize(
        new
        {
            report.Cases,
            report.Seed,
            report.Differed,
            FirstSeed = report.First?.Seed,
            FirstFunction = report.First?.Function,
            report.Functions,
            report.Seconds,
        },
        s_json);
}
