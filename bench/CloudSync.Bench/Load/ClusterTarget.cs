// A whole cluster on this machine, as `./cloudsync cluster up` starts it: started for the measurement, and removed after it.

using System.Globalization;
using CloudSync.Cluster;
using CloudSync.Cluster.Parts;

namespace CloudSync.Bench.Load;

internal sealed class ClusterTarget : LoadTarget
{
    private readonly DirectoryInfo _folder;
    private readonly LocalCluster _cluster;

    private ClusterTarget(DirectoryInfo folder, LocalCluster cluster) => (_folder, _cluster) = (folder, cluster);

    public override string Name => "a cluster behind NGINX";

    public override Uri Address => _cluster.Address;

    public override IReadOnlyDictionary<string, IReadOnlyList<int>> Parts => _cluster.Parts
        .Where(static part => part.Process is not null)
        .GroupBy(static part => part.Name.TrimEnd('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'))
        .ToDictionary(
            static group => group.Key, static group => (IReadOnlyList<int>)[.. group.Select(static part => part.Process!.Id)]);

    public override IReadOnlyList<int> Servers => [.. _cluster.Parts.OfType<ClusterPart<GatewayServer>>()
        .Where(static part => part.Process is not null).Select(static part => part.Process!.Id)];

    public override IReadOnlyList<Uri> Gateways => [.. _cluster.Parts.OfType<ClusterPart<GatewayServer>>()
        .Where(part => _cluster.State.Gateways.Any(gateway => gateway.Name == part.Name)).Select(static part => new Uri(part.Address))];

    /// <summary>Starts one.</summary>
    /// <param name="gateways">How many gateways; 0: as many as a cluster has.</param>
    /// <param name="settings">More settings of the gateways, as environment variables.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ServerStartException">Some parts don't start; says which and why.</exception>
    public static async Task<LoadTarget> StartClusterAsync(
        int gateways, IReadOnlyDictionary<string, string> settings, CancellationToken stop)
    {
        // PostgreSQL runs as a user of its own, who has to get to his folder.
        var folder = Directory.CreateTempSubdirectory("cloudsync-bench-cluster-");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(
                folder.FullName,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute
                | UnixFileMode.OtherExecute);
        }

        var options = new ClusterOptions(
            folder.FullName,
            Environment.GetEnvironmentVariable("CLOUDSYNC_SERVER")
                ?? throw new InvalidOperationException("CLOUDSYNC_SERVER, the path of the server program, is not set."),
            Environment.GetEnvironmentVariable("CLOUDSYNC_WEB") ?? "", Detached: false)
        {
            Port = CloudSync.Cluster.Parts.ServerProcess.FreePort(),
            Gateways = gateways,
            Settings = settings,
        };
        var cluster = LocalCluster.Open(options, create: true)!;
        var target = new ClusterTarget(folder, cluster);
        try
        {
            await cluster.StartAsync(null, stop);
            return target;
        }
        catch (PartStartException exception)
        {
            // Nothing of it goes on, other than its message says.
            await target.DisposeAsync();
            throw new ServerStartException(exception.Reasons);
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    private ClusterPart<GatewayServer> GatewayAt(int number) =>
        _cluster.Parts.OfType<ClusterPart<GatewayServer>>().Single(part => part.Name == _cluster.State.Gateways[number].Name);

    public override async Task<IReadOnlyDictionary<string, double>> LookAsync(CancellationToken stop)
    {
        // PgBouncer keeps what it has opened for a minute.
        if (_cluster.Parts.OfType<ClusterPart<PostgresServer>>().FirstOrDefault(part => part.Name == _cluster.State.Primary)?.Server
            is not { } primary)
            return new Dictionary<string, double>();
        var connections = await primary.QueryAsync(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()", stop);
        return new Dictionary<string, double>
        {
            ["database connections"] = double.Parse(connections, CultureInfo.InvariantCulture),
        };
    }

    public override int? ProcessOfGateway(int number) => GatewayAt(number).Process?.Id;

    public override Task EndGatewayAsync(int number, bool drains)
    {
        var part = GatewayAt(number);
        if (drains)
            return part.StopAsync();
        // Before anything is looked up that takes its time.
        using var process = System.Diagnostics.Process.GetProcessById(part.Process!.Id);
        process.Kill();
        return part.KillAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
