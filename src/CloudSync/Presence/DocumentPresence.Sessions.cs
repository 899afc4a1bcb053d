// The sessions of one client, in the order in which they count, and those whose connection was lost: they stay for a while, since
// their clients mostly come back.

namespace CloudSync.Presence;

internal sealed partial class DocumentPresence
{
    // The one that was lost first is the first to go.
    private readonly LinkedList<(PresenceEntryState Entry, long Timestamp)> _lost = new();

    /// <summary>How many sessions are kept whose connection was lost.</summary>
    public int LostCount => _lost.Count;

    /// <summary>A session's connection was lost: its client is shown as it was, until it is back or <see cref="EndLost"/> takes it out.</summary>
    /// <returns>Whether there is something to keep: the client is not shown, or by another session, otherwise.</returns>
    public bool Lose(ulong clientId, object owner, long timestamp)
    {
        var before = Look(clientId);
        PresenceEntryState? lost = null;
        var isElsewhere = false;
        for (var entry = before.First; entry is not null; entry = entry.Covered)
        {
            if (entry.Owner == owner)
                lost = entry;
            else
                isElsewhere |= entry.Rank == 2;
        }

        if (lost is null || isElsewhere)
        {
            Leave(clientId, owner, closed: false);
            return false;
        }

        lost.Lost = _lost.AddLast((lost, timestamp));
        Put(lost, before);
        return true;
    }

    /// <summary>Takes out those that were lost at a moment or before, and have not come back.</summary>
    /// <param name="timestamp">The moment.</param>
    /// <returns>How many.</returns>
    public int EndLost(long timestamp)
    {
        var ended = 0;
        for (; _lost.First is { } first && first.Value.Timestamp <= timestamp; ended++)
            Leave(first.Value.Entry.ClientId, first.Value.Entry.Owner!, closed: false);
        return ended;
    }

    private bool Put(PresenceEntryState entry) => Put(entry, Look(entry.ClientId));

    // In its place among the sessions of its client: before those that count as much, since it is news. What it was before is replaced.
    private bool Put(PresenceEntryState entry, Before before)
    {
        if (before.First is null && _entries.Count >= maxEntries && !TryMakeRoom())
            return false;
        var hadLost = _lost.Count;
        var isBack = entry.Rank == 2;
        var rest = Where(before.First, other => !other.IsOfSameSession(entry) && !(isBack && other.Owner is not null && other.Rank == 0), keep: entry);
        PresenceEntryState? above = null;
        var below = rest;
        for (; below is not null && below.Rank > entry.Rank; below = below.Covered)
            above = below;
        entry.Covered = below;
        if (above is not null)
            above.Covered = entry;
        Settle(entry.ClientId, before, Shorten(above is null ? entry : rest!));
        return isBack && _lost.Count < hadLost;
    }

    private bool TryMakeRoom()
    {
        // Whoever is here is shown rather than whoever may come back.
        if (_lost.First is { } oldest)
            Leave(oldest.Value.Entry.ClientId, oldest.Value.Entry.Owner!, closed: false);
        return _entries.Count < maxEntries;
    }

    private PresenceEntryState Shorten(PresenceEntryState first)
    {
        var last = first;
        for (var count = 1; last.Covered is { } covered; last = covered)
        {
            if (count++ < MaxSessions)
                continue;
            Where(covered, static _ => false);
            last.Covered = null;
            break;
        }

        return first;
    }

    // A client's sessions without those that a predicate doesn't name.
    private PresenceEntryState? Where(PresenceEntryState? first, Func<PresenceEntryState, bool> stays, PresenceEntryState? keep = null)
    {
        PresenceEntryState? kept = null, last = null;
        for (var entry = first; entry is not null;)
        {
            var next = entry.Covered;
            if (stays(entry))
            {
                entry.Covered = null;
                if (last is null)
                    kept = entry;
                else
                    last.Covered = entry;
                last = entry;
            }
            else if (entry.Lost is { } node && entry != keep)
            {
                _lost.Remove(node);
                entry.Lost = null;
            }

            entry = next;
        }

        return kept;
    }

    private static PresenceEntryState? Own(PresenceEntryState? first)
    {
        while (first is not null && first.Owner is null)
            first = first.Covered;
        return first;
    }

    private Before Look(ulong clientId)
    {
        var first = _entries.GetValueOrDefault(clientId);
        var own = Own(first);
        return new(first, first?.Content, first?.ChangedAt ?? 0, own?.Content, own?.OwnChangedAt ?? 0);
    }

    // After a change of a client's sessions: who is told.
    private void Settle(ulong clientId, Before before, PresenceEntryState? first, bool closed = false)
    {
        if (first is not null)
        {
            _entries[clientId] = first;
            first.ChangedAt = first.Content == before.Shown ? before.ChangedAt : ++_count;
        }
        else if (_entries.Remove(clientId))
        {
            _departures.Add(++_count, clientId);
        }

        if (Own(first) is { } own)
            own.OwnChangedAt = own.Content == before.OwnShown ? before.OwnChangedAt : ++_ownCount;
        else if (before.OwnShown is not null)
            _ownDepartures.Add(++_ownCount, clientId, closed);
    }

    // A client's sessions before a change; what was shown is kept apart, since entries are changed in place.
    private readonly record struct Before(
        PresenceEntryState? First, PresenceContent? Shown, long ChangedAt, PresenceContent? OwnShown, long OwnChangedAt);
}
