// A Redis Cluster of masters without replicas, put together by hand: each gets a run of slots and is told of the others.

namespace CloudSync.Cluster.Parts;

/// <summary>The nodes of a Redis Cluster that runs.</summary>
public sealed class RedisClusterServers : IAsyncDisposable
{
    private const int Slots = 16_384;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly List<RedisServer> _nodes = [];

    private RedisClusterServers()
    {
    }

    public IReadOnlyList<RedisServer> Nodes => _nodes;

    /// <summary>The one entry of CloudSync:Redis:Servers that names it: any of its nodes leads to the others.</summary>
    public string ConnectionString => string.Join(',', _nodes.Select(node => node.ConnectionString));

    /// <summary>Starts the nodes and waits until each of them serves the whole cluster.</summary>
    /// <param name="folder">Each node gets a folder in it.</param>
    /// <param name="count">How many masters; at least 3, or the cluster never agrees on anything.</param>
    /// <param name="detached">True: they outlive this process.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public static async Task<RedisClusterServers> StartAsync(
        string folder, int count, bool detached, CancellationToken cancellationToken)
    {
        var cluster = new RedisClusterServers();
        try
        {
            var busPorts = new List<int>();
            for (var i = 0; i < count; i++)
            {
                busPorts.Add(ServerProcess.FreePort());
                var name = $"redis-{i + 1}";
                cluster._nodes.Add(await RedisServer.StartAsync(
                    new RedisStart(Path.Combine(folder, name), ServerProcess.FreePort(), name, ClusterBusPort: busPorts[i]),
                    detached, cancellationToken));
                await ExpectOkAsync(cluster._nodes[i], $"CLUSTER SET-CONFIG-EPOCH {i + 1}", cancellationToken);
                var (first, last) = (Slots * i / count, (Slots * (i + 1) / count) - 1);
                await ExpectOkAsync(cluster._nodes[i], $"CLUSTER ADDSLOTSRANGE {first} {last}", cancellationToken);
                if (i > 0)
                {
                    var meet = $"CLUSTER MEET 127.0.0.1 {cluster._nodes[0].Port} {busPorts[0]}";
                    await ExpectOkAsync(cluster._nodes[i], meet, cancellationToken);
                }
            }

            await cluster.AgreedAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    private async Task AgreedAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_patience);
        foreach (var node in _nodes)
        {
            while (true)
            {
                var info = await node.AskAsync("CLUSTER INFO", patience.Token);
                if (info.Contains("cluster_state:ok", StringComparison.Ordinal)
                    && info.Contains($"cluster_known_nodes:{_nodes.Count}\r", StringComparison.Ordinal)
                    && info.Contains($"cluster_size:{_nodes.Count}\r", StringComparison.Ordinal))
                {
                    break;
                }

                await Task.Delay(20, patience.Token);
            }
        }
    }

    private static async Task ExpectOkAsync(RedisServer node, string command, CancellationToken cancellationToken)
    {
        var reply = await node.AskAsync(command, cancellationToken);
        if (reply != "+OK")
            throw new ServerStartException($"{command}: {reply}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }
}
