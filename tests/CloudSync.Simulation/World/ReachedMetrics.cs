// Listens to the metrics of production code: what it counts itself needn't be guessed from outside.

using System.Diagnostics.Metrics;

namespace CloudSync.Simulation.World;

/// <summary>Makes the meters of one gateway, and counts what is rare in them.</summary>
internal sealed class ReachedMetrics : IMeterFactory
{
    private static readonly Dictionary<string, Rare> _rare = new(StringComparer.Ordinal)
    {
        ["cloudsync.document.evictions"] = Rare.Evictions,
        ["cloudsync.history.packed"] = Rare.OperationsPacked,
        ["cloudsync.conflicts"] = Rare.Conflicts,
        ["cloudsync.append.failures"] = Rare.UnknownOutcomes,
        ["cloudsync.resends"] = Rare.ResendsFound,
        ["cloudsync.gaps"] = Rare.GapsMended,
        ["cloudsync.document.catchups"] = Rare.CatchUps,
        ["cloudsync.gateway.admission.refused"] = Rare.NotAdmitted,
        ["cloudsync.gateway.send.timeouts"] = Rare.SendTimeouts,
    };

    // One for all runs, which tells them apart by the meters' scopes.
    private static readonly MeterListener _listener = Listen();

    private readonly Reached _reached;
    private readonly List<Meter> _meters = [];

    public ReachedMetrics(Reached reached)
    {
        _reached = reached;
        // Nothing else speaks of it, and it must be there before the first meter is.
        GC.KeepAlive(_listener);
    }

    public Meter Create(MeterOptions options)
    {
        options.Scope = _reached;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        foreach (var meter in _meters)
            meter.Dispose();
    }

    private static MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Scope is Reached && (_rare.ContainsKey(instrument.Name) || instrument.Name == "cloudsync.cache.reads"))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>(static (instrument, value, tags, _) =>
        {
            var reached = (Reached)instrument.Meter.Scope!;
            if (_rare.TryGetValue(instrument.Name, out var rare))
                reached.Count(rare, value);
            else if (tags[0].Value is "hit" or "unusable")
                reached.Count(tags[0].Value is "hit" ? Rare.CacheHits : Rare.CacheUnusable, value);
        });
        listener.Start();
        return listener;
    }
}
