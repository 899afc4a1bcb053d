// What the load goes to: a server that runs already, one of its own, or a cluster; and how much of the machine each of its
// programs takes.

using CloudSync.Bench.Replay;

namespace CloudSync.Bench.Load;

internal abstract class LoadTarget : IAsyncDisposable
{
    public const string Generator = "load generator";

    private const int CreatingAtOnce = 8;

    public abstract string Name { get; }

    public abstract Uri Address { get; }

    /// <summary>Where each gateway itself is, past the load balancer.</summary>
    public virtual IReadOnlyList<Uri> Gateways => [Address];

    /// <summary>The process ids of each part whose processor time is of interest; empty if nothing is known of them.</summary>
    public virtual IReadOnlyDictionary<string, IReadOnlyList<int>> Parts { get; } = new Dictionary<string, IReadOnlyList<int>>();

    /// <summary>The process ids of CloudSync itself: its server, or its gateways and workers.</summary>
    public virtual IReadOnlyList<int> Servers { get; } = [];

    /// <summary>A server that runs already, or a whole cluster, or one server on SQLite.</summary>
    public static async Task<LoadTarget> StartAsync(Uri? url, bool cluster, CancellationToken stop)
    {
        if (url is not null)
            return new RunningServers([url]);
        return await StartAsync(cluster ? 0 : 1, new Dictionary<string, string>(), stop);
    }

    /// <summary>Servers that run already.</summary>
    public static LoadTarget Of(IReadOnlyList<Uri> urls) => new RunningServers(urls);

    /// <summary>Starts one server on SQLite, or a cluster with so many gateways; 0: as many as a cluster has.</summary>
    public static async Task<LoadTarget> StartAsync(int gateways, IReadOnlyDictionary<string, string> settings, CancellationToken stop) =>
        gateways == 1
            ? new OwnServer(await ServerProcess.StartAsync(stop, settings))
            : await ClusterTarget.StartClusterAsync(gateways, settings, stop);

    /// <summary>Creates empty documents of plain text.</summary>
    /// <returns>Their ids.</returns>
    public static async Task<IReadOnlyList<string>> CreateDocumentsAsync(Uri server, int count, CancellationToken stop)
    {
        using var api = new RestApi(server);
        var ids = new string[count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = CreatingAtOnce, CancellationToken = stop },
            async (i, stopping) => ids[i] = await api.CreateAsync($"Load {i + 1}", stopping));
        return ids;
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Ends a gateway of a cluster.</summary>
    /// <param name="number">Which of <see cref="Gateways"/>.</param>
    /// <param name="drains">It is asked to end, and may tell its clients; otherwise it is gone, as if its machine had died.</param>
    /// <returns>Completes when it has ended; what is said above of being gone is so at once.</returns>
    public virtual Task EndGatewayAsync(int number, bool drains) => throw new InvalidOperationException($"{Name} has no gateway that can be spared.");

    /// <summary>The process id of a gateway of a cluster.</summary>
    /// <param name="number">Which of <see cref="Gateways"/>.</param>
    public virtual int? ProcessOfGateway(int number) => null;

    /// <summary>Figures of its own, at the end of a step.</summary>
    public virtual Task<IReadOnlyDictionary<string, double>> LookAsync(CancellationToken stop) =>
        Task.FromResult<IReadOnlyDictionary<string, double>>(new Dictionary<string, double>());

    private sealed class RunningServers(IReadOnlyList<Uri> urls) : LoadTarget
    {
        public override string Name => string.Join(", ", urls);

        public override Uri Address => urls[0];

        public override IReadOnlyList<Uri> Gateways => urls;

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class OwnServer(ServerProcess server) : LoadTarget
    {
        public override string Name => "one server on SQLite";

        public override Uri Address => server.Address;

        public override IReadOnlyDictionary<string, IReadOnlyList<int>> Parts { get; } =
            new Dictionary<string, IReadOnlyList<int>> { ["server"] = [server.ProcessId] };

        public override IReadOnlyList<int> Servers { get; } = [server.ProcessId];

        public override ValueTask DisposeAsync() => server.DisposeAsync();
    }
}
