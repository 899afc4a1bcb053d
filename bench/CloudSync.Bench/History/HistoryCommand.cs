// bench history: a document's history at rest, and the way back into it.

using System.CommandLine;
using System.Text.Json;
using CloudSync.Bench.Replay;
using Spectre.Console;

namespace CloudSync.Bench.History;

internal static class HistoryCommand
{
    private const string MainTrace = "automerge-paper.json.gz";

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var trace = new Option<FileInfo?>("--trace")
        {
            Description = $"A sequential recorded session (.json or .json.gz). Without it: {MainTrace}.",
        };
        var operations = new Option<int>("--operations")
        {
            Description = "The session is repeated until there are so many operations.",
        };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("history", "Measures a document's history: its size, and the time to any version of it.")
        {
            trace, operations, json,
        };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetValue(trace), parsed.GetValue(operations), parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(FileInfo? file, int operations, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        try
        {
            file ??= new FileInfo(Path.Combine(Environment.GetEnvironmentVariable("CLOUDSYNC_TRACES") ?? ".", MainTrace));
            var trace = await Trace.LoadAsync(file, stop);
            var report = await HistoryMeasurement.RunAsync(file.Name.Split('.')[0], trace.Repeat(operations), stop);
            report.Write(json ? console : AnsiConsole.Console);
            if (json)
                Console.WriteLine(JsonSerializer.Serialize(report, s_json));
            return report.Matches ? 0 : 1;
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException
            or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return 2;
        }
    }
}
