// What delivery measures, on the meter "CloudSync.Delivery".

using System.Diagnostics.Metrics;
using CloudSync.Log;

namespace CloudSync.Delivery;

internal sealed class DeliveryMetrics : IDisposable
{
    public const string MeterName = "CloudSync.Delivery";

    private readonly Meter _meter;
    private readonly TimeProvider _time;
    private readonly Counter<long> _published;
    private readonly Counter<long> _publishFailures;
    private readonly Counter<long> _unroutable;
    private readonly Counter<long> _skipped;
    private readonly Counter<long> _setAside;
    private readonly Counter<long> _handled;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _givenUp;
    private readonly Counter<long> _auditBytes;
    private readonly Histogram<double> _publishMilliseconds;
    private OutboxDepth _depth;
    private volatile bool _depthKnown;

    public DeliveryMetrics(IMeterFactory factory, TimeProvider time)
    {
        _time = time;
        _meter = factory.Create(MeterName);
        _published = _meter.CreateCounter<long>("cloudsync.delivery.published", description: "Operations published.");
        _publishFailures = _meter.CreateCounter<long>(
            "cloudsync.delivery.publish.failures", description: "Claims that could not be published, and will be again.");
        _unroutable = _meter.CreateCounter<long>(
            "cloudsync.delivery.unroutable", description: "Messages published that no queue was there for.");
        _skipped = _meter.CreateCounter<long>(
            "cloudsync.delivery.skipped", description: "Operations not delivered, since the log has nothing of their document any more.");
        _setAside = _meter.CreateCounter<long>(
            "cloudsync.delivery.unreadable", description: "Batches, or parts of one, set aside since their document's data can't be read.");
        _handled = _meter.CreateCounter<long>("cloudsync.delivery.handled", description: "Operations handled, by subscriber.");
        _retries = _meter.CreateCounter<long>("cloudsync.delivery.retries", description: "Failed attempts, by subscriber.");
        _givenUp = _meter.CreateCounter<long>("cloudsync.delivery.failed", description: "Messages given up, by subscriber.");
        _auditBytes = _meter.CreateCounter<long>("cloudsync.audit.exported", "By", "Bytes of audit export on stable storage.");
        _publishMilliseconds = _meter.CreateHistogram<double>(
            "cloudsync.delivery.publish.duration", "ms", "From a claim of the outbox to its completion.");
        _meter.CreateObservableGauge(
            "cloudsync.outbox.batches", () => _depthKnown ? [new Measurement<long>(_depth.Batches)] : Array.Empty<Measurement<long>>(),
            description: "Committed batches that wait for delivery.");
        _meter.CreateObservableGauge("cloudsync.outbox.age", ObserveAge, "s", "How long the oldest of them has waited.");
    }

    public void Measured(OutboxDepth depth) => (_depth, _depthKnown) = (depth, true);

    public void Published(long operations, long startTimestamp)
    {
        _published.Add(operations);
        _publishMilliseconds.Record(_time.GetElapsedTime(startTimestamp).TotalMilliseconds);
    }

    public void PublishFailed() => _publishFailures.Add(1);

    public void Unroutable() => _unroutable.Add(1);

    public void Skipped(long operations) => _skipped.Add(operations);

    public void SetAside() => _setAside.Add(1);

    public void Handled(string subscriber, int operations) => _handled.Add(operations, Tag(subscriber));

    public void Retried(string subscriber) => _retries.Add(1, Tag(subscriber));

    public void GivenUp(string subscriber) => _givenUp.Add(1, Tag(subscriber));

    public void AuditExported(long bytes) => _auditBytes.Add(bytes);

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<double>> ObserveAge()
    {
        if (!_depthKnown)
            return [];
        var age = _depth.Oldest is { } oldest ? (_time.GetUtcNow() - oldest).TotalSeconds : 0;
        return [new(Math.Max(age, 0))];
    }

    private static KeyValuePair<string, object?> Tag(string subscriber) => new("subscriber", subscriber);
}
