// One subscriber in one process: its queues, and a consumer of each partition. Partitions know nothing of one another: what
// one suffers from stops no other.

using CloudSync.Delivery;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client.Exceptions;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqSubscription : IAsyncDisposable
{
    private readonly IReadOnlyList<RabbitMqQueue> _queues;
    private readonly QueueProof _proof;
    private readonly ILogger _logger;
    private readonly DeliveryAttempts _attempts;
    private readonly RabbitMqDelivery _delivery;
    private readonly RabbitMqPartition[] _partitions;

    public RabbitMqSubscription(
        DeliveryAttempts attempts, RabbitMqOptions options, RabbitMqConnections connections, RabbitMqTopology topology,
        RabbitMqDelivery delivery, RabbitMqMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_attempts, _delivery, _logger) = (attempts, delivery, logger);
        _queues = topology.QueuesOf(attempts.Consumer.Name);
        _proof = new(topology, connections, options, time, logger);
        _partitions = [.. _queues.Take(RabbitMqTopology.Partitions).Select(queue => new RabbitMqPartition(
            queue, attempts, options, connections, _proof, delivery, metrics, time, logger))];
    }

    /// <summary>Makes the queues and begins. What goes wrong with one of them later is tried again.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _proof.EnsureAsync(_queues, cancellationToken);
        foreach (var partition in _partitions)
            partition.Start();
    }

    /// <summary>
    /// Sees to it that a server which came back without the queues has them before anything is published past them.
    /// </summary>
    /// <exception cref="DeliveryUnavailableException">Not just now.</exception>
    public async Task EnsureQueuesAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _proof.EnsureAsync(_queues, cancellationToken);
        }
        catch (DeliveryUnusableException exception) when (IsDeclaredOtherwise(exception))
        {
            foreach (var queue in _queues)
                await EnsureOrTellAsync(queue, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _delivery.Forget(this);
        await Task.WhenAll(_partitions.Select(static partition => partition.DisposeAsync().AsTask()));
        _proof.Dispose();
        _attempts.Dispose();
    }

    // One that somebody declared otherwise is this subscriber's trouble, and a partition's of it.
    private async Task EnsureOrTellAsync(RabbitMqQueue queue, CancellationToken cancellationToken)
    {
        try
        {
            await _proof.EnsureAsync([queue], cancellationToken);
        }
        catch (DeliveryUnusableException exception) when (IsDeclaredOtherwise(exception))
        {
            _logger.SubscriberLost(_attempts.Consumer.Name, queue.Name, exception.Message);
        }
    }

    private static bool IsDeclaredOtherwise(DeliveryUnusableException exception) =>
        exception.InnerException is OperationInterruptedException { ShutdownReason.ReplyCode: 406 };
}
