// How fast each address, or each user, connects and opens documents. Whoever has done nothing for a while is forgotten.

namespace CloudSync.Gateway;

/// <summary>Thread-safe.</summary>
/// <param name="connections">How many connections a second one may make.</param>
/// <param name="opens">How many documents a second one may open.</param>
/// <param name="maxKnown">Of so many it is known; those beyond them share.</param>
internal sealed class RateTable<TKey>(Rate connections, Rate opens, int maxKnown = 65_536)
    where TKey : notnull
{
    private const int SweepAt = 1_024;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Buckets> _known = [];
    private readonly Buckets _others = new();
    private int _sweepAt = Math.Min(SweepAt, maxKnown);

    /// <summary>How many are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _known.Count;
        }
    }

    /// <summary>0 if it may connect; else after how many ticks it may.</summary>
    public long Connect(TKey key, long now)
    {
        lock (_gate)
            return Find_NeedsGate(key, now).Connections.TryTake(connections, now, 1);
    }

    /// <summary>0 if it may open a document; else after how many ticks it may.</summary>
    public long Open(TKey key, long now)
    {
        lock (_gate)
            return Find_NeedsGate(key, now).Opens.TryTake(opens, now, 1);
    }

    private Buckets Find_NeedsGate(TKey key, long now)
    {
        if (_known.TryGetValue(key, out var buckets))
            return buckets;
        if (_known.Count >= _sweepAt)
            Sweep_NeedsGate(now);
        if (_known.Count >= maxKnown)
            return _others;
        buckets = new();
        _known.Add(key, buckets);
        return buckets;
    }

    // When there are twice as many as were left the last time: so each costs a look or two in its life.
    private void Sweep_NeedsGate(long now)
    {
        foreach (var (key, buckets) in _known)
        {
            if (buckets.Connections.IsFull(now) && buckets.Opens.IsFull(now))
                _known.Remove(key);
        }

        _sweepAt = Math.Clamp(_known.Count * 2, Math.Min(SweepAt, maxKnown), maxKnown);
    }

    private sealed class Buckets
    {
        public TokenBucket Connections;
        public TokenBucket Opens;
    }
}
