// One channel's life as the consumer of one queue: documents are handled beside one another and each in order. What is
// acknowledged was handled, or is kept among the failed.

using System.Collections.Concurrent;
using CloudSync.Delivery;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqConsumer : IAsyncDisposable
{
    private readonly string _queue;
    private readonly IChannel _channel;
    private readonly Action _abandon;
    private readonly DeliveryAttempts _attempts;
    private readonly RabbitMqDelivery _delivery;
    private readonly RabbitMqMetrics _metrics;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Task> _documents = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<ulong, Task> _underWay = new();

    /// <param name="queue">Its name.</param>
    /// <param name="channel">From now on this one's.</param>
    /// <param name="abandon">Gives up the connection that the channel is on.</param>
    /// <param name="attempts">Who is handed the messages.</param>
    /// <param name="delivery">Who keeps those that are given up.</param>
    /// <param name="metrics">What is counted.</param>
    /// <param name="logger">The application's log.</param>
    public RabbitMqConsumer(
        string queue, IChannel channel, Action abandon, DeliveryAttempts attempts, RabbitMqDelivery delivery,
        RabbitMqMetrics metrics, ILogger logger)
    {
        (_queue, _channel, _abandon, _attempts) = (queue, channel, abandon, attempts);
        (_delivery, _metrics, _logger) = (delivery, metrics, logger);
        channel.ChannelShutdownAsync += (_, shutdown) =>
        {
            _ended.TrySetResult(shutdown.ReplyText);
            return Task.CompletedTask;
        };
    }

    public async Task StartAsync(ushort prefetch, CancellationToken cancellationToken)
    {
        await _channel.BasicQosAsync(0, prefetch, global: false, cancellationToken);
        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += (_, message) =>
        {
            Receive(message);
            return Task.CompletedTask;
        };
        // The queue was deleted, or its leader went: it is looked after anew.
        consumer.UnregisteredAsync += (_, _) =>
        {
            _ended.TrySetResult("its consumer was cancelled");
            return Task.CompletedTask;
        };
        await _channel.BasicConsumeAsync(_queue, autoAck: false, consumer, cancellationToken);
    }

    /// <summary>Until it ends, or is to end; then, why.</summary>
    public async Task<string> EndedAsync(CancellationToken stop)
    {
        await using var stopping = stop.Register(() => _ended.TrySetResult(""));
        return await _ended.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // What is not acknowledged by then is handed out again.
        Task[] underWay;
        lock (_gate)
            underWay = [.. _underWay.Values];
        await Task.WhenAll(underWay);
        try
        {
            await _channel.CloseAsync(CancellationToken.None);
        }
        catch (Exception exception)
        {
            // It is closed; or the server doesn't answer on it, and would go on handing out messages to it.
            if (exception is TimeoutException or OperationCanceledException)
                _abandon();
        }

        await _channel.DisposeAsync();
        _stop.Dispose();
    }

    // Called for one message at a time, in the order of the queue. The library takes the body back when it returns.
    private void Receive(BasicDeliverEventArgs received)
    {
        if (received.Redelivered)
            _metrics.Redelivered();
        var message = RabbitMqMessages.Read(received.BasicProperties, received.Body.ToArray());
        var key = message?.DocumentId ?? "";
        lock (_gate)
        {
            if (_stop.IsCancellationRequested)
                return;
            var previous = _documents.GetValueOrDefault(key, Task.CompletedTask);
            var handling = HandleAsync(previous, message, received.DeliveryTag);
            _documents[key] = handling;
            _underWay[received.DeliveryTag] = handling;
            _ = ForgetAsync(key, received.DeliveryTag, handling);
        }
    }

    private async Task ForgetAsync(string key, ulong tag, Task handling)
    {
        await handling;
        _underWay.TryRemove(tag, out _);
        lock (_gate)
        {
            if (_documents.GetValueOrDefault(key) == handling)
                _documents.Remove(key);
        }
    }

    private async Task HandleAsync(Task previous, DeliveryMessage? message, ulong tag)
    {
        // Out of the lock that the caller holds.
        await Task.Yield();
        try
        {
            await previous;
            await HandleAsync(message, tag, _stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Not acknowledged: it comes again.
        }
        catch (Exception exception)
        {
            // Neither handled nor kept as failed. Nothing of this channel is believed any more: all that it has not
            // acknowledged comes again, in order.
            await _stop.CancelAsync();
            _ended.TrySetResult(exception.Message);
        }
    }

    private async Task HandleAsync(DeliveryMessage? message, ulong tag, CancellationToken cancellationToken)
    {
        if (message is null)
        {
            _logger.ForeignMessage(_queue);
            await _channel.BasicRejectAsync(tag, requeue: false, cancellationToken);
            return;
        }

        if (await _attempts.DeliverAsync(message, cancellationToken) is { } failed)
            await _delivery.KeepFailedAsync(_attempts.Consumer.Name, message, failed, cancellationToken);
        await _channel.BasicAckAsync(tag, multiple: false, cancellationToken);
    }
}
