// What the document layer measures, on the meter "CloudSync.Documents".

using System.Diagnostics.Metrics;
using CloudSync.Log;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed class DocumentMetrics : IDisposable
{
    public const string MeterName = "CloudSync.Documents";

    private readonly Meter _meter;
    private readonly Counter<long> _operations;
    private readonly Counter<long> _conflicts;
    private readonly Counter<long> _turns;
    private readonly Counter<long> _found;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _appendFailures;
    private readonly Counter<long> _gaps;
    private readonly Counter<long> _foreign;
    private readonly Counter<long> _headsCompared;
    private readonly Counter<long> _versionsSought;
    private readonly Counter<long> _versionsFolded;
    private readonly Counter<long> _snapshots;
    private readonly Counter<long> _loads;
    private readonly Counter<long> _evictions;
    private readonly Counter<long> _catchUps;
    private readonly Counter<long> _presenceLost;
    private readonly Counter<long> _presenceResumed;
    private readonly Counter<long> _presenceLapsed;
    private readonly Counter<long> _packed;
    private readonly Counter<long> _packFailures;
    private readonly Counter<long> _snapshotsRemoved;
    private readonly Histogram<double> _packMilliseconds;
    private readonly Histogram<double> _appendMilliseconds;
    private readonly Histogram<long> _appendOperations;

    public DocumentMetrics(IMeterFactory factory, TimeProvider time)
    {
        Time = time;
        _meter = factory.Create(MeterName);
        _operations = _meter.CreateCounter<long>("cloudsync.operations", description: "Operations committed.");
        _conflicts = _meter.CreateCounter<long>("cloudsync.conflicts", description: "Appends that found another head.");
        _turns = _meter.CreateCounter<long>(
            "cloudsync.turns", description: "Appends that were held back so that another gateway could append to the same document.");
        _found = _meter.CreateCounter<long>("cloudsync.resends", description: "Resent operations found in the log.");
        _refusals = _meter.CreateCounter<long>("cloudsync.document.refusals", description: "Refusals, by code.");
        _appendFailures = _meter.CreateCounter<long>("cloudsync.append.failures", description: "Appends of unknown outcome.");
        _foreign = _meter.CreateCounter<long>(
            "cloudsync.fanout.foreign", description: "Messages passed over because no gateway on this log has sealed them.");
        _gaps = _meter.CreateCounter<long>("cloudsync.gaps", description: "Gaps healed from the log.");
        _headsCompared = _meter.CreateCounter<long>(
            "cloudsync.heads.compared", description: "Heads of documents in memory that were compared with the log's.");
        _versionsSought = _meter.CreateCounter<long>(
            "cloudsync.cache.reads", description: "Versions looked for in the cache: hit, miss, or unusable.");
        _versionsFolded = _meter.CreateCounter<long>(
            "cloudsync.cache.folds", description: "Versions folded from the log because the cache didn't have them.");
        _snapshots = _meter.CreateCounter<long>("cloudsync.snapshots", description: "Snapshots, by outcome.");
        _loads = _meter.CreateCounter<long>("cloudsync.document.loads", description: "Documents loaded, by outcome.");
        _evictions = _meter.CreateCounter<long>(
            "cloudsync.document.evictions", description: "Documents that left memory because nobody used them.");
        _presenceLost = _meter.CreateCounter<long>(
            "cloudsync.presence.lost", description: "People who lost their connections, and were shown all the same.");
        _presenceResumed = _meter.CreateCounter<long>(
            "cloudsync.presence.resumed", description: "Those of them who were back here in time.");
        _presenceLapsed = _meter.CreateCounter<long>(
            "cloudsync.presence.lapsed", description: "Those of them whose time was over: not back, or elsewhere.");
        _catchUps = _meter.CreateCounter<long>(
            "cloudsync.document.catchups", description: "Pages read from the log for sessions that had fallen behind.");
        _packed = _meter.CreateCounter<long>("cloudsync.history.packed", description: "Operations packed into segments.");
        _packFailures = _meter.CreateCounter<long>("cloudsync.history.failures", description: "Steps of packing that failed.");
        _snapshotsRemoved = _meter.CreateCounter<long>(
            "cloudsync.snapshots.removed", description: "Snapshots that packing made superfluous.");
        _packMilliseconds = _meter.CreateHistogram<double>("cloudsync.history.duration", "ms", "One step of packing.");
        _appendMilliseconds = _meter.CreateHistogram<double>("cloudsync.append.duration", "ms", "One durable append.");
        _appendOperations = _meter.CreateHistogram<long>("cloudsync.append.operations", description: "Operations in one append.");
    }

    public TimeProvider Time { get; }

    /// <summary>Lets the number of open documents be observed.</summary>
    public void ObserveOpenDocuments(Func<int> count) =>
        _meter.CreateObservableGauge("cloudsync.documents.open", count, description: "Documents in memory.");

    public void PresenceLost() => _presenceLost.Add(1);

    public void PresenceResumed() => _presenceResumed.Add(1);

    public void PresenceLapsed(int count)
    {
        if (count > 0)
            _presenceLapsed.Add(count);
    }

    public void Appended(DocumentAppend[] appends, IReadOnlyList<AppendResult> results, long startTimestamp)
    {
        long operations = 0, conflicts = 0;
        for (var i = 0; i < appends.Length; i++)
        {
            if (results[i].Outcome == AppendOutcome.Appended)
                operations += appends[i].Operations.Count;
            else if (results[i].Outcome == AppendOutcome.Conflict)
                conflicts++;
        }

        _operations.Add(operations);
        if (conflicts > 0)
            _conflicts.Add(conflicts);
        _appendOperations.Record(operations);
        _appendMilliseconds.Record(Time.GetElapsedTime(startTimestamp).TotalMilliseconds);
    }

    public void AppendFailed() => _appendFailures.Add(1);

    public void TurnGiven() => _turns.Add(1);

    public void Found() => _found.Add(1);

    public void Refused(ErrorCode code) => _refusals.Add(1, new KeyValuePair<string, object?>("code", code.ToString()));

    public void HeadsCompared(int count) => _headsCompared.Add(count);

    public void VersionSought(string outcome) =>
        _versionsSought.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void VersionFolded() => _versionsFolded.Add(1);

    public void FanoutForeign() => _foreign.Add(1);

    public void GapHealed() => _gaps.Add(1);

    public void SnapshotMade(bool saved) => _snapshots.Add(1, new KeyValuePair<string, object?>("saved", saved));

    public void Packed(PackResult result, long startTimestamp)
    {
        _packed.Add(result.Operations);
        _snapshotsRemoved.Add(result.SnapshotsRemoved);
        _packMilliseconds.Record(Time.GetElapsedTime(startTimestamp).TotalMilliseconds);
    }

    public void PackFailed() => _packFailures.Add(1);

    public void Loaded(bool succeeded) => _loads.Add(1, new KeyValuePair<string, object?>("succeeded", succeeded));

    public void Evicted() => _evictions.Add(1);

    public void CaughtUp() => _catchUps.Add(1);

    public void Dispose() => _meter.Dispose();
}
