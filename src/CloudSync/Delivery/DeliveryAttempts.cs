// Hands messages to one consumer as its policy says: again after a failure, with waits that grow, and not for ever.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace CloudSync.Delivery;

/// <summary>Calls one consumer. Thread-safe.</summary>
internal sealed class DeliveryAttempts(
    IDeliveryConsumer consumer, DeliveryMetrics metrics, TimeProvider time, Random random, ILogger logger)
    : IDisposable
{
    private const int ReasonLength = 300;
    private const int FailingMax = 10_000;

    // Held while the consumer is at work, not while it is waited for another attempt: what waits holds up nothing else.
    private readonly SemaphoreSlim _slots = new(consumer.Policy.Concurrency);

    // Documents of which something was given up and nothing handled since. They get one attempt for each message too: what
    // waits behind one of them has waited long enough.
    private readonly ConcurrentDictionary<string, bool> _failingDocuments = new(StringComparer.Ordinal);

    // Has given something up and succeeded with nothing since. Each further message then gets one attempt, so that what
    // nobody takes doesn't dam up: its place is among the failed, until it is replayed.
    private volatile bool _failing;

    public IDeliveryConsumer Consumer => consumer;

    /// <summary>Null when it was handled; what was given up otherwise.</summary>
    /// <exception cref="OperationCanceledException">Stopped before either.</exception>
    public async Task<FailedDelivery?> DeliverAsync(DeliveryMessage message, CancellationToken stop)
    {
        var policy = consumer.Policy;
        var wait = policy.FirstWait;
        for (var attempts = 1; ; attempts++)
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                await _slots.WaitAsync(stop);
                try
                {
                    await consumer.HandleAsync(message, stop);
                }
                finally
                {
                    _slots.Release();
                }

                metrics.Handled(consumer.Name, message.Count);
                if (!_failingDocuments.IsEmpty)
                    _failingDocuments.TryRemove(message.DocumentId, out _);
                if (_failing)
                {
                    _failing = false;
                    logger.SubscriberRecovered(consumer.Name);
                }

                return null;
            }
            catch (Exception exception) when (!stop.IsCancellationRequested)
            {
                var reason = OneLine(exception.Message);
                metrics.Retried(consumer.Name);
                if (policy.AttemptsMax is { } max && (attempts >= max || _failing || _failingDocuments.ContainsKey(message.DocumentId)))
                {
                    _failing = true;
                    if (_failingDocuments.Count >= FailingMax)
                        _failingDocuments.Clear();
                    _failingDocuments[message.DocumentId] = true;
                    metrics.GivenUp(consumer.Name);
                    logger.GivenUp(
                        consumer.Name, message.DocumentId, message.FirstVersion, message.LastVersion, attempts, reason);
                    return new(
                        message.DocumentId, message.FirstVersion, message.LastVersion, time.GetUtcNow(), attempts, reason);
                }

                // Once for each message: what goes on failing would fill the log.
                if (attempts == 1)
                    logger.AttemptFailed(
                        consumer.Name, message.DocumentId, message.FirstVersion, message.LastVersion, reason);
            }

            // Not all at the same moment, who waited for the same thing.
            await Task.Delay(wait * (1 - (random.NextDouble() / 2)), time, stop);
            wait = TimeSpan.FromTicks(Math.Min(wait.Ticks * 2, policy.LongestWait.Ticks));
        }
    }

    public void Dispose() => _slots.Dispose();

    private static string OneLine(string text)
    {
        text = text.ReplaceLineEndings(" ");
        return text.Length <= ReasonLength ? text : text[..ReasonLength] + "…";
    }
}
