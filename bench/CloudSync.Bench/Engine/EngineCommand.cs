// bench engine: how fast edits are decoded, applied and merged, beside the peers that run in Node.

using System.CommandLine;
using CloudSync.Bench.History;
using CloudSync.Bench.Replay;
using Spectre.Console;

namespace CloudSync.Bench.Engine;

internal static class EngineCommand
{
    // The session that the goals are set on; the costs by length are measured with it where it is among the traces.
    private const string MainTrace = "automerge-paper";

    public static Command Create()
    {
        var trace = new Option<FileInfo?>("--trace")
        {
            Description = "A recorded session (.json or .json.gz). Without it: all sequential ones in the folder of recorded sessions.",
        };
        var peers = new Option<bool>("--no-peers") { Description = "Measure ours alone." };
        var limit = new Option<int>("--peer-seconds")
        {
            Description = "How long one run of a peer may take before it is stopped; and a peer's runs together.",
            DefaultValueFactory = static _ => 60,
        };
        limit.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number is < 1 or > 600)
                result.AddError("--peer-seconds is from 1 to 600.");
        });
        var details = new Option<bool>("--details") { Description = "BenchmarkDotNet's tables of the single functions instead." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("engine", "Measures the merge engine beside its peers.")
        {
            trace, peers, limit, details, json, CreateApply(),
        };
        command.SetAction(async (parsed, stop) =>
        {
            if (parsed.GetValue(details))
                return EngineDetails.Run();
            try
            {
                return await RunAsync(
                    parsed.GetValue(trace), !parsed.GetValue(peers), parsed.GetValue(limit), parsed.GetValue(json), stop);
            }
            catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or IOException
                or UnauthorizedAccessException or OperationCanceledException)
            {
                await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
                return 2;
            }
        });
        return command;
    }

    // What the measuring program starts itself as, so that ours runs in a process of its own, too.
    private static Command CreateApply()
    {
        var file = new Argument<FileInfo>("FILE");
        var command = new Command("apply", "Measures ours in this process.") { file };
        command.Hidden = true;
        command.SetAction((parsed, stop) => Task.FromResult(DecodeAndApply.Run(parsed.GetRequiredValue(file), stop)));
        return command;
    }

    private static async Task<int> RunAsync(FileInfo? file, bool withPeers, int limit_s, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        var files = file is null ? RecordedSessions() : [file];
        var traces = new List<TraceReport>();
        foreach (var each in files)
            traces.Add(await MeasureAsync(each, withPeers, limit_s, console, stop));

        var main = files.FirstOrDefault(each => each.Name.StartsWith(MainTrace, StringComparison.Ordinal)) ?? files[0];
        console.MarkupLine("Costs by length, transforms, snapshots, offline merges, history …");
        var recorded = await Trace.LoadAsync(main, stop);
        var report = new EngineReport
        {
            Traces = traces,
            CostByLength = CostByLength.Measure(recorded, stop),
            Transform = TransformRate.Measure(),
            Snapshots = SnapshotSharing.Measure(stop),
            OfflineMerges = OfflineMerge.Measure(stop),
            History = await HistoryMeasurement.RunAsync(main.Name.Split('.')[0], recorded, stop),
        };
        var tables = json ? console : AnsiConsole.Console;
        tables.Profile.Width = Math.Max(tables.Profile.Width, 110);
        report.Write(tables);
        if (json)
            Console.WriteLine(report.ToJson());
        return report.IsRight ? 0 : 1;
    }

    private static async Task<TraceReport> MeasureAsync(
        FileInfo file, bool withPeers, int limit_s, IAnsiConsole console, CancellationToken stop)
    {
        var trace = await Trace.LoadAsync(file, stop);
        console.MarkupLineInterpolated($"{file.Name}: {trace.Patches:N0} edits; ours …");
        var ours = await Contestants.RunOursAsync(RecordedEdits.From(trace), stop);
        var peers = new List<ContestantResult>();
        foreach (var peer in withPeers ? Contestants.Peers : [])
        {
            console.MarkupLineInterpolated($"{file.Name}: {peer} …");
            peers.Add(await Contestants.RunPeerAsync(peer, file, limit_s, stop));
        }

        return new(file.Name.Split('.')[0], trace.Patches, ours, peers);
    }

    private static FileInfo[] RecordedSessions()
    {
        // The launcher says where they are kept.
        var folder = Environment.GetEnvironmentVariable("CLOUDSYNC_TRACES");
        if (folder is null || !Directory.Exists(folder))
            throw new InvalidOperationException("There is no folder of recorded sessions beside the project: name one with --trace FILE.");
        var files = new DirectoryInfo(folder).GetFiles("*.json.gz")
            .Where(file => !file.Name.Contains(".concurrent.", StringComparison.Ordinal))
            .OrderBy(file => file.Name, StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new InvalidOperationException($"{folder} holds no recorded sessions (*.json.gz).");
    }
}
