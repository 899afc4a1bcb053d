// The embedded delivery: consumers in this process, and a journal of what waits for each of them. What is published is a line
// in the journal; the operations are read from the log when they are handed out. So a backlog costs no memory: of each
// document, it is a range of versions.

using System.Globalization;
using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

internal sealed class InProcessDelivery : IDelivery, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, InProcessSubscriber> _subscribers = new(StringComparer.Ordinal);
    private readonly IOptions<DeliveryOptions> _options;
    private readonly DeliveryReader _reader;
    private readonly DeliveryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<InProcessDelivery> _logger;
    private DeliveryJournal? _journal;

    public InProcessDelivery(
        IOptions<DeliveryOptions> options, DeliveryReader reader, DeliveryMetrics metrics, TimeProvider time,
        ILogger<InProcessDelivery> logger) =>
        (_options, _reader, _metrics, _time, _logger) = (options, reader, metrics, time, logger);

    public Task<IAsyncDisposable> SubscribeAsync(IDeliveryConsumer consumer, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var journal = Open_NeedsLock();
            var subscriber = Find_NeedsLock(consumer.Name);
            var attempts = new DeliveryAttempts(consumer, _metrics, _time, Random.Shared, _logger);
            return Task.FromResult<IAsyncDisposable>(
                new InProcessSubscription(subscriber, attempts, _gate, journal, _reader, _time, _logger));
        }
    }

    public async Task PublishAsync(IReadOnlyList<OutboxBatch> batches, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        DeliveryJournal journal;
        lock (_gate)
        {
            journal = Open_NeedsLock();
            foreach (var range in DocumentRanges.Of(batches))
            {
                foreach (var subscriber in _subscribers.Values)
                {
                    if (!subscriber.IsSubscribed)
                        continue;
                    subscriber.Add(range);
                    journal.Write(DeliveryJournal.Waits(subscriber.Name, range));
                }
            }
        }

        await journal.FlushAsync();
    }

    public Task<long> CountFailedAsync(string subscriber, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Open_NeedsLock();
            return Task.FromResult<long>(_subscribers.TryGetValue(subscriber, out var known) ? known.Failed.Count : 0);
        }
    }

    public Task<IReadOnlyList<FailedDelivery>> ListFailedAsync(
        string subscriber, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Open_NeedsLock();
            return Task.FromResult<IReadOnlyList<FailedDelivery>>(
                _subscribers.TryGetValue(subscriber, out var known) ? [.. known.Failed.Take(limit)] : []);
        }
    }

    public async Task<int> ReplayFailedAsync(string subscriber, CancellationToken cancellationToken)
    {
        DeliveryJournal journal;
        int count;
        lock (_gate)
        {
            journal = Open_NeedsLock();
            if (!_subscribers.TryGetValue(subscriber, out var known))
                return 0;
            count = known.Replay();
            if (count > 0)
                journal.Write(DeliveryJournal.Replayed(subscriber));
        }

        await journal.FlushAsync();
        return count;
    }

    public async ValueTask DisposeAsync()
    {
        if (_journal is not null)
            await _journal.DisposeAsync();
    }

    private DeliveryJournal Open_NeedsLock() => _journal ??= new DeliveryJournal(
        Path.Combine(_options.Value.Folder, "delivery.journal"), State, Replay_NeedsLock, _logger);

    private InProcessSubscriber Find_NeedsLock(string name)
    {
        if (!_subscribers.TryGetValue(name, out var subscriber))
            _subscribers.Add(name, subscriber = new(name));
        return subscriber;
    }

    private List<string> State()
    {
        var records = new List<string>();
        lock (_gate)
        {
            foreach (var subscriber in _subscribers.Values)
            {
                records.AddRange(subscriber.Waiting.Select(range => DeliveryJournal.Waits(subscriber.Name, range)));
                records.AddRange(subscriber.Failed.Select(failed => DeliveryJournal.Failed(subscriber.Name, failed)));
            }
        }

        return records;
    }

    private void Replay_NeedsLock(string[] record)
    {
        var subscriber = Find_NeedsLock(record[1]);
        switch (record[0])
        {
            case "W":
                subscriber.Add(new(record[2], Number(record[3]), Number(record[4])));
                break;
            case "P":
                subscriber.Advance(record[2], Number(record[3]), Number(record[4]));
                break;
            case "F":
                subscriber.GiveUp(new(
                    record[2], Number(record[3]), Number(record[4]),
                    DateTimeOffset.FromUnixTimeMilliseconds(Number(record[6])), (int)Number(record[5]), record[7]));
                break;
            case "R":
                subscriber.Replay();
                break;
        }

        static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }
}
