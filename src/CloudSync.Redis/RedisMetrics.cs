// What the parts on Redis measure, on the meter "CloudSync.Redis".

using System.Diagnostics.Metrics;
using CloudSync.Redis.Fanout;

namespace CloudSync.Redis;

internal sealed class RedisMetrics : IDisposable
{
    public const string MeterName = "CloudSync.Redis";

    private readonly Meter _meter;
    private readonly Counter<long> _published;
    private readonly Counter<long> _received;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _healthChanges;
    private readonly Counter<long> _subscribeFailures;
    private readonly Counter<long> _cacheFailures;
    private readonly Counter<long> _recordFailures;

    public RedisMetrics(IMeterFactory factory)
    {
        _meter = factory.Create(MeterName);
        _published = _meter.CreateCounter<long>(
            "cloudsync.fanout.published", "{message}", "Messages that were given to Redis.");
        _received = _meter.CreateCounter<long>(
            "cloudsync.fanout.received", "{message}", "Messages that came from Redis, this gateway's own included.");
        _dropped = _meter.CreateCounter<long>(
            "cloudsync.fanout.dropped", "{message}", "Messages that were not sent or failed, by reason.");
        _healthChanges = _meter.CreateCounter<long>(
            "cloudsync.fanout.health.changes", "{change}", "Times a server came or went, by server.");
        _subscribeFailures = _meter.CreateCounter<long>(
            "cloudsync.fanout.subscribe.failures", "{failure}", "Subscriptions that had to be tried again.");
        _cacheFailures = _meter.CreateCounter<long>(
            "cloudsync.redis.cache.failures", "{failure}", "Calls of the cache that failed or took too long.");
        _recordFailures = _meter.CreateCounter<long>(
            "cloudsync.redis.sessions.failures", "{failure}", "Writes of session records that failed.");
    }

    public void Observe(RedisFanout fanout)
    {
        _meter.CreateObservableGauge(
            "cloudsync.fanout.healthy", fanout.MeasureHealth, description: "1 if messages come through a server, else 0.");
        _meter.CreateObservableGauge(
            "cloudsync.fanout.subscriptions", fanout.CountSubscriptions, "{document}", "Documents subscribed to, by server.");
        _meter.CreateObservableGauge(
            "cloudsync.fanout.queued", fanout.CountQueued, "{message}", "Messages that wait for a server.");
    }

    public void Published() => _published.Add(1);

    public void Received() => _received.Add(1);

    public void Dropped(string reason, long count = 1) =>
        _dropped.Add(count, new KeyValuePair<string, object?>("reason", reason));

    public void HealthChanged(string server) => _healthChanges.Add(1, new KeyValuePair<string, object?>("server", server));

    public void SubscribeFailed() => _subscribeFailures.Add(1);

    public void CacheFailed() => _cacheFailures.Add(1);

    public void RecordsFailed() => _recordFailures.Add(1);

    public void Dispose() => _meter.Dispose();
}
