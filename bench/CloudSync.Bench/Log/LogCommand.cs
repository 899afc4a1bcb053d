// bench log: durable appends a second and their latency, through the port of the log and the group commit before it.

using System.CommandLine;
using System.Text.Json;
using CloudSync.Log;
using Spectre.Console;

namespace CloudSync.Bench.Log;

internal static class LogCommand
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly int[] s_documents = [1, 10, 50, 200, 1_000];
    private static readonly int[] s_batches = [1, 10];

    public static Command Create()
    {
        var backend = new Option<string>("--backend")
        {
            Description = "sqlite, postgres (a server of its own), or pgbouncer (the same through PgBouncer).",
            DefaultValueFactory = static _ => "sqlite",
        };
        backend.AcceptOnlyFromAmong([.. LogBackend.Names]);
        var seconds = BoundedOption.Create("--seconds", "How long each figure is measured.", 5, 1, 120);
        var gateways = BoundedOption.Create("--gateways", "How many write at the same time, each with a group commit of its own.", 1, 1, 16);
        var outbox = new Option<bool>("--outbox") { Description = "Keep an outbox, as with delivery." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("log", "Measures durable appends: how many a second, and how long each takes.")
        {
            backend, seconds, gateways, outbox, json,
        };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetRequiredValue(backend), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(gateways),
            parsed.GetValue(outbox), parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(
        string name, TimeSpan duration, int gateways, bool outbox, bool json, CancellationToken stop)
    {
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        try
        {
            await using var backend = await LogBackend.StartAsync(name, outbox, stop);
            using var measurement = new LogMeasurement(backend.Log, gateways, stop);
            console.MarkupLine("Warming up …");
            await measurement.SaturateAsync(50, 1, TimeSpan.FromSeconds(2));
            var throughput = new List<ThroughputResult>();
            foreach (var batch in s_batches)
            {
                foreach (var documents in s_documents)
                {
                    console.MarkupLineInterpolated($"{documents:N0} documents, {batch:N0} operations in a batch …");
                    throughput.Add(await measurement.SaturateAsync(documents, batch, duration));
                }
            }

            console.MarkupLine("Low load …");
            var lowLoad = await measurement.MeasureLowLoadAsync(duration);
            var bytes = await backend.MeasureBytesAsync(stop);
            var report = new LogReport(name, outbox, gateways, throughput, lowLoad, bytes / (double)measurement.Operations);
            report.Write(json ? console : AnsiConsole.Console);
            if (json)
                Console.WriteLine(JsonSerializer.Serialize(report, s_json));
            return 0;
        }
        catch (Exception exception) when (exception is LogUnavailableException or LogUnusableException or IOException
            or InvalidDataException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }
}
