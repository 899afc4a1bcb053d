// The fan-out over one server: its documents' channels, the queue of what is published there, and its health.

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace CloudSync.Redis.Fanout;

internal sealed class FanoutServer : IAsyncDisposable
{
    // Whoever opens a document waits this long for the server's confirmation, and then goes on: the log is asked instead.
    private static readonly TimeSpan _confirmationPatience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, FanoutChannel> _channels = new(StringComparer.Ordinal);
    private readonly RedisOptions _options;
    private readonly TimeProvider _time;
    private readonly Action _healthChanged;
    private readonly CancellationTokenSource _stop = new();
    private readonly ServerQueue _queue;
    private readonly ServerProbe _probe;
    private int _late;

    public FanoutServer(
        RedisConnection connection, string fingerprint, RedisOptions options, string gatewayId, TimeProvider time, RedisMetrics metrics,
        ILogger logger, Action healthChanged)
    {
        (Connection, _options, _time, Metrics, Logger, _healthChanged) =
            (connection, options, time, metrics, logger, healthChanged);
        _queue = new ServerQueue(connection, options, metrics);
        _probe = new ServerProbe(this, fingerprint, options, gatewayId, time);
    }

    public RedisConnection Connection { get; }

    public RedisMetrics Metrics { get; }

    public ILogger Logger { get; }

    public ISubscriber Subscriber => Connection.Multiplexer!.GetSubscriber();

    public bool IsStopped => _stop.IsCancellationRequested;

    /// <summary>Messages come through, and every subscription is confirmed.</summary>
    public bool IsHealthy => _probe.IsUp && Volatile.Read(ref _late) == 0;

    /// <summary>It can be asked for something.</summary>
    public bool IsDown => _probe.IsDown;

    public int SubscriptionCount => _channels.Count;

    public int QueuedCount => _queue.Count;

    /// <summary>Messages on a document come through.</summary>
    public bool IsHealthyFor(string documentId) =>
        _probe.IsUp && (!_channels.TryGetValue(documentId, out var channel) || channel.IsSubscribed);

    /// <summary>Begins to look after the connection, which has been tried.</summary>
    public void Start() => _probe.Start();

    public void Publish(string documentId, ReadOnlyMemory<byte> message) => _queue.Send(
        _channels.TryGetValue(documentId, out var channel) ? channel.Channel : ChannelOf(documentId), message);

    public async ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken)
    {
        while (true)
        {
            var channel = _channels.GetOrAdd(
                documentId, static (id, self) => new FanoutChannel(self, id, self.ChannelOf(id)), this);
            if (channel.TryAdd(handler) is not { } subscription)
            {
                Forget(channel);
                continue;
            }

            try
            {
                await ConfirmAsync(channel, cancellationToken).ConfigureAwait(false);
                return subscription;
            }
            catch
            {
                await subscription.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    private async Task ConfirmAsync(FanoutChannel channel, CancellationToken cancellationToken)
    {
        var subscribed = channel.Subscribed;
        if (subscribed.IsCompletedSuccessfully)
            return;
        try
        {
            var patience = _probe.IsDown ? TimeSpan.Zero : _confirmationPatience;
            await subscribed.WaitAsync(patience, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            channel.MarkLate();
        }
    }

    public RedisChannel ChannelOf(string documentId) => RedisChannel.Sharded(_options.Prefix + documentId);

    public void Forget(FanoutChannel channel) => _channels.TryRemove(new(channel.DocumentId, channel));

    /// <summary>A subscription that nobody waited for was confirmed, or isn't yet.</summary>
    public void LateChanged(int change)
    {
        Interlocked.Add(ref _late, change);
        _healthChanged();
    }

    public void SubscribeFailed(RedisChannel channel, Exception exception)
    {
        if (IsStopped)
            return;
        Metrics.SubscribeFailed();
        Logger.SubscribeFailed(channel.ToString(), Refusal.Shorten(exception));
    }

    /// <summary>Subscriptions that the server no longer has are made again.</summary>
    public void RenewLost()
    {
        foreach (var channel in _channels.Values)
            RenewIfLost(channel);
    }

    public void RenewIfLost(FanoutChannel channel)
    {
        if (channel.IsSubscribed && !Subscriber.IsConnected(channel.Channel))
            channel.Renew();
    }

    /// <summary>The probe has found another state.</summary>
    public void HealthChanged(bool isDown, string? reason)
    {
        _queue.SetDown(isDown);
        Metrics.HealthChanged(Connection.Name);
        if (reason is null)
            Logger.ServerUp(Connection.Name);
        else
            Logger.ServerDown(Connection.Name, reason);
        _healthChanged();
    }

    /// <summary>Health is as it was, but another gateway was not heard for a while.</summary>
    public void MayHaveMissed() => _healthChanged();

    /// <summary>Another gateway has the name of this one; gateways pass over what comes from their own name.</summary>
    public void SharesName(string gatewayId) => Logger.NameShared(gatewayId);

    public async Task DelayAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, _time, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (IsStopped)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _probe.DisposeAsync().ConfigureAwait(false);
    }
}
