// What the load goes to: a server that runs already, one of its own, or a cluster; and how much of the machine each of its
// programs takes.

using CloudSync.Bench.Replay;

namespace CloudSync.Bench.Load;

internal abstract class LoadTarget : IAsyncDisposable
{
    public abstract string Name { get; }

    public abstract Uri Address { get; }

    /// <summary>The process ids of each part whose processor time is of interest.</summary>
    protected virtual IReadOnlyDictionary<string, IReadOnlyList<int>> Parts { get; } =
        new Dictionary<string, IReadOnlyList<int>>();

    public static async Task<LoadTarget> StartAsync(Uri? url, bool cluster, CancellationToken stop)
    {
        if (url is not null)
            return new RunningServer(url);
        if (cluster)
            return await ClusterTarget.StartClusterAsync(stop);
        return new OwnServer(await ServerProcess.StartAsync(stop));
    }

    public abstract ValueTask DisposeAsync();

    /// <summary>Processor seconds that each part has used so far, this program included.</summary>
    public IReadOnlyDictionary<string, double> Measure()
    {
        var seconds = Parts.ToDictionary(static part => part.Key, static part => part.Value.Sum(ProcessorTime.OfTree));
        seconds["load generator"] = ProcessorTime.OfThisProcess();
        return seconds;
    }

    /// <summary>Cores that each part has used since an earlier measurement.</summary>
    public virtual Task<IReadOnlyDictionary<string, double>> MeasureAsync(
        IReadOnlyDictionary<string, double> before, TimeSpan duration, CancellationToken stop)
    {
        var now = Measure();
        return Task.FromResult<IReadOnlyDictionary<string, double>>(now.ToDictionary(
            static part => part.Key,
            part => Math.Round((part.Value - before.GetValueOrDefault(part.Key)) / duration.TotalSeconds, 2)));
    }

    private sealed class RunningServer(Uri address) : LoadTarget
    {
        public override string Name => address.ToString();

        public override Uri Address => address;

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class OwnServer(ServerProcess server) : LoadTarget
    {
        public override string Name => "one server on SQLite";

        public override Uri Address => server.Address;

        protected override IReadOnlyDictionary<string, IReadOnlyList<int>> Parts { get; } =
            new Dictionary<string, IReadOnlyList<int>> { ["server"] = [server.ProcessId] };

        public override ValueTask DisposeAsync() => server.DisposeAsync();
    }
}
