// The commands: what each does with a cluster, and what it says of it.

using Spectre.Console;

namespace CloudSync.Cluster.Commands;

internal static class ClusterCommands
{
    private const string NoCluster = "There is no cluster here. `./cloudsync cluster up` makes one; --data says where.";

    public static async Task<int> UpAsync(LocalCluster cluster, CancellationToken cancellationToken)
    {
        int started;
        try
        {
            started = await cluster.StartAsync(
                static (part, time) => Console.Error.WriteLine($"{part.Name} runs on port {part.Port} ({time.TotalSeconds:0.0} s)"),
                cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("What was started is stopped again.");
            throw;
        }

        Console.WriteLine(started == 0
            ? $"The cluster runs already, at {cluster.Address}"
            : $"The cluster is running at {cluster.Address}");
        Console.Error.WriteLine($"State and passwords: {ClusterState.FileIn(cluster.Folder)}");
        return 0;
    }

    public static async Task<int> StatusAsync(LocalCluster? cluster, bool json, CancellationToken cancellationToken)
    {
        if (cluster is null)
        {
            if (json)
                Console.WriteLine("""{"well": false, "parts": []}""");
            Console.Error.WriteLine(NoCluster);
            return CommandLine.Failed;
        }

        var status = await ClusterStatus.ReadAsync(cluster, cancellationToken);
        if (json)
            Console.WriteLine(status.ToJson());
        else
            Show(status);
        return status.Well ? 0 : CommandLine.Failed;
    }

    public static async Task<int> ScaleAsync(LocalCluster? cluster, int count, CancellationToken cancellationToken)
    {
        if (cluster is null)
            throw new ClusterUsageException(NoCluster);
        await cluster.ScaleAsync(
            count,
            static (part, came) => Console.Error.WriteLine(came ? $"{part.Name} runs on port {part.Port}" : $"{part.Name} has gone"),
            cancellationToken);
        Console.WriteLine($"There {(count == 1 ? "is" : "are")} {Words.Count(count, "gateway")} now.");
        return 0;
    }

    public static async Task<int> FailOverAsync(LocalCluster? cluster, CancellationToken cancellationToken)
    {
        if (cluster is null)
            throw new ClusterUsageException(NoCluster);
        var time = System.Diagnostics.Stopwatch.StartNew();
        const string OneDisk = "EVERY EDIT IS ON ONE DISK ONLY";
        try
        {
            var whole = await cluster.FailOverAsync(
                () => Console.Error.WriteLine(
                    $"{cluster.State.Primary} is the primary now ({time.Elapsed.TotalSeconds:0.0} s). Until {cluster.State.Standby} follows it, {OneDisk}."),
                cancellationToken);
            Console.WriteLine(whole
                ? $"{cluster.State.Primary} is the primary now, and {cluster.State.Standby} its standby: every edit is on both."
                : $"{cluster.State.Primary} is the primary now. Until `./cloudsync cluster up` has made {cluster.State.Standby} its standby, {OneDisk}.");
            return 0;
        }
        catch (PartStartException)
        {
            Console.Error.WriteLine($"Until `./cloudsync cluster up` has made {cluster.State.Standby} the standby, {OneDisk}.");
            throw;
        }
    }

    public static int ShowConnection(LocalCluster? cluster)
    {
        if (cluster is null)
            throw new ClusterUsageException(NoCluster);
        // To be used as it is: --postgres "$(./cloudsync cluster connection)".
        Console.WriteLine(cluster.ConnectionString);
        if (cluster.Parts.Single(part => part.Name == cluster.State.Primary).Process is null)
            Console.Error.WriteLine($"cloudsync: {cluster.State.Primary}, the primary, doesn't run.");
        return 0;
    }

    public static async Task<int> DownAsync(LocalCluster? cluster, bool deleteData)
    {
        if (cluster is null)
        {
            Console.Error.WriteLine(NoCluster);
            return 0;
        }

        await cluster.StopAsync(static part => Console.Error.WriteLine($"{part.Name} has stopped"));
        if (deleteData)
            cluster.Delete();
        Console.WriteLine(deleteData ? "The cluster is gone, with its data." : $"The cluster is down. Its data is in {cluster.Folder}");
        return 0;
    }

    private static void Show(ClusterStatus status)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("part", "state", "pid", "address", "version", "");
        foreach (var part in status.Parts)
        {
            var color = part.State switch { PartStatus.Well => "green", PartStatus.Ill => "yellow", _ => "red" };
            table.AddRow(
                Markup.Escape(part.Name), $"[{color}]{part.State}[/]", $"{part.ProcessId}", $"127.0.0.1:{part.Port}",
                Markup.Escape(part.Version ?? ""), Markup.Escape(part.Details));
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(status.Well ? $"All is well, at {status.Address}" : $"Not all is well, at {status.Address}");
    }
}
