// Who is in one document, and where: this gateway's own sessions and, as far as it has heard, the other gateways'.
//
// Positions are always those of the document's head: every committed operation moves them here as it does in each
// client, so that nothing has to be sent while people type. Changes are counted; a reader remembers the count it was
// sent, and what changed since is encoded once for all who are at the same count.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Presence;

/// <summary>Guarded by its document's gate.</summary>
internal sealed class DocumentPresence(string documentId, string gatewayId, int maxEntries)
{
    // Whoever was last sent an older count than these reach back to is sent everybody.
    private const int MaxDepartures = 256;

    // Of one client at once; the oldest beyond that don't come back. Two are usual, when a line broke.
    private const int MaxCovered = 8;

    private readonly Dictionary<ulong, PresenceEntryState> _entries = [];
    private readonly Queue<(long At, ulong ClientId, bool Local)> _departures = new();
    private long _departuresKnownSince;
    private long _count;
    private long _sharedCount;
    private long _visibleCount;
    private (long From, long To, long Version, byte[] Chunk)? _encoded;

    /// <summary>There are changes that <see cref="Reveal"/> would show.</summary>
    public bool HasHidden => _visibleCount != _count;

    /// <summary>How many are shown.</summary>
    public int Count => _entries.Count;

    public void Enter(ulong clientId, object owner, User user) => Put(new(clientId, gatewayId, owner, user));

    /// <summary>Replaces what one of this gateway's sessions shows.</summary>
    public void Set(ulong clientId, object owner, User user, (int Anchor, int Focus)? selection, string state)
    {
        if (!_entries.TryGetValue(clientId, out var entry) || entry.Owner != owner)
        {
            entry = new(clientId, gatewayId, owner, user);
            if (!Put(entry))
                return;
        }

        entry.User = user;
        entry.Selection = selection;
        entry.State = state;
        entry.ChangedAt = ++_count;
    }

    /// <summary>Another gateway's session, as it says now.</summary>
    public void SetRemote(string remoteGatewayId, PresenceEntry shown, (int Anchor, int Focus)? selection, long toldTimestamp)
    {
        // Whoever has a session here is here. Another gateway may still hold the connection that he had before, and goes on speaking of
        // it until it notices; taken at its word, it would take him out when it does.
        if (_entries.TryGetValue(shown.ClientId, out var known) && known.Owner is not null)
            return;
        // Gateways say everything again now and then: what is known is no change.
        if (known is not null && known.GatewayId == remoteGatewayId && known.Selection == selection && known.State == shown.State
            && known.User.Equals(shown.User ?? new User()))
        {
            known.ToldTimestamp = toldTimestamp;
            return;
        }

        Put(new(shown.ClientId, remoteGatewayId, null, shown.User ?? new User())
        {
            Selection = selection,
            State = shown.State,
            ToldTimestamp = toldTimestamp,
        });
    }

    // A client that comes back on another connection takes its own place. Which of the two is the living one isn't known: while the log
    // can't be read, openings wait, and that of a dead connection may end after that of the new one. So the place of the other is kept.
    private bool Put(PresenceEntryState entry)
    {
        if (_entries.TryGetValue(entry.ClientId, out var known))
            entry.Covered = known.Owner is not null ? Without(known, entry.Owner) : null;
        else if (_entries.Count >= maxEntries)
            return false;
        _entries[entry.ClientId] = entry;
        entry.ChangedAt = ++_count;
        return true;
    }

    /// <summary>Takes a session of this gateway out; if its client has another one here, that one is shown.</summary>
    public void Leave(ulong clientId, object owner)
    {
        if (!_entries.TryGetValue(clientId, out var entry) || entry.Owner is null)
            return;
        if (Without(entry, owner) is not { } left)
        {
            Remove(entry);
        }
        else if (left != entry)
        {
            _entries[clientId] = left;
            left.ChangedAt = ++_count;
        }
    }

    // A client's entries without that of one session; null if none is left.
    private static PresenceEntryState? Without(PresenceEntryState shown, object? owner)
    {
        if (shown.Owner == owner)
            return shown.Covered;
        for (var (entry, depth) = (shown, 0); entry.Covered is { } covered; (entry, depth) = (covered, depth + 1))
        {
            if (covered.Owner != owner && depth < MaxCovered - 1)
                continue;
            entry.Covered = covered.Owner == owner ? covered.Covered : null;
            break;
        }

        return shown;
    }

