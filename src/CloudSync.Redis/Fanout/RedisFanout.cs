// The fan-out between gateways over Redis: sharded pub/sub, a channel for each document, each document on one of the
// servers. At most once, and less when a server is ill: whatever it loses is read from the log (law 5).

using System.Diagnostics.Metrics;
using CloudSync.Fanout;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Redis.Fanout;

internal sealed class RedisFanout : IFanout, IAsyncDisposable
{
    private readonly RedisServers _servers;
    private readonly FanoutServer[] _fanouts;
    private readonly Lazy<Task> _starting;

    public RedisFanout(
        RedisServers servers, IOptions<RedisOptions> options, IOptions<CloudSyncOptions> cloudSync, TimeProvider time,
        RedisMetrics metrics, ILogger<RedisFanout> logger)
    {
        _servers = servers;
        _fanouts = [.. servers.All.Select(connection => new FanoutServer(
            connection, servers.Fingerprint, options.Value, cloudSync.Value.GatewayId, time, metrics, logger, OnHealthChanged))];
        _starting = new(StartOnceAsync);
        metrics.Observe(this);
    }

    public event Action? HealthChanged;

    public bool IsHealthy => Array.TrueForAll(_fanouts, static fanout => fanout.IsHealthy);

    public bool IsHealthyFor(string documentId) => For(documentId).IsHealthyFor(documentId);

    /// <summary>The server of a document can't be asked for anything just now, as far as is known.</summary>
    public bool IsDownFor(string documentId) => For(documentId).IsDown;

    /// <summary>Connects, and begins to look after the connections. Once, whoever asks first.</summary>
    public Task StartAsync() => _starting.Value;

    private async Task StartOnceAsync()
    {
        await _servers.ConnectAsync().ConfigureAwait(false);
        foreach (var fanout in _fanouts)
            fanout.Start();
    }

    public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        if (!_starting.IsValueCreated || !_starting.Value.IsCompletedSuccessfully)
            return StartAndPublishAsync();
        For(documentId).Publish(documentId, message);
        return ValueTask.CompletedTask;

        async ValueTask StartAndPublishAsync()
        {
            await StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            For(documentId).Publish(documentId, message);
        }
    }

    public async ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken)
    {
        await StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        return await For(documentId).SubscribeAsync(documentId, handler, cancellationToken).ConfigureAwait(false);
    }

    private FanoutServer For(string documentId) => _fanouts[_servers.IndexFor(documentId)];

    private void OnHealthChanged() => HealthChanged?.Invoke();

    public IEnumerable<Measurement<int>> MeasureHealth() => Measure(static fanout => fanout.IsHealthy ? 1 : 0);

    public IEnumerable<Measurement<int>> CountSubscriptions() => Measure(static fanout => fanout.SubscriptionCount);

    public IEnumerable<Measurement<int>> CountQueued() => Measure(static fanout => fanout.QueuedCount);

    private IEnumerable<Measurement<int>> Measure(Func<FanoutServer, int> value) => _fanouts.Select(fanout =>
        new Measurement<int>(value(fanout), new KeyValuePair<string, object?>("server", fanout.Connection.Name)));

    public async ValueTask DisposeAsync()
    {
        foreach (var fanout in _fanouts)
            await fanout.DisposeAsync().ConfigureAwait(false);
    }
}
