// Hands what waits for one subscriber to its consumer: several documents at a time, each in order.

using CloudSync.Log;
using Microsoft.Extensions.Logging;

namespace CloudSync.Delivery;

internal sealed class InProcessSubscription : IAsyncDisposable
{
    // As many documents are in hand as the consumer handles at a time, and so many times more that wait for another attempt.
    private const int WaitingFactor = 8;

    // The log, not the consumer, could not be reached.
    private static readonly TimeSpan _wait = TimeSpan.FromSeconds(1);

    private readonly InProcessSubscriber _subscriber;
    private readonly DeliveryAttempts _attempts;
    private readonly Lock _gate;
    private readonly DeliveryJournal _journal;
    private readonly DeliveryReader _reader;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _ready;
    private readonly Task[] _workers;

    /// <summary>Begins. The lock is held by the caller.</summary>
    public InProcessSubscription(
        InProcessSubscriber subscriber, DeliveryAttempts attempts, Lock gate, DeliveryJournal journal, DeliveryReader reader,
        TimeProvider time, ILogger logger)
    {
        if (subscriber.IsSubscribed)
            throw new InvalidOperationException($"There is a consumer '{subscriber.Name}' already.");
        (_subscriber, _attempts, _gate, _journal) = (subscriber, attempts, gate, journal);
        (_reader, _time, _logger) = (reader, time, logger);
        _ready = new(subscriber.ReadyCount);
        subscriber.IsSubscribed = true;
        subscriber.BecameReady = () => _ready.Release();
        _workers = new Task[attempts.Consumer.Policy.Concurrency * WaitingFactor];
        for (var i = 0; i < _workers.Length; i++)
            _workers[i] = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_workers);
        lock (_gate)
        {
            _subscriber.IsSubscribed = false;
            _subscriber.BecameReady = null;
        }

        _stop.Dispose();
        _ready.Dispose();
        _attempts.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _ready.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            VersionRange range;
            lock (_gate)
            {
                if (!_subscriber.TryTake(out range))
                    continue;
            }

            try
            {
                await HandleAsync(range);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // It waits, and will be handled by whoever comes next.
            }
            catch (Exception exception)
            {
                _logger.SubscriberBroke(exception, _subscriber.Name);
                await Task.Delay(_wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            lock (_gate)
                _subscriber.GiveBack(range.DocumentId);
        }
    }

    private async Task HandleAsync(VersionRange range)
    {
        var (message, last) = await _reader.ReadAsync(range, _stop.Token);
        var givenUp = message is null ? null : await _attempts.DeliverAsync(message, _stop.Token);
        lock (_gate)
        {
            if (givenUp is null)
            {
                var handled = range with { Last = last };
                _subscriber.Advance(handled.DocumentId, handled.First, handled.Last);
                _journal.Write(DeliveryJournal.Handled(_subscriber.Name, handled));
            }
            else
            {
                _subscriber.GiveUp(givenUp);
                _journal.Write(DeliveryJournal.Failed(_subscriber.Name, givenUp));
            }
        }

        // Nobody waits for it: what it forgets is handled twice.
        _ = _journal.FlushAsync().ContinueWith(
            static flushed => flushed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default);
    }
}
