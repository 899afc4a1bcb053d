// The command line: what it takes, and how a failure is told in one line.

using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using CloudSync.Bench.Replay;
using CloudSync.Chaos.Faults;
using CloudSync.Chaos.Workload;
using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos;

internal static class CommandLine
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int Interrupted = 130;
    private const double MinutesMax = 24 * 60;

    // A client is a file here and two in NGINX, of which a process may have 20,000.
    private const int CrowdMax = 8_000;

    // From the launcher.
    private const string ServerVariable = "CLOUDSYNC_SERVER";

    /// <summary>Runs it; returns the exit code.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="errors">What went wrong is said there.</param>
    public static async Task<int> RunAsync(string[] args, TextWriter errors)
    {
        var minutes = new Option<double>("--minutes") { Description = "How long faults are injected.", DefaultValueFactory = static _ => 5 };
        minutes.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var text }] && double.TryParse(text, CultureInfo.InvariantCulture, out var value) && value is not (> 0 and <= MinutesMax))
                result.AddError(FormattableString.Invariant($"--minutes is more than 0, and at most {MinutesMax}."));
        });
        var faults = new Option<string>("--faults")
        {
            Description = $"Which, with commas between them: names, or their beginnings or ends (kill, gateway); all if left out. There are: {string.Join(", ", FaultKinds.All.Select(static kind => kind.Name))}.",
            DefaultValueFactory = static _ => "",
        };
        faults.Validators.Add(static result =>
        {
            try
            {
                FaultKinds.Choose(result.GetValueOrDefault<string>() ?? "");
            }
            catch (ArgumentException exception)
            {
                result.AddError($"--faults: {exception.Message}");
            }
        });
        var seed = new Option<int?>("--seed") { Description = "Which faults come when, and what is typed; random if left out." };
        var traces = new Option<FileInfo[]>("--trace")
        {
            Description = "Recorded sessions (.json or .json.gz) that are typed besides.", AllowMultipleArgumentsPerToken = true,
        };
        traces.AcceptExistingOnly();
        var crowd = new Option<int>("--crowd") { Description = "How many people more only have a document open." };
        crowd.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value is not (>= 0 and <= CrowdMax))
                result.AddError($"--crowd is from 0 to {CrowdMax}.");
        });
        var server = new Option<FileInfo>("--server") { Description = "The program CloudSync.Server; the built one if left out." };
        server.AcceptExistingOnly();
        var data = new Option<DirectoryInfo?>("--data") { Description = "Where cluster, logs and history are kept; a temporary folder, removed in the end, if left out." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new RootCommand("Injects faults into a cluster while clients write, and checks that nothing is lost.")
        {
            minutes, faults, seed, traces, crowd, server, data, json,
        };
        command.SetAction(async (parsed, stop) => await RunAsync(
            new Arguments(
                TimeSpan.FromMinutes(parsed.GetValue(minutes)), FaultKinds.Choose(parsed.GetValue(faults) ?? ""),
                parsed.GetValue(seed) ?? Random.Shared.Next(), parsed.GetValue(traces) ?? [], parsed.GetValue(crowd),
                parsed.GetValue(server)?.FullName ?? Environment.GetEnvironmentVariable(ServerVariable) ?? Path.Combine(AppContext.BaseDirectory, "CloudSync.Server"),
                parsed.GetValue(data), parsed.GetValue(json)),
            errors, stop));
        var parsedArguments = command.Parse(args);
        if (parsedArguments.Errors.Count > 0)
            return await FailAsync(errors, WrongUsage, parsedArguments.Errors[0].Message);

        // The cluster is ended in order, however long that takes.
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            interrupted.Cancel();
        });
        return await parsedArguments.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }, interrupted.Token);
    }

    private static async Task<int> RunAsync(Arguments arguments, TextWriter errors, CancellationToken stop)
    {
        DirectoryInfo? folder = null;
        var isKept = arguments.Data is not null;
        try
        {
            // What can be seen to be wrong is said before a cluster is started for it.
            if (!File.Exists(arguments.Server))
                return await FailAsync(errors, WrongUsage, $"There is no program {arguments.Server}; --server names another.");
            var traces = new List<NamedTrace>();
            foreach (var file in arguments.Traces)
            {
                var trace = await Trace.LoadAsync(file, stop);
                if (trace.Concurrent)
                    throw new InvalidDataException($"{file.Name} was typed by several at once: take a sequential session.");
                traces.Add(new NamedTrace(file.Name.Split('.')[0], trace));
            }

            folder = arguments.Data is null ? Directory.CreateTempSubdirectory("cloudsync-chaos-") : Directory.CreateDirectory(arguments.Data.FullName);
            if (folder.EnumerateFileSystemInfos().Any())
                return await FailAsync(errors, WrongUsage, $"--data: the folder '{folder.FullName}' isn't empty.");
            // PostgreSQL runs as a user of its own, who has to get there.
            File.SetUnixFileMode(folder.FullName, (UnixFileMode)0b111_101_101);
            Console.Error.WriteLine($"Seed {arguments.Seed}.");
            var report = await new ChaosRun(
                new ChaosOptions(folder.FullName, arguments.Server, arguments.Duration, arguments.Faults, arguments.Seed, traces, arguments.Crowd),
                static line => Console.Error.WriteLine(FormattableString.Invariant($"{DateTime.UtcNow:HH:mm:ss} {line}"))).RunAsync(stop);
            report.Write(arguments.Json ? Console.Error : Console.Out);
            if (arguments.Json)
                Console.WriteLine(report.ToJson());
            // What there is to look into is looked into there.
            isKept |= !report.Passed;
            if (isKept)
                await Console.Error.WriteLineAsync($"History and logs: {folder.FullName}");
            return report.Passed ? 0 : Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return await FailAsync(errors, Interrupted, "Interrupted.");
        }
        catch (Exception exception) when (
            exception is InvalidDataException or ServerStartException or Cluster.PartStartException or IOException or UnauthorizedAccessException
                or HttpRequestException or Log.LogUnavailableException or Log.LogUnusableException or System.ComponentModel.Win32Exception)
        {
            isKept = true;
            return await FailAsync(errors, Failed, folder is null ? exception.Message : $"{exception.Message} Logs: {folder.FullName}");
        }
        finally
        {
            if (!isKept && folder is { Exists: true })
                folder.Delete(recursive: true);
        }
    }

    private static async Task<int> FailAsync(TextWriter errors, int exitCode, string message)
    {
        await errors.WriteLineAsync($"cloudsync: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }

    private sealed record Arguments(
        TimeSpan Duration, IReadOnlyList<FaultKind> Faults, int Seed, IReadOnlyList<FileInfo> Traces, int Crowd, string Server, DirectoryInfo? Data, bool Json);
}
