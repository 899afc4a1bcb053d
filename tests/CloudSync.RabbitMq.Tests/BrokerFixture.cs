// One RabbitMQ server for all tests of this assembly. Tests that stop it or kill it start one of their own.

using CloudSync.Cluster.Parts;
using CloudSync.RabbitMq.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(BrokerFixture))]

namespace CloudSync.RabbitMq.Tests;

public sealed class BrokerFixture : IAsyncLifetime
{
    private readonly TemporaryDirectory _folder = new();
    private RabbitMqServer? _server;

    public RabbitMqServer Server => _server!;

    public async ValueTask InitializeAsync() =>
        _server = await RabbitMqServer.StartAsync(
            RabbitMqSettings.OnFreePorts(_folder.Path), detached: false, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _folder.Dispose();
    }
}
