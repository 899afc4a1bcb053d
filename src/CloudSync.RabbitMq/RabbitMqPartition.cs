// One queue of a subscriber in one process, on a channel of its own. The queue has one active consumer at a time, wherever
// that is. What ends it here is tried again, for itself.

using CloudSync.Delivery;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqPartition(
    RabbitMqQueue queue, DeliveryAttempts attempts, RabbitMqOptions options, RabbitMqConnections connections, QueueProof proof,
    RabbitMqDelivery delivery, RabbitMqMetrics metrics, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan _shortestBackoff = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestBackoff = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    // Null as long as all is well, and it shares the connection. A queue that doesn't answer holds up its channel, and may end
    // its connection: whoever was not let in tries again alone.
    private RabbitMqConnection? _apart;

    private string Subscriber => attempts.Consumer.Name;

    public void Start() => _running = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var backoff = _shortestBackoff;
        string? told = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var consumer = await ConsumeAsync();
                (backoff, told) = (_shortestBackoff, null);
                metrics.Consumes(Subscriber);
                var reason = await consumer.EndedAsync(_stop.Token);
                metrics.ConsumesNoMore(Subscriber);
                if (!_stop.IsCancellationRequested)
                    logger.SubscriberLost(Subscriber, queue.Name, reason);
            }
            catch (Exception exception)
            {
                // Told when it is another reason: each try would fill the log.
                if (told != exception.Message && !_stop.IsCancellationRequested)
                    logger.SubscriberLost(Subscriber, queue.Name, exception.Message);
                told = exception.Message;
            }

            if (_stop.IsCancellationRequested)
                break;
            await Task.Delay(backoff * (1 - (Random.Shared.NextDouble() / 2)), time, _stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            backoff = TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, _longestBackoff.Ticks));
        }

        if (_apart is not null)
            await _apart.DisposeAsync();
    }

    private async Task<RabbitMqConsumer> ConsumeAsync()
    {
        // It may have been deleted.
        await proof.EnsureAsync([queue], _stop.Token);
        var on = _apart ?? connections.Consuming;
        var (channel, connection) = await on.OpenAsync(new CreateChannelOptions(false, false), _stop.Token);
        var consumer = new RabbitMqConsumer(queue.Name, channel, () => on.Abandon(connection), attempts, delivery, metrics, logger);
        try
        {
            await consumer.StartAsync((ushort)options.Prefetch, _stop.Token);
            return consumer;
        }
        catch (Exception exception) when (!_stop.IsCancellationRequested)
        {
            _apart ??= connections.Apart(queue.Name);
            if (exception is not (OperationCanceledException or TimeoutException))
            {
                await consumer.DisposeAsync();
                throw on.Explain(exception);
            }

            // Should the queue answer later, its consumer would be one that nobody is: the connection goes, and the channel with
            // it, when it may.
            on.Abandon(connection);
            _ = consumer.DisposeAsync().AsTask();
            throw new DeliveryUnavailableException(
                $"RabbitMQ's queue '{queue.Name}' does not answer within {options.Timeout} (CloudSync:RabbitMq:Timeout).");
        }
        catch
        {
            await consumer.DisposeAsync();
            throw;
        }
    }
}
