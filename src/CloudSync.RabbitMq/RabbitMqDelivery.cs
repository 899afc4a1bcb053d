// The clustered delivery: a topic exchange, quorum queues, confirms.
//
// Order within a document: of one document one message at a time is under way; the next is published when that one is
// confirmed. So nothing that fails in between can let a later one in before it. Documents don't wait for one another.

using System.Collections.Concurrent;
using CloudSync.Delivery;
using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqDelivery : IDelivery, IAsyncDisposable
{
    private static readonly CreateChannelOptions _confirmed = new(
        publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    private static readonly TimeSpan _returnPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _returnInterval = TimeSpan.FromMilliseconds(20);

    private readonly RabbitMqOptions _options;
    private readonly RabbitMqConnections _connections;
    private readonly RabbitMqConnection _connection;
    private readonly RabbitMqTopology _topology;
    private readonly DeliveryReader _reader;
    private readonly DeliveryMetrics _metrics;
    private readonly RabbitMqMetrics _ownMetrics;
    private readonly TimeProvider _time;
    private readonly ILogger<RabbitMqDelivery> _logger;
    private readonly SemaphoreSlim _opening = new(1);
    private readonly SemaphoreSlim _window;
    private readonly ConcurrentDictionary<RabbitMqSubscription, bool> _subscriptions = [];
    private IChannel? _channel;
    private int _unroutableTold;

    public RabbitMqDelivery(
        IOptions<RabbitMqOptions> options, RabbitMqConnections connections, DeliveryReader reader, DeliveryMetrics metrics,
        RabbitMqMetrics ownMetrics, TimeProvider time, ILogger<RabbitMqDelivery> logger)
    {
        (_options, _connections, _connection, _reader, _metrics) =
            (options.Value, connections, connections.Publishing, reader, metrics);
        (_ownMetrics, _time, _logger) = (ownMetrics, time, logger);
        _topology = new(_options.Exchange);
        _window = new(_options.PublishWindow);
    }

    public async Task<IAsyncDisposable> SubscribeAsync(IDeliveryConsumer consumer, CancellationToken cancellationToken)
    {
        var attempts = new DeliveryAttempts(consumer, _metrics, _time, Random.Shared, _logger);
        var subscription = new RabbitMqSubscription(
            attempts, _options, _connections, _topology, this, _ownMetrics, _time, _logger);
        try
        {
            await subscription.StartAsync(cancellationToken);
        }
        catch
        {
            await subscription.DisposeAsync();
            throw;
        }

        _subscriptions[subscription] = true;
        return subscription;
    }

    public async Task PublishAsync(IReadOnlyList<OutboxBatch> batches, CancellationToken cancellationToken)
    {
        var channel = await ChannelAsync(cancellationToken);
        var ranges = DocumentRanges.Of(batches);
        var messages = await _reader.ReadManyAsync(ranges, cancellationToken);
        var documents = ranges.Zip(messages).GroupBy(static range => range.First.DocumentId, StringComparer.Ordinal);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var publishing = new List<Task>();
        try
        {
            foreach (var document in documents)
            {
                // The window bounds memory too: a message that wasn't read with the others is read when its turn has come.
                await _window.WaitAsync(stop.Token);
                publishing.Add(PublishDocumentAsync(channel, [.. document], stop));
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // One has failed, and says why below.
        }

        await Task.WhenAll(publishing);
    }

    public async Task<long> CountFailedAsync(string subscriber, CancellationToken cancellationToken)
    {
        await using var channel = await _connection.OpenChannelAsync(new(false, false), cancellationToken);
        try
        {
            return (await channel.QueueDeclarePassiveAsync(_topology.FailedQueue(subscriber), cancellationToken)).MessageCount;
        }
        catch (OperationInterruptedException exception) when (IsNotFound(exception))
        {
            return 0;
        }
    }

    public async Task<IReadOnlyList<FailedDelivery>> ListFailedAsync(
        string subscriber, int limit, CancellationToken cancellationToken)
    {
        var failed = new List<FailedDelivery>();
        var (taken, last) = (0, 0ul);
        await using var channel = await _connection.OpenChannelAsync(new(false, false), cancellationToken);
        try
        {
            while (failed.Count < limit && await channel.BasicGetAsync(
                _topology.FailedQueue(subscriber), autoAck: false, cancellationToken) is { } got)
            {
                taken++;
                if (RabbitMqMessages.ReadFailed(got.BasicProperties) is { } delivery)
                    failed.Add(delivery);
                last = got.DeliveryTag;
            }

            // They go back in their order. Not at once: who asks next is to find them there.
            if (taken > 0)
                await channel.BasicNackAsync(last, multiple: true, requeue: true, cancellationToken);
            var patience = _time.GetTimestamp();
            while ((await channel.QueueDeclarePassiveAsync(_topology.FailedQueue(subscriber), cancellationToken)).MessageCount < taken
                && _time.GetElapsedTime(patience) < _returnPatience)
                await Task.Delay(_returnInterval, _time, cancellationToken);
        }
        catch (OperationInterruptedException exception) when (IsNotFound(exception))
        {
            return [];
        }

        return failed;
    }

    public async Task<int> ReplayFailedAsync(string subscriber, CancellationToken cancellationToken)
    {
        var waiting = await CountFailedAsync(subscriber, cancellationToken);
        await using var channel = await _connection.OpenChannelAsync(_confirmed, cancellationToken);
        var count = 0;
        // Not those that fail again meanwhile.
        while (count < waiting && await channel.BasicGetAsync(
            _topology.FailedQueue(subscriber), autoAck: false, cancellationToken) is { } got)
        {
            if (RabbitMqMessages.Read(got.BasicProperties, got.Body.ToArray()) is { } message)
            {
                // To this subscriber only, and confirmed before it is taken away here: a kill in between repeats it.
                await channel.BasicPublishAsync(
                    "", _topology.Queue(subscriber, RabbitMqTopology.PartitionOf(message.DocumentId)), mandatory: true,
                    RabbitMqMessages.ToProperties(message), message.Body, cancellationToken);
                count++;
            }

            await channel.BasicAckAsync(got.DeliveryTag, multiple: false, cancellationToken);
        }

        return count;
    }

    /// <summary>Keeps what a subscriber has given up. When it returns, it is kept.</summary>
    internal async Task KeepFailedAsync(
        string subscriber, DeliveryMessage message, FailedDelivery failed, CancellationToken cancellationToken) =>
        await ConfirmAsync(
            await ChannelAsync(cancellationToken), "", _topology.FailedQueue(subscriber), message, failed, cancellationToken);

    /// <summary>A subscription that has ended.</summary>
    internal void Forget(RabbitMqSubscription subscription) => _subscriptions.TryRemove(subscription, out _);

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
            await _channel.DisposeAsync();
        _opening.Dispose();
        _window.Dispose();
    }

    private static bool IsNotFound(OperationInterruptedException exception) => exception.ShutdownReason?.ReplyCode == 404;

    private async Task<IChannel> ChannelAsync(CancellationToken cancellationToken)
    {
        // Claims would be held, and time out, one after the other.
        ThrowIfBlocked();
        if (_channel is { IsOpen: true } open)
            return open;
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_channel is { IsOpen: true } meanwhile)
                return meanwhile;
            if (_channel is not null)
                await _channel.DisposeAsync();
            _channel = null;
            var channel = await _connection.OpenChannelAsync(_confirmed, cancellationToken);
            try
            {
                await _topology.DeclareExchangeAsync(channel, cancellationToken);
                // The server may have come back without what was declared on it.
                foreach (var subscription in _subscriptions.Keys)
                    await subscription.EnsureQueuesAsync(cancellationToken);
            }
            catch (Exception exception)
            {
                await channel.DisposeAsync();
                if (cancellationToken.IsCancellationRequested)
                    throw;
                throw _connection.Explain(exception);
            }

            return _channel = channel;
        }
        finally
        {
            _opening.Release();
        }
    }

    private void ThrowIfBlocked()
    {
        if (_connection.Blocked is { } reason)
            throw new DeliveryUnavailableException($"RabbitMQ takes no messages until its alarm is over: {reason}.");
    }

    private async Task PublishDocumentAsync(
        IChannel channel, (VersionRange Range, DeliveryMessage? Message)[] ranges, CancellationTokenSource stop)
    {
        try
        {
            foreach (var (range, read) in ranges)
            {
                for (var rest = range; ;)
                {
                    var (message, last) = read is null ? await _reader.ReadAsync(rest, stop.Token) : new(read, read.LastVersion);
                    if (message is not null)
                    {
                        await ConfirmAsync(
                            channel, _topology.Exchange, RabbitMqTopology.RoutingKey(message), message, null, stop.Token);
                    }

                    if (last >= rest.Last)
                        break;
                    rest = rest with { First = last + 1 };
                }
            }
        }
        catch
        {
            // Whatever else is under way is published again with it.
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            _window.Release();
        }
    }

    private async Task ConfirmAsync(
        IChannel channel, string exchange, string routingKey, DeliveryMessage message, FailedDelivery? failed,
        CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Timeout);
        try
        {
            await channel.BasicPublishAsync(
                exchange, routingKey, mandatory: true, RabbitMqMessages.ToProperties(message, failed), message.Body, patience.Token);
        }
        catch (PublishException exception) when (exception.IsReturn && failed is null)
        {
            // No queue has asked for it: there is nobody to deliver it to.
            _metrics.Unroutable();
            if (Interlocked.Exchange(ref _unroutableTold, 1) == 0)
                _logger.Unroutable(exchange);
        }
        catch (PublishException exception)
        {
            throw new DeliveryUnavailableException(
                exception.IsReturn ? $"RabbitMQ has no queue '{routingKey}'." : "RabbitMQ could not keep a message.", exception);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // A new connection would be blocked as well, and it would not be known why.
            ThrowIfBlocked();
            // It is alive, or so it seems, and doesn't answer. Its confirm may come or not: a new connection knows nothing of it.
            _connection.Abandon();
            throw new DeliveryUnavailableException(
                $"RabbitMQ did not confirm a message within {_options.Timeout} (CloudSync:RabbitMq:Timeout).");
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw _connection.Explain(exception);
        }
    }
}