    public void LeaveRemote(string remoteGatewayId, ulong clientId)
    {
        if (_entries.TryGetValue(clientId, out var entry) && entry.Owner is null && entry.GatewayId == remoteGatewayId)
            Remove(entry);
    }

    /// <summary>Takes out whom a predicate names, for example those whose gateway's lease has lapsed.</summary>
    public bool RemoveWhere(Func<PresenceEntryState, bool> gone)
    {
        var leaving = _entries.Values.Where(gone).ToList();
        foreach (var entry in leaving)
            Remove(entry);
        return leaving.Count > 0;
    }

    private void Remove(PresenceEntryState entry)
    {
        _entries.Remove(entry.ClientId);
        _departures.Enqueue((++_count, entry.ClientId, entry.Owner is not null));
        if (_departures.Count > MaxDepartures)
            _departuresKnownSince = _departures.Dequeue().At;
    }

    /// <summary>Moves every selection over what was committed.</summary>
    public void Advance(DocumentType type, ReadOnlySpan<MeasuredOperation> operations)
    {
        foreach (var shown in _entries.Values)
        {
            for (var entry = shown; entry is not null; entry = entry.Covered)
            {
                if (entry.Selection is { } selection)
                    entry.Selection = Move(type, entry.ClientId, selection, operations);
            }
        }
    }

    /// <summary>
    /// Moves a selection over operations: those of its own client push the caret on, others' inserts at it don't.
    /// </summary>
    public static (int Anchor, int Focus) Move(
        DocumentType type, ulong clientId, (int Anchor, int Focus) selection, ReadOnlySpan<MeasuredOperation> operations)
    {
        foreach (ref readonly var operation in operations)
        {
            var side = operation.Logged.ClientId == clientId ? Side.Right : Side.Left;
            selection = (
                type.TransformPosition(selection.Anchor, operation.Logged.Bytes.Span, side),
                type.TransformPosition(selection.Focus, operation.Logged.Bytes.Span, side));
        }

        return selection;
    }

    /// <summary>Lets readers see all changes so far: called at a bounded rate, so that changes gather.</summary>
    public void Reveal() => _visibleCount = _count;

    /// <summary>
    /// What changed after a reader's count, as a chunk of a ServerFrame; null if nothing that it may see. The reader must
    /// be at the head.
    /// </summary>
    public byte[]? Encode(ref long cursor, long version)
    {
        if (cursor >= _visibleCount)
            return null;
        if (_encoded is not { } encoded || encoded.From != cursor || encoded.To != _count || encoded.Version != version)
        {
            var changed = new PresenceChanged
            {
                DocumentId = documentId,
                Version = (ulong)version,
                Everybody = cursor == 0 || cursor < _departuresKnownSince,
            };
            foreach (var entry in _entries.Values)
            {
                if (changed.Everybody || entry.ChangedAt > cursor)
                    changed.Entries.Add(entry.ToMessage());
            }

            if (!changed.Everybody)
                changed.Left.AddRange(Departed(cursor, localOnly: false));
            encoded = (cursor, _count, version, ServerChunks.Encode(new ServerMessage { PresenceChanged = changed }));
            _encoded = encoded;
        }

        // Everything up to now was sent, what is not yet revealed included.
        cursor = _count;
        return encoded.Chunk;
    }

    /// <summary>What changed among this gateway's own sessions since the last call, for the others; null if nothing.</summary>
    public PresenceShared? Share(long version, bool everybody)
    {
        everybody |= _sharedCount < _departuresKnownSince;
        var shared = new PresenceShared { Version = (ulong)version, Everybody = everybody };
        foreach (var entry in _entries.Values)
        {
            if (entry.Owner is not null && (everybody || entry.ChangedAt > _sharedCount))
                shared.Entries.Add(entry.ToMessage());
        }

        if (!everybody)
            shared.Left.AddRange(Departed(_sharedCount, localOnly: true));
        _sharedCount = _count;
        return everybody || shared.Entries.Count + shared.Left.Count > 0 ? shared : null;
    }

    private IEnumerable<ulong> Departed(long since, bool localOnly) =>
        from departure in _departures
        where departure.At > since && (departure.Local || !localOnly) && !_entries.ContainsKey(departure.ClientId)
        select departure.ClientId;
}
