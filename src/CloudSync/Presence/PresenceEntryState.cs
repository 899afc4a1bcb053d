// What one session shows the others.

using CloudSync.Protocol.V1;

namespace CloudSync.Presence;

/// <summary>One session's presence. Guarded by its document's gate.</summary>
internal sealed class PresenceEntryState(ulong clientId, string gatewayId, object? owner, User user)
{
    public ulong ClientId { get; } = clientId;

    /// <summary>The gateway that has the session.</summary>
    public string GatewayId { get; } = gatewayId;

    /// <summary>The session if it is this gateway's, else null.</summary>
    public object? Owner { get; } = owner;

    public User User { get; set; } = user;

    /// <summary>When its gateway said it last, if that is another one.</summary>
    public long ToldTimestamp { get; set; }

    /// <summary>At the document's head; null if nothing is selected.</summary>
    public (int Anchor, int Focus)? Selection { get; set; }

    /// <summary>What the application shows besides, as JSON; may be empty.</summary>
    public string State { get; set; } = "";

    /// <summary>
    /// What another session of the same client on this gateway shows, which counts again when this one leaves; or null.
    /// </summary>
    public PresenceEntryState? Covered { get; set; }

    /// <summary>When it was last changed, on the document's count of presence changes.</summary>
    public long ChangedAt { get; set; }

    public PresenceEntry ToMessage()
    {
        var message = new PresenceEntry { ClientId = ClientId, User = User, State = State };
        if (Selection is { } selection)
        {
            message.Selection = new Selection { Anchor = (uint)selection.Anchor, Focus = (uint)selection.Focus };
        }

        return message;
    }
}
