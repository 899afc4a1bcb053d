// The cluster of a run, and who looks after it: what a fault has ended is started again, as systemd or Kubernetes would do it.

using CloudSync.Chaos.Faults;
using CloudSync.Chaos.Network;
using CloudSync.Cluster;
using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos;

/// <summary>A cluster whose parts reach each other over lines that can be cut.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    /// <summary>As whoever uses the cluster is called, for the lines.</summary>
    public const string Clients = "clients";

    private static readonly TimeSpan _restartPatience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan _betweenStarts = TimeSpan.FromMilliseconds(200);

    private readonly LocalCluster _cluster;

    // Which part is which changes with a failover; meanwhile nobody else looks.
    private readonly SemaphoreSlim _parts = new(1, 1);

    private ChaosCluster(LocalCluster cluster, Links links, Disks disks, GatewayClocks clocks) =>
        (_cluster, Links, Disks, Clocks) = (cluster, links, disks, clocks);

    public Links Links { get; }

    public Disks Disks { get; }

    public GatewayClocks Clocks { get; }

    public ClusterState State => _cluster.State;

    public string ConnectionString => _cluster.ConnectionString;

    /// <summary>Where REST is found.</summary>
    public Uri Address => new($"http://localhost:{Links.Get(Clients, "rest", State.Port).Port}/");

    public IReadOnlyList<string> Gateways => [.. State.Gateways.Select(static gateway => gateway.Name)];

    public IReadOnlyList<string> Redis => [.. State.RedisPorts.Select(static (_, i) => $"redis-{i + 1}")];

    /// <summary>Starts one.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="serverProgram">The program of gateways and workers.</param>
    /// <param name="setsClocks">Whether clocks will be set.</param>
    /// <param name="say">Told what runs.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<ChaosCluster> StartAsync(
        string folder, string serverProgram, bool setsClocks, Action<string> say, CancellationToken stop)
    {
        var (links, clocks) = (new Links(), new GatewayClocks(folder, setsClocks));
        var disks = Disks.Mount(folder, ["postgres-1", "postgres-2"]);
        var cluster = LocalCluster.Open(
            new ClusterOptions(Path.Combine(folder, "cluster"), serverProgram, Path.Combine(folder, "web"), Detached: false)
            {
                Port = ServerProcess.FreePort(),
                Gateways = ClusterOptions.DefaultGateways,
                // Killed again and again: compiled quickly instead of well, they are back sooner.
                Settings = new Dictionary<string, string> { ["DOTNET_TC_QuickJit"] = "1" },
                Route = links.Route,
                SettingsOf = clocks.SettingsOf,
            },
            create: true)!;
        var chaos = new ChaosCluster(cluster, links, disks, clocks);
        try
        {
            await cluster.StartAsync((part, time) => say($"{part.Name} runs ({time.TotalSeconds:0.0} s)"), stop);
            return chaos;
        }
        catch
        {
            await chaos.DisposeAsync();
            throw;
        }
    }

    /// <summary>A line of a client's own to NGINX.</summary>
    public Link LineOf(string client) => Links.Get(client, NginxServer.Name, State.Port);

    /// <summary>A part by its name.</summary>
    public async Task<ClusterPart> PartAsync(string name)
    {
        await _parts.WaitAsync();
        try
        {
            return _cluster.Parts.Single(part => part.Name == name);
        }
        finally
        {
            _parts.Release();
        }
    }

    public async Task<PostgresServer?> PrimaryAsync() => ((ClusterPart<PostgresServer>)await PartAsync(State.Primary)).Server;

    /// <summary>Starts a part until it runs.</summary>
    /// <exception cref="ServerStartException">It still doesn't, after long.</exception>
    public async Task RestartAsync(string name, CancellationToken stop)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            var part = await PartAsync(name);
            if (part.Process is not null)
                return;
            try
            {
                await part.StartAsync(stop);
                return;
            }
            catch (Exception exception) when (exception is ServerStartException or IOException && patience.Elapsed < _restartPatience)
            {
                await Task.Delay(_betweenStarts, stop);
            }
        }
    }

    /// <summary>Makes the standby the primary, if nothing can be lost by it; else starts the primary again.</summary>
    /// <returns>Whether the standby leads now.</returns>
    public async Task<bool> FailOverAsync(CancellationToken stop)
    {
        var primary = State.Primary;
        await _parts.WaitAsync(stop);
        try
        {
            await _cluster.FailOverAsync(null, stop);
            return true;
        }
        catch (ClusterUsageException)
        {
            // The standby may not have everything.
        }
        finally
        {
            _parts.Release();
        }

        await RestartAsync(primary, stop);
        return false;
    }

    /// <summary>Starts whatever doesn't run, each part by itself, as soon as it can.</summary>
    public async Task RestartAllAsync(CancellationToken stop)
    {
        string[] names = [State.Primary, .. Redis, "rabbitmq", "pgbouncer", .. Gateways, "worker", NginxServer.Name];
        var starts = names.Select(name => RestartAsync(name, stop)).ToList();
        await starts[0];
        starts.Add(RestartAsync(State.Standby, stop));
        await Task.WhenAll(starts);
    }

    /// <summary>Starts what is missing, and waits until every edit is on both disks again.</summary>
    /// <exception cref="ServerStartException">It isn't so, after long.</exception>
    public async Task RecoverAsync(CancellationToken stop)
    {
        await RestartAllAsync(stop);
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!await IsFollowedAsync(stop))
        {
            if (patience.Elapsed > _restartPatience)
                throw new ServerStartException($"{State.Standby} doesn't follow {State.Primary} after {_restartPatience.TotalSeconds:0} s.");
            await Task.Delay(_betweenStarts, stop);
        }
    }

    /// <summary>How it is, part by part.</summary>
    public Task<ClusterStatus> StatusAsync(CancellationToken stop) => ClusterStatus.ReadAsync(_cluster, stop);

    private async Task<bool> IsFollowedAsync(CancellationToken stop)
    {
        try
        {
            if (await PrimaryAsync() is { } primary && await primary.HasSynchronousStandbyAsync(State.Standby, stop))
                return true;
            // It may run and not be waited for: its start was broken off.
            await _cluster.StartAsync(null, stop);
        }
        catch (Exception exception) when (exception is ServerStartException or PartStartException or IOException)
        {
            // Not yet.
        }

        return false;
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await Links.DisposeAsync();
        Disks.Dispose();
        _parts.Dispose();
    }
}
