// From the outbox to the delivery: claim, publish, and only then remove. Killed in between, it repeats; it never skips.
// Any number of relays may run, in any number of processes: the outbox gives a document to one of them at a time.
//
// At once when idle; under load what is committed in a moment is claimed together, and of a document becomes one message. A
// claim costs the log two commits, however little it has.

using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

internal sealed class OutboxRelay(
    IOutbox outbox, IDelivery delivery, IOptions<DeliveryOptions> options, CommitSignal signal, DeliveryState state,
    DeliveryMetrics metrics, TimeProvider time, ILogger<OutboxRelay> logger)
{
    // Batches are small here, names and numbers; what they hold is read by the delivery, a bounded part at a time.
    private const int ClaimBatches = 1_000;
    private static readonly TimeSpan _measureInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _measurePatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _shortestBackoff = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestBackoff = TimeSpan.FromSeconds(10);

    private TimeSpan _backoff = _shortestBackoff;

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var measuring = time.CreateTimer(
            _ => _ = MeasureAsync(stop), null, TimeSpan.Zero, _measureInterval);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // Before the claim: what is committed after it will be seen by the wait below.
                signal.Reset();
                var started = time.GetTimestamp();
                if (await RelayAsync(stop) is var batches and > 0)
                {
                    var rest = options.Value.GatherInterval - time.GetElapsedTime(started);
                    if (batches < ClaimBatches && rest > TimeSpan.Zero)
                        await Task.Delay(rest, time, stop);
                    continue;
                }

                await signal.WaitAsync(Jittered(options.Value.PollInterval), time, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                metrics.PublishFailed();
                if (state.Down(exception.Message))
                    logger.DeliveryDown(exception.Message);
                await Task.Delay(Jittered(_backoff), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                _backoff = TimeSpan.FromTicks(Math.Min(_backoff.Ticks * 2, _longestBackoff.Ticks));
            }
        }
    }

    /// <summary>One claim, delivered; how many batches it had.</summary>
    internal async Task<int> RelayAsync(CancellationToken stop)
    {
        var started = time.GetTimestamp();
        await using var claim = await outbox.ClaimAsync(ClaimBatches, stop);
        if (claim is not null)
        {
            await delivery.PublishAsync(claim.Batches, stop);
            // It is published: not to remove it now would only publish it again.
            await claim.CompleteAsync(CancellationToken.None);
            metrics.Published(claim.Batches.Sum(static batch => (long)batch.Count), started);
        }

        _backoff = _shortestBackoff;
        // Nothing waits, or it went through. Both say that the outbox works; only the latter that delivery does.
        if (claim is not null && state.Up())
            logger.DeliveryUp(state.Depth.Batches);
        return claim?.Batches.Count ?? 0;
    }

    private async Task MeasureAsync(CancellationToken stop)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
            patience.CancelAfter(_measurePatience);
            state.Depth = await outbox.MeasureAsync(patience.Token);
            metrics.Measured(state.Depth);
        }
        catch (Exception exception)
        {
            if (!stop.IsCancellationRequested && state.IsUp)
                logger.NotMeasured(exception.Message);
        }
    }

    private static TimeSpan Jittered(TimeSpan wait) => wait * (1 - (Random.Shared.NextDouble() / 4));
}
