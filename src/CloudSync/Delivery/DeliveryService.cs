// Starts delivery with the host, where it is to run: first the subscribers, so that nothing is published past them, then the
// relay.

using CloudSync.Log;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery;

internal sealed class DeliveryService(
    IOptions<DeliveryOptions> options, IOptions<OutboxOptions> outbox, DeliveryConsumers consumers, IDelivery delivery,
    OutboxRelay relay, DeliveryState state, ILogger<DeliveryService> logger)
    : IHostedService, IDisposable
{
    private static readonly TimeSpan _retry = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IAsyncDisposable> _subscriptions = [];
    private Task _running = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!outbox.Value.Enabled || !options.Value.RunsHere)
            return;
        var waiting = new List<IDeliveryConsumer>(consumers.All);
        try
        {
            await SubscribeAsync(waiting, cancellationToken);
            // With nobody to subscribe, a broker that refuses us would be found only when there is something to deliver.
            await delivery.PublishAsync([], cancellationToken);
        }
        catch (DeliveryUnavailableException exception)
        {
            // Editing doesn't need it. What was not subscribed yet is below, before anything is published.
            state.Down(exception.Message);
            logger.DeliveryDown(exception.Message);
        }
        catch (DeliveryUnusableException exception)
        {
            throw new OptionsValidationException(nameof(CloudSyncOptions), typeof(DeliveryOptions), [exception.Message]);
        }

        _running = Task.Run(() => RunAsync(waiting), CancellationToken.None);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var subscription in _subscriptions)
            await subscription.DisposeAsync();
        _subscriptions.Clear();
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync(List<IDeliveryConsumer> waiting)
    {
        while (waiting.Count > 0 && !_stop.IsCancellationRequested)
        {
            try
            {
                await SubscribeAsync(waiting, _stop.Token);
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                if (state.Down(exception.Message))
                    logger.DeliveryDown(exception.Message);
                await Task.Delay(_retry, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        logger.DeliveryStarted(
            consumers.All.Count == 0 ? "whoever subscribes" : string.Join(", ", consumers.All.Select(static consumer => consumer.Name)));
        await relay.RunAsync(_stop.Token);
    }

    // All at once: with a broker, each may have to wait for its queues.
    private async Task SubscribeAsync(List<IDeliveryConsumer> waiting, CancellationToken cancellationToken) =>
        await Task.WhenAll(waiting.ToArray().Select(async consumer =>
        {
            var subscription = await delivery.SubscribeAsync(consumer, cancellationToken);
            lock (_subscriptions)
            {
                _subscriptions.Add(subscription);
                waiting.Remove(consumer);
            }
        }));
}
