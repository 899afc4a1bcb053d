// Who is in one document, and where: this gateway's own sessions and, as far as it has heard, the other gateways'.
//
// Positions are always those of the document's head: every committed operation moves them here as it does in each
// client, so that nothing has to be sent while people type. Changes are counted; a reader remembers the count it was
// sent, and what changed since is encoded once for all who are at the same count.
//
// A client is shown once, and may have several sessions: one whose connection was lost or isn't known to be dead yet, one on the
// gateway it has moved to. All of them are kept, in the order in which they count; a client has left when none is left.

using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Presence;

/// <summary>Guarded by its document's gate.</summary>
internal sealed partial class DocumentPresence(string documentId, string gatewayId, int maxEntries)
{
    // Of one client at once; those that count least beyond that are forgotten. Two are usual, when a line broke.
    private const int MaxSessions = 8;

    // By client, the session that counts; the others hang on it.
    private readonly Dictionary<ulong, PresenceEntryState> _entries = [];

    // What readers here see, and what the other gateways are told of this one's sessions, have counts of their own: a client may
    // have moved away and be shown all the same.
    private readonly Departures _departures = new();
    private readonly Departures _ownDepartures = new();
    private long _count;
    private long _visibleCount;
    private long _ownCount;
    private long _sharedCount;
    private (long From, long To, long Version, byte[] Chunk)? _encoded;

    /// <summary>There are changes that <see cref="Reveal"/> would show, or that the other gateways were not told.</summary>
    public bool HasHidden => _visibleCount != _count || _sharedCount != _ownCount;

    /// <summary>How many are shown.</summary>
    public int Count => _entries.Count;

    /// <summary>A session of this gateway begins. What is known of its client from before is shown until it says otherwise.</summary>
    /// <returns>Whether its client had lost its connection here, and is back.</returns>
    public bool Enter(ulong clientId, object owner, User user)
    {
        var before = Look(clientId);
        var content = before.Shown is { } shown ? shown with { User = user } : new(user);
        return Put(new(clientId, gatewayId, owner, content) { IsUnsaid = true });
    }

    /// <summary>Replaces what one of this gateway's sessions shows.</summary>
    /// <returns>Whether its client had lost its connection here, and is back.</returns>
    public bool Set(ulong clientId, object owner, PresenceContent content)
    {
        var before = Look(clientId);
        var entry = before.First;
        while (entry is not null && entry.Owner != owner)
            entry = entry.Covered;
        if (entry is null)
            return Put(new(clientId, gatewayId, owner, content));
        (entry.Content, entry.IsUnsaid) = (content, false);
        Settle(clientId, before, before.First);
        return false;
    }

    /// <summary>Another gateway's session, as it says now.</summary>
    /// <param name="remoteGatewayId">The gateway.</param>
    /// <param name="clientId">The client.</param>
    /// <param name="content">What it shows.</param>
    /// <param name="isUnsaid">The client has said nothing in that session yet: what is known of it here counts on.</param>
    /// <param name="toldTimestamp">Now.</param>
    public void SetRemote(string remoteGatewayId, ulong clientId, PresenceContent content, bool isUnsaid, long toldTimestamp)
    {
        var before = Look(clientId);
        if (isUnsaid && before.Shown is { } shown)
            content = content with { Selection = shown.Selection, State = shown.State };
        for (var known = before.First; known is not null; known = known.Covered)
        {
            // Gateways say everything again now and then: what is known is no change.
            if (known.Owner is null && known.GatewayId == remoteGatewayId && known.Content == content)
            {
                known.ToldTimestamp = toldTimestamp;
                return;
            }
        }

        // A session here that has said nothing yet goes on with what its client showed elsewhere.
        if (before.First is { Owner: not null, IsUnsaid: true, Content: { Selection: null, State: "" } } here)
            here.Content = here.Content with { Selection = content.Selection, State = content.State };
        Put(new(clientId, remoteGatewayId, null, content) { ToldTimestamp = toldTimestamp }, before);
    }

    /// <summary>Takes a session of this gateway out.</summary>
    /// <param name="clientId">The client.</param>
    /// <param name="owner">The session.</param>
    /// <param name="closed">
    /// The client has closed the document itself: whatever else is still known of it is over too, but for a living session here.
    /// </param>
    public void Leave(ulong clientId, object owner, bool closed)
    {
        var before = Look(clientId);
        var first = Where(before.First, entry => entry.Owner != owner && !(closed && entry.Rank < 2));
        Settle(clientId, before, first, closed);
    }

    public void LeaveRemote(string remoteGatewayId, ulong clientId, bool closed)
    {
        var before = Look(clientId);
        var first = Where(before.First, entry => closed ? entry.Rank == 2 : entry.Owner is not null || entry.GatewayId != remoteGatewayId);
        Settle(clientId, before, first);
    }

    /// <summary>Takes out the sessions of other gateways that a predicate names, for example those whose lease has lapsed.</summary>
    public void RemoveRemote(Func<PresenceEntryState, bool> gone)
    {
        List<ulong>? clients = null;
        foreach (var (clientId, first) in _entries)
        {
            for (var entry = first; entry is not null; entry = entry.Covered)
            {
                if (entry.Owner is null && gone(entry))
                {
                    (clients ??= []).Add(clientId);
                    break;
                }
            }
        }

        foreach (var clientId in clients ?? [])
        {
            var before = Look(clientId);
            Settle(clientId, before, Where(before.First, entry => entry.Owner is not null || !gone(entry)));
        }
    }

    /// <summary>Moves every selection over what was committed.</summary>
    public void Advance(DocumentType type, ReadOnlySpan<MeasuredOperation> operations)
    {
        foreach (var shown in _entries.Values)
        {
            for (var entry = shown; entry is not null; entry = entry.Covered)
            {
                if (entry.Content.Selection is { } selection)
                    entry.Content = entry.Content with { Selection = Move(type, entry.ClientId, selection, operations) };
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
    /// <returns>Whether there are any for them.</returns>
    public bool Reveal()
    {
        var isNew = _visibleCount != _count;
        _visibleCount = _count;
        return isNew;
    }

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
                Everybody = cursor == 0 || cursor < _departures.KnownSince,
            };
            foreach (var entry in _entries.Values)
            {
                if (changed.Everybody || entry.ChangedAt > cursor)
                    changed.Entries.Add(entry.Content.ToMessage(entry.ClientId));
            }

            if (!changed.Everybody)
            {
                changed.Left.AddRange(
                    from departure in _departures.Since(cursor)
                    where !_entries.ContainsKey(departure.ClientId)
                    select departure.ClientId);
            }

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
        everybody |= _sharedCount < _ownDepartures.KnownSince;
        var shared = new PresenceShared { Version = (ulong)version, Everybody = everybody };
        foreach (var first in _entries.Values)
        {
            if (Own(first) is not { } own || (!everybody && own.OwnChangedAt <= _sharedCount))
                continue;
            shared.Entries.Add(own.Content.ToMessage(own.ClientId));
            // What is said again is so, whatever is known from before.
            if (own.IsUnsaid && !everybody)
                shared.Unsaid.Add(own.ClientId);
        }

        foreach (var (clientId, closed) in _ownDepartures.Since(_sharedCount))
        {
            if (_entries.TryGetValue(clientId, out var first) && Own(first) is not null)
                continue;
            if (!everybody)
                shared.Left.Add(clientId);
            if (closed)
                shared.Closed.Add(clientId);
        }

        _sharedCount = _ownCount;
        return everybody || shared.Entries.Count + shared.Left.Count > 0 ? shared : null;
    }
}
