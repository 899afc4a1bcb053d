// What is counted of polls, under the meter of the gateway.

using System.Diagnostics.Metrics;

namespace CloudSync.Gateway.Polling;

internal sealed class PollingMetrics
{
    private readonly Counter<long> _polls;
    private readonly Counter<long> _posts;
    private readonly Counter<long> _refusals;

    public PollingMetrics(IMeterFactory meters, PolledConnections connections)
    {
        var meter = meters.Create(GatewayMetrics.MeterName);
        meter.CreateObservableUpDownCounter(
            "cloudsync.gateway.polling.connections", () => connections.Count, "{connection}", "Open connections without a WebSocket.");
        meter.CreateObservableUpDownCounter(
            "cloudsync.gateway.polling.kept", () => connections.KeptBytes, "By", "Bytes told to polls and not acknowledged yet.");
        _polls = meter.CreateCounter<long>(
            "cloudsync.gateway.polling.polls", "{request}", "Polls, by kind: a stream of events, or a single answer.");
        _posts = meter.CreateCounter<long>(
            "cloudsync.gateway.polling.posts", "{request}", "Posts of clients on polled connections.");
        _refusals = meter.CreateCounter<long>(
            "cloudsync.gateway.polling.refusals", "{request}", "Requests of polled connections that were refused, by code.");
    }

    public void Polled(bool streams) =>
        _polls.Add(1, new KeyValuePair<string, object?>("kind", streams ? "stream" : "single"));

    public void Posted() => _posts.Add(1);

    public void Refused(PollingRefusal refusal) =>
        _refusals.Add(1, new KeyValuePair<string, object?>("code", refusal.Code));
}
