// The command line: what it takes, and how a failure is told in one line.

using System.CommandLine;
using System.Net;
using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster.Commands;

internal static class CommandLine
{
    public const int Failed = 1;
    public const int WrongUsage = 2;
    public const int Interrupted = 130;

    // From the launcher.
    private const string ServerVariable = "CLOUDSYNC_SERVER";
    private const string WebVariable = "CLOUDSYNC_WEB";

    public static async Task<int> RunAsync(string[] args)
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Where the cluster is kept: data, logs, state.",
            DefaultValueFactory = static _ => new DirectoryInfo("cluster-data"),
            Recursive = true,
        };
        var gateways = new Option<int>("--gateways")
        {
            Description = $"How many gateways; {ClusterOptions.DefaultGateways} for a new cluster.",
        };
        gateways.Validators.Add(static result => CheckCount(result, "--gateways"));
        var port = new Option<int>("--port") { Description = $"The port of NGINX; {ClusterOptions.DefaultPort} for a new cluster." };
        port.Validators.Add(static result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var number) && number is < 1 or > IPEndPoint.MaxPort)
                result.AddError($"--port is from 1 to {IPEndPoint.MaxPort}.");
        });
        var json = new Option<bool>("--json") { Description = "For programs." };
        var deleteData = new Option<bool>("--delete-data") { Description = "Remove all its documents too." };
        var count = new Argument<int>("gateways") { Description = "How many gateways there are to be." };
        count.Validators.Add(static result => CheckCount(result, "The number of gateways"));

        var up = new Command("up", "Start what doesn't run.") { gateways, port };
        up.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)) with { Gateways = result.GetValue(gateways), Port = result.GetValue(port) },
            create: true, change: true, (cluster, token) => ClusterCommands.UpAsync(cluster!, token), stop));
        var status = new Command("status", "Say what runs where, and how it is; exit code 0 if all is well.") { json };
        status.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)), create: false, change: false,
            (cluster, token) => ClusterCommands.StatusAsync(cluster, result.GetValue(json), token), stop));
        var scale = new Command("scale", "Change the number of gateways.") { count };
        scale.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)), create: false, change: true,
            (cluster, token) => ClusterCommands.ScaleAsync(cluster, result.GetValue(count), token), stop));
        var failover = new Command("failover", "Make the standby of PostgreSQL the primary.");
        failover.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)), create: false, change: true, ClusterCommands.FailOverAsync, stop));
        var down = new Command("down", "Stop everything; the data stays.") { deleteData };
        down.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)), create: false, change: true,
            (cluster, _) => ClusterCommands.DownAsync(cluster, result.GetValue(deleteData)), stop));
        var connection = new Command("connection", "Print the connection string of the primary, for audit, backup, restore and migrate.");
        connection.SetAction((result, stop) => WithClusterAsync(
            Options(result.GetRequiredValue(data)), create: false, change: false,
            static (cluster, _) => Task.FromResult(ClusterCommands.ShowConnection(cluster)), stop));
        var command = new RootCommand("A whole cluster on this machine.") { up, status, scale, failover, connection, down };
        command.Options.Add(data);

        var parsed = command.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            Console.Error.WriteLine($"cloudsync: {parsed.Errors[0].Message}");
            return WrongUsage;
        }

        // Ctrl-C cancels, and what was begun is undone; the framework would end us after two seconds of that.
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        using var terminated = System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                interrupted.Cancel();
            });
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null }, interrupted.Token);
    }

    private static async Task<int> WithClusterAsync(
        ClusterOptions options, bool create, bool change, Func<LocalCluster?, CancellationToken, Task<int>> run, CancellationToken stop)
    {
        try
        {
            await using var cluster = LocalCluster.Open(options, create, change);
            return await run(cluster, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Fail(Interrupted, "Interrupted.");
        }
        catch (ClusterUsageException exception)
        {
            return Fail(WrongUsage, exception.Message);
        }
        // The second row: of the machine, wherever it is met. None of them is a mistake of ours that a stack trace would explain.
        catch (Exception exception) when (
            exception is ServerStartException or PartStartException or ClusterBusyException
                or IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception or System.Net.Sockets.SocketException)
        {
            return Fail(Failed, exception.Message);
        }
    }

    private static int Fail(int exitCode, string message)
    {
        Console.Error.WriteLine($"cloudsync: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }

    private static ClusterOptions Options(DirectoryInfo folder) => new(
        folder.FullName,
        Environment.GetEnvironmentVariable(ServerVariable) ?? Path.Combine(AppContext.BaseDirectory, "CloudSync.Server"),
        Environment.GetEnvironmentVariable(WebVariable) ?? Path.Combine(AppContext.BaseDirectory, "wwwroot"),
        Detached: true);

    private static void CheckCount(System.CommandLine.Parsing.SymbolResult result, string name)
    {
        if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var number)
            && number is < 1 or > ClusterOptions.GatewaysMax)
            result.AddError($"{name} is from 1 to {ClusterOptions.GatewaysMax}.");
    }
}
