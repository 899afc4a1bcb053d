// replay FILE: types a recorded session through a server with the .NET client, and proves that nothing got lost.

using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using CloudSync.Client;
using HdrHistogram;
using Spectre.Console;

namespace CloudSync.Bench.Replay;

internal static class ReplayCommand
{
    private const int NotConverged = 1;
    private const int CannotReplay = 2;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static Command Create()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "The recorded session (.json or .json.gz)." };
        var clients = new Option<int>("--clients")
        {
            Description = "How many clients type a sequential session in turn. A concurrent one has one for each agent.",
            DefaultValueFactory = static _ => 2,
        };
        clients.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number is < 1 or > 1000)
                result.AddError("--clients is from 1 to 1000.");
        });
        var turn = new Option<int>("--turn")
        {
            Description = "How many patches of a sequential session one client types before it is the next one's turn.",
            DefaultValueFactory = static _ => 10,
        };
        turn.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, out var number) && number < 1)
                result.AddError("--turn is at least 1.");
        });
        var url = new Option<Uri?>("--url")
        {
            Description = "A running server, for example http://localhost:5080. Without it, one is started for the replay.",
            CustomParser = static result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var server)
                    && server.Scheme is "http" or "https")
                    return server;
                result.AddError("--url is the address of a server, for example http://localhost:5080.");
                return null;
            },
        };
        var compose = new Option<bool>("--compose")
        {
            Description = "Type without waiting for acknowledgements: keystrokes are composed into fewer operations.",
        };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("replay", "Replays a recorded editing session through a server.")
        {
            file, clients, turn, url, compose, json,
        };
        command.SetAction((parsed, stop) => RunAsync(
            parsed.GetRequiredValue(file), parsed.GetValue(clients), parsed.GetValue(turn), parsed.GetValue(url),
            parsed.GetValue(compose), parsed.GetValue(json), stop));
        return command;
    }

    private static async Task<int> RunAsync(
        FileInfo file, int clients, int turn, Uri? url, bool compose, bool json, CancellationToken stop)
    {
        // What people watch goes to stderr, what is kept to stdout.
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        try
        {
            var trace = await Trace.LoadAsync(file, stop);
            var server = url is null ? await ServerProcess.StartAsync(stop) : null;
            await using (server)
            {
                var report = await ReplayAsync(
                    file.Name, trace, server, url ?? server!.Address, trace.Concurrent ? trace.Agents : clients, turn,
                    compose, console, stop);
                report.Write(json ? console : AnsiConsole.Console);
                if (json)
                    Console.WriteLine(JsonSerializer.Serialize(report, s_json));
                return report.Converged ? 0 : NotConverged;
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or IOException
            or HttpRequestException or UnauthorizedAccessException or RefusedException or TimeoutException
            or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"cloudsync: {exception.Message.ReplaceLineEndings(" ")}");
            return CannotReplay;
        }
    }

    private static async Task<ReplayReport> ReplayAsync(
        string name, Trace trace, ServerProcess? own, Uri address, int clients, int turn, bool compose,
        IAnsiConsole console, CancellationToken stop)
    {
        var proof = new Proof(trace.EndContent);
        string documentId;
        TimeSpan elapsed;
        long version, operations;
        var latency = new LongHistogram(1, (long)TimeSpan.FromMinutes(10).TotalMicroseconds, 3);
        using (var rest = new RestApi(address))
        {
            documentId = await rest.CreateAsync($"Replay of {name}", stop);
            using var replicas = await Replicas.OpenAsync(Endpoint(address), documentId, clients, stop);
            var before = 0L;
            if (trace.StartContent.Length > 0)
            {
                // Not typed: it was there.
                await replicas[0].Document.SubmitAsync(new Patch(0, 0, trace.StartContent).ToDelta());
                before = await replicas.WhenQuietAsync(stop);
            }

            (version, elapsed) = await TypeAsync(trace, replicas, turn, compose, proof, console, stop);
            foreach (var (replica, number) in replicas.All.Select((replica, index) => (replica, index + 1)))
            {
                proof.Expect($"client {number}", replica.Document.ToPlainText());
                proof.Expect($"client {number}: operations foreseen otherwise", 0, replica.Document.Divergences);
                // Composing, what is typed and deleted again before it is sent is never seen elsewhere.
                if (!compose)
                {
                    proof.Expect(
                        $"client {number}: keystrokes of others timed",
                        replicas.All.Where(other => other != replica).Sum(other => other.Typed), replica.Timed);
                }

                latency.Add(replica.Latency);
            }

            proof.Expect("operations acknowledged", version, replicas.All.Sum(replica => (long)replica.Operations));
            await proof.ExpectServerAsync("server", rest, documentId, version, stop);
            await proof.ExpectClientAsync("fresh client", Endpoint(address), documentId, stop);
            operations = version - before;
        }

        var coldLoad = "skipped";
        if (own is not null)
        {
            var differences = proof.Differences.Count;
            await own.RestartAsync(stop);
            using var rest = new RestApi(own.Address);
            await proof.ExpectServerAsync("server after a restart", rest, documentId, version, stop);
            await proof.ExpectClientAsync("client after a restart", Endpoint(own.Address), documentId, stop);
            coldLoad = differences == proof.Differences.Count ? "equal" : "differs";
        }

        return new()
        {
            File = name,
            Clients = clients,
            Patches = trace.Patches,
            Operations = operations,
            Converged = proof.Differences.Count == 0,
            Seconds = Math.Round(elapsed.TotalSeconds, 2),
            OperationsPerSecond = Math.Round(operations / elapsed.TotalSeconds, 1),
            PatchesPerS = Math.Round(trace.Patches / elapsed.TotalSeconds, 1),
            LatencyMsP50 = Milliseconds(latency.GetValueAtPercentile(50)),
            LatencyMsP99 = Milliseconds(latency.GetValueAtPercentile(99)),
            LatencyMsMax = Milliseconds(latency.TotalCount == 0 ? 0 : latency.GetMaxValue()),
            LatencySamples = latency.TotalCount,
            ColdLoad = coldLoad,
            Differences = proof.Differences,
        };
    }

    private static Task<(long Version, TimeSpan Elapsed)> TypeAsync(
        Trace trace, Replicas replicas, int turn, bool compose, Proof proof, IAnsiConsole console,
        CancellationToken stop) =>
        console.Progress()
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async progress =>
            {
                var task = progress.AddTask($"{replicas.Count} clients type {trace.Patches:N0} patches", maxValue: trace.Patches);
                var typed = 0;
                void Typed()
                {
                    // Not for each: the task takes a lock and keeps samples.
                    if (Interlocked.Increment(ref typed) % 500 == 0)
                        task.Value = typed;
                }

                var started = Stopwatch.GetTimestamp();
                if (trace.Concurrent)
                {
                    var replay = new ConcurrentReplay(trace, replicas, compose);
                    await replay.RunAsync(Typed, stop);
                    foreach (var view in replay.Views)
                        proof.Expect("an author's view", view);
                }
                else
                {
                    await new SequentialReplay(trace, replicas, turn, compose).RunAsync(Typed, stop);
                }

                var version = await replicas.WhenQuietAsync(stop);
                var elapsed = Stopwatch.GetElapsedTime(started);
                task.Value = trace.Patches;
                return (version, elapsed);
            });

    private static Uri Endpoint(Uri server) => new(server, "/sync");

    private static double Milliseconds(long microseconds) => Math.Round(microseconds / 1000.0, 3);
}
