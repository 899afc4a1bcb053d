// bench load: from a key that is pressed to a screen on another gateway, at rising load.

using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CloudSync.Bench.Replay;
using Spectre.Console;

namespace CloudSync.Bench.Load;

internal static class LoadCommand
{
    private const double WarmUpRate = 500;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(60);
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var url = new Option<Uri?>("--url")
        {
            Description = "A server that runs. Without it and without --cluster: one of its own, on SQLite.",
            CustomParser = static result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var address)
                    && address.Scheme is "http")
                    return address;
                result.AddError("--url is an address such as http://localhost:8080.");
                return null;
            },
        };
        var cluster = new Option<bool>("--cluster")
        {
            Description = "A whole cluster on this machine, started for the measurement, through NGINX.",
        };
        var rates = new Option<double[]>("--rates")
        {
            Description = "Keystrokes a second, one step after the other.",
            DefaultValueFactory = static _ => [100, 1_000, 2_000, 5_000, 10_000],
            AllowMultipleArgumentsPerToken = true,
        };
        rates.Validators.Add(static result =>
        {
            if (result.Tokens.Any(static token =>
                double.TryParse(token.Value, CultureInfo.InvariantCulture, out var rate) && rate is <= 0 or > 100_000))
                result.AddError("--rates are from 1 to 100000.");
        });
        var documents = BoundedOption.Create("--documents", "Documents that are written in.", 100, 1, 4_000);
        var writers = BoundedOption.Create("--writers", "People who write in each document; one more watches it from another gateway.", 2, 1, 50);
        var seconds = BoundedOption.Create("--seconds", "How long each step takes.", 10, 1, 120);
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("load", "Measures how long a keystroke takes to a screen on another gateway, at rising load.")
        {
            url, cluster, rates, documents, writers, seconds, json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(cluster) && result.GetValue(url) is not null)
                result.AddError("Give --url or --cluster, not both.");
        });
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(url), parsed.GetValue(cluster), parsed.GetRequiredValue(rates), parsed.GetValue(documents),
            parsed.GetValue(writers), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(
        Uri? url, bool cluster, double[] rates, int documents, int writers, TimeSpan duration, bool json, CancellationToken stop)
    {
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        try
        {
            await using var target = await LoadTarget.StartAsync(url, cluster, stop);
            console.MarkupLineInterpolated($"Connecting {documents * (writers + 1):N0} people …");
            await using var run = await LoadRun.ConnectAsync(target.Address, documents, writers, stop);
            console.MarkupLine("Warming up …");
            // Until what runs often is compiled for speed, on every gateway.
            await run.StepAsync(Math.Min(WarmUpRate, rates.Max()), s_warmUp, stop);
            var steps = new List<LoadStep>();
            foreach (var rate in rates)
            {
                console.MarkupLineInterpolated($"{rate:N0} keystrokes a second …");
                var before = target.Measure();
                var step = await run.StepAsync(rate, duration, stop);
                steps.Add(step with { Servers = await target.MeasureAsync(before, duration, stop) });
            }

            Write(json ? console : AnsiConsole.Console, run, documents, writers, steps);
            if (json)
            {
                Console.WriteLine(JsonSerializer.Serialize(
                    new { target = target.Name, run.Gateways, documents, writers_per_document = writers, apart = run.Apart, steps }, s_json));
            }

            return 0;
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or InvalidOperationException
            or System.Net.WebSockets.WebSocketException or HttpRequestException or OperationCanceledException or TimeoutException
            or CloudSync.Cluster.Parts.ServerStartException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    private static void Write(IAnsiConsole console, LoadRun run, int documents, int writers, List<LoadStep> steps)
    {
        console.MarkupLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{documents:N0} documents with {writers:N0} writing in each, on {run.Gateways} gateways; {run.Apart:N0} are watched from another gateway than they are written on."));
        var table = new Table().AddColumns("offered/s", "committed/s", "p50 ms", "p99 ms", "max ms", "not seen", "servers");
        foreach (var step in steps)
        {
            table.AddRow(
                Number(step.Offered, "N0"), Number(step.Typed, "N0"), Number(step.P50Milliseconds, "N1"),
                Number(step.P99Milliseconds, "N1"), Number(step.MaxMilliseconds, "N1"), Number(step.Missing, "N0"),
                string.Join(", ", (step.Servers ?? new Dictionary<string, double>()).Select(
                    static pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key} {pair.Value:N2}"))));
        }

        console.Write(table);
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
