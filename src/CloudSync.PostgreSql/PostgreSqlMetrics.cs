// What the PostgreSQL log measures, on the meter "CloudSync.PostgreSql". Npgsql's own meter, "Npgsql", tells of the pools.

using System.Diagnostics.Metrics;

namespace CloudSync.PostgreSql;

internal sealed class PostgreSqlMetrics : IDisposable
{
    public const string MeterName = "CloudSync.PostgreSql";

    private readonly Meter _meter;
    private readonly Histogram<double> _append;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _standbyReads;

    public PostgreSqlMetrics(IMeterFactory? factory)
    {
        _meter = factory?.Create(MeterName) ?? new Meter(MeterName);
        _append = _meter.CreateHistogram<double>("cloudsync.postgresql.append.duration", "ms", "One append, as the log sees it.");
        _retries = _meter.CreateCounter<long>("cloudsync.postgresql.retries", description: "Statements run again at once, by why.");
        _failures = _meter.CreateCounter<long>("cloudsync.postgresql.failures", description: "Calls that failed, by kind.");
        _standbyReads = _meter.CreateCounter<long>(
            "cloudsync.postgresql.standby.reads", description: "Reads meant for the standby, by who answered and why.");
    }

    public void ObserveUnanswered(Func<int> count) => _meter.CreateObservableGauge(
        "cloudsync.postgresql.writes.unanswered", count, description: "Writes given up that may still be under way.");

    public void Appended(TimeSpan duration) => _append.Record(duration.TotalMilliseconds);

    public void Retried(string why) => _retries.Add(1, new KeyValuePair<string, object?>("why", why));

    public void Failed(string kind) => _failures.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void StandbyRead(string outcome) => _standbyReads.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void Dispose() => _meter.Dispose();
}
