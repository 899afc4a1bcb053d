// What the RabbitMQ part measures besides delivery's own, on the meter "CloudSync.RabbitMq".

using System.Diagnostics.Metrics;

namespace CloudSync.RabbitMq;

internal sealed class RabbitMqMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _redelivered;
    private readonly UpDownCounter<long> _connected;
    private readonly UpDownCounter<long> _consuming;
    private volatile bool _blocked;

    public RabbitMqMetrics(IMeterFactory factory)
    {
        _meter = factory.Create("CloudSync.RabbitMq");
        _redelivered = _meter.CreateCounter<long>(
            "cloudsync.rabbitmq.redelivered", description: "Messages that had been handed to a consumer before.");
        _connected = _meter.CreateUpDownCounter<long>("cloudsync.rabbitmq.connected", description: "Connections of this process.");
        _consuming = _meter.CreateUpDownCounter<long>(
            "cloudsync.rabbitmq.consuming", description: "Partitions that this process consumes or is ready to, by subscriber.");
        _meter.CreateObservableGauge(
            "cloudsync.rabbitmq.blocked", () => _blocked ? 1 : 0, description: "1: it takes no messages (memory or disk alarm).");
    }

    public void Connected() => _connected.Add(1);

    public void Disconnected() => _connected.Add(-1);

    public void Consumes(string subscriber) => _consuming.Add(1, Tag(subscriber));

    public void ConsumesNoMore(string subscriber) => _consuming.Add(-1, Tag(subscriber));

    public void SetBlocked(bool blocked) => _blocked = blocked;

    public void Redelivered() => _redelivered.Add(1);

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string subscriber) => new("subscriber", subscriber);
}
