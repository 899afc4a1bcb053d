// The connections of a process: one to publish on and one to consume on, and those that a partition in trouble has to itself.
//
// Two, since a server with an alarm reads nothing any more from a connection that publishes: what consumers acknowledge on it
// would wait too, and what would end the alarm with it.

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqConnections(
    IOptions<RabbitMqOptions> options, IOptions<CloudSyncOptions> cloudSync, RabbitMqMetrics metrics,
    ILogger<RabbitMqConnection> logger) : IAsyncDisposable
{
    /// <summary>For whatever is published, and for questions.</summary>
    public RabbitMqConnection Publishing { get; } =
        new(options.Value, $"cloudsync {cloudSync.Value.GatewayId} publishes", metrics, logger);

    /// <summary>For consumers that are well.</summary>
    public RabbitMqConnection Consuming { get; } =
        new(options.Value, $"cloudsync {cloudSync.Value.GatewayId} consumes", metrics, logger);

    /// <summary>One of its own, for what may break it: a queue that does not answer can end its connection.</summary>
    public RabbitMqConnection Apart(string queue) =>
        new(options.Value, $"cloudsync {cloudSync.Value.GatewayId} {queue}", metrics, logger);

    public async ValueTask DisposeAsync()
    {
        await Publishing.DisposeAsync();
        await Consuming.DisposeAsync();
    }
}
