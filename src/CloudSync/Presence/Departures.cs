// Who has left, and when, on a count of changes: so that whoever was told up to a count is told who left since.

namespace CloudSync.Presence;

/// <summary>The newest departures; guarded by its document's gate.</summary>
internal sealed class Departures
{
    // Whoever was last told an older count than these reach back to is told everybody.
    private const int MaxKept = 256;

    private readonly Queue<(long At, ulong ClientId, bool Closed)> _kept = new();

    /// <summary>Of a count before this one it isn't known any more who left since.</summary>
    public long KnownSince { get; private set; }

    public void Add(long at, ulong clientId, bool closed = false)
    {
        _kept.Enqueue((at, clientId, closed));
        if (_kept.Count > MaxKept)
            KnownSince = _kept.Dequeue().At;
    }

    /// <summary>Who left after a count; Closed: he has closed the document himself.</summary>
    public IEnumerable<(ulong ClientId, bool Closed)> Since(long count) =>
        from departure in _kept
        where departure.At > count
        select (departure.ClientId, departure.Closed);
}
