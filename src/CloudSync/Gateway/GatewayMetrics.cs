// What a gateway counts. Read with any OpenTelemetry or Prometheus exporter, or `dotnet-counters monitor`, under the
// meter "CloudSync.Gateway".

using System.Diagnostics.Metrics;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal sealed class GatewayMetrics
{
    public const string MeterName = "CloudSync.Gateway";

    private readonly Counter<long> _opened;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _framesReceived;
    private readonly Counter<long> _bytesReceived;
    private readonly Counter<long> _messagesReceived;
    private readonly Counter<long> _framesSent;
    private readonly Counter<long> _bytesSent;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _sendTimeouts;
    private readonly Counter<long> _pauses;
    private readonly Counter<long> _throttles;
    private readonly Counter<long> _notAdmitted;
    private readonly Histogram<double> _lag;
    private readonly Meter _meter;
    private readonly Counter<long> _upgradesRefused;

    public GatewayMetrics(IMeterFactory meters, ConnectionTable connections)
    {
        var meter = _meter = meters.Create(MeterName);
        meter.CreateObservableUpDownCounter(
            "cloudsync.gateway.connections", () => connections.Count, "{connection}", "Connections that are open.");
        _opened = meter.CreateCounter<long>(
            "cloudsync.gateway.connections.opened", "{connection}", "Connections that were accepted.");
        _closed = meter.CreateCounter<long>(
            "cloudsync.gateway.connections.closed", "{connection}", "Connections that ended, by close code.");
        _framesReceived = meter.CreateCounter<long>(
            "cloudsync.gateway.frames.received", "{frame}", "WebSocket messages from clients.");
        _bytesReceived = meter.CreateCounter<long>(
            "cloudsync.gateway.bytes.received", "By", "Bytes in WebSocket messages from clients.");
        _messagesReceived = meter.CreateCounter<long>(
            "cloudsync.gateway.messages.received", "{message}", "Protocol messages from clients.");
        _framesSent = meter.CreateCounter<long>(
            "cloudsync.gateway.frames.sent", "{frame}", "WebSocket messages to clients.");
        _bytesSent = meter.CreateCounter<long>(
            "cloudsync.gateway.bytes.sent", "By", "Bytes in WebSocket messages to clients.");
        _refusals = meter.CreateCounter<long>(
            "cloudsync.gateway.refusals", "{error}", "Errors the gateway answered with, by code.");
        _sendTimeouts = meter.CreateCounter<long>(
            "cloudsync.gateway.send.timeouts", "{connection}", "Connections dropped because nothing was read.");
        _pauses = meter.CreateCounter<long>(
            "cloudsync.gateway.receive.pauses", "{pause}", "Times a client was not read from, because answers waited.");
        _throttles = meter.CreateCounter<long>(
            "cloudsync.gateway.receive.throttles", "{pause}", "Times a client was not read from, because it sent too fast.");
        _notAdmitted = meter.CreateCounter<long>(
            "cloudsync.gateway.admission.refused", "{refusal}", "Connections and opens that were told to come back, by limit.");
        _lag = meter.CreateHistogram<double>(
            "cloudsync.gateway.admission.lag", "ms", "How late work was when somebody wanted to get in.");
        _upgradesRefused = meter.CreateCounter<long>(
            "cloudsync.gateway.upgrades.refused", "{connection}",
            "TCP connections closed before their request reached the application, by reason.");
    }

    /// <summary>Lets be observed how many connections, and how many loads of documents, are admitted in a second.</summary>
    public void ObservePace(Func<double> connections, Func<double> loads) => _meter.CreateObservableGauge(
        "cloudsync.gateway.pace",
        () => new Measurement<double>[]
        {
            new(connections(), new KeyValuePair<string, object?>("of", "connections")),
            new(loads(), new KeyValuePair<string, object?>("of", "loads")),
        },
        "{admission}/s", "How many are admitted in a second, as busy as the process is.");

    public void Opened() => _opened.Add(1);

    public void Closed(CloseCode? code) =>
        _closed.Add(1, new KeyValuePair<string, object?>("code", code?.Name ?? "LOST"));

    public void Received(int bytes, int messages)
    {
        _framesReceived.Add(1);
        _bytesReceived.Add(bytes);
        _messagesReceived.Add(messages);
    }

    public void Sent(int bytes)
    {
        _framesSent.Add(1);
        _bytesSent.Add(bytes);
    }

    public void Refused(ErrorCode code) =>
        _refusals.Add(1, new KeyValuePair<string, object?>("code", code.ToString()));

    public void SendTimedOut() => _sendTimeouts.Add(1);

    public void Paused() => _pauses.Add(1);

    public void Throttled() => _throttles.Add(1);

    public void NotAdmitted(string limit) => _notAdmitted.Add(1, new KeyValuePair<string, object?>("limit", limit));

    public void Lagged(TimeSpan lag) => _lag.Record(lag.TotalMilliseconds);

    public void UpgradeRefused(string reason) =>
        _upgradesRefused.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
