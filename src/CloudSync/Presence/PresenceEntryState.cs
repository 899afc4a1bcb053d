// What one session shows the others.

using CloudSync.Protocol.V1;

namespace CloudSync.Presence;

/// <summary>What is shown.</summary>
/// <param name="User">Who.</param>
/// <param name="Selection">At the document's head; null if nothing is selected.</param>
/// <param name="State">What the application shows besides, as JSON; may be empty.</param>
internal readonly record struct PresenceContent(User User, (int Anchor, int Focus)? Selection = null, string State = "")
{
    public PresenceEntry ToMessage(ulong clientId)
    {
        var message = new PresenceEntry { ClientId = clientId, User = User, State = State };
        if (Selection is { } selection)
            message.Selection = new Selection { Anchor = (uint)selection.Anchor, Focus = (uint)selection.Focus };
        return message;
    }
}

/// <summary>One session's presence. Guarded by its document's gate.</summary>
internal sealed class PresenceEntryState(ulong clientId, string gatewayId, object? owner, PresenceContent content)
{
    public ulong ClientId { get; } = clientId;

    /// <summary>The gateway that has the session.</summary>
    public string GatewayId { get; } = gatewayId;

    /// <summary>The session if it is this gateway's, else null.</summary>
    public object? Owner { get; } = owner;

    public PresenceContent Content { get; set; } = content;

    /// <summary>When its gateway said it last, if that is another one.</summary>
    public long ToldTimestamp { get; set; }

    /// <summary>
    /// The client has said nothing yet in this session: what is known of it from before still counts, here and elsewhere.
    /// </summary>
    public bool IsUnsaid { get; set; }

    /// <summary>Its place among those whose connection was lost; null while it is there.</summary>
    public LinkedListNode<(PresenceEntryState Entry, long Timestamp)>? Lost { get; set; }

    /// <summary>What another session of the same client shows, which counts when this one has left; or null.</summary>
    public PresenceEntryState? Covered { get; set; }

    /// <summary>When what is shown of its client changed last, on the document's count of presence changes.</summary>
    public long ChangedAt { get; set; }

    /// <summary>When what the other gateways are told changed last, on the count of this gateway's own changes.</summary>
    public long OwnChangedAt { get; set; }

    /// <summary>
    /// Of a client's sessions the one that counts is a living one here; else what other gateways say last, who may have the living
    /// one; else one here whose connection was lost.
    /// </summary>
    public int Rank => Owner is null ? 1 : Lost is null ? 2 : 0;

    /// <summary>Whether both are of one session, as far as can be told: of another gateway only the newest of a client is known.</summary>
    public bool IsOfSameSession(PresenceEntryState other) =>
        Owner is null ? other.Owner is null && GatewayId == other.GatewayId : Owner == other.Owner;
}
