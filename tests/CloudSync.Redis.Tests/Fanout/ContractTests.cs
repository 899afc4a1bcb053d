// The fan-out over Redis, held to the contract: on one server, on two, and on a Redis Cluster.

using CloudSync.Fanout;
using CloudSync.Fanout.Contract;

namespace CloudSync.Redis.Tests.Fanout;

public sealed class OneServerTests(Servers servers) : FanoutContract
{
    protected override async ValueTask<IFanout> CreateAsync() =>
        await GatewayFanout.StartAsync([servers.First.ConnectionString]);
}

public sealed class TwoServersTests(Servers servers) : FanoutContract
{
    private int _gateways;

    // Each gateway names them in another order, which must be of no matter.
    protected override async ValueTask<IFanout> CreateAsync()
    {
        string[] names = [servers.First.ConnectionString, servers.Second.ConnectionString];
        return await GatewayFanout.StartAsync(_gateways++ % 2 == 0 ? names : names.Reverse());
    }
}

public sealed class RedisClusterTests(Servers servers) : FanoutContract
{
    protected override async ValueTask<IFanout> CreateAsync() =>
        await GatewayFanout.StartAsync([servers.Cluster.Nodes[0].ConnectionString]);
}
