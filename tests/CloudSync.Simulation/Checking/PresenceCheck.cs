// Nobody who was only away for a moment is seen to leave, and nobody who has closed a document is seen there any more. What is seen
// is what one person's client shows; whoever has just connected begins anew.

using CloudSync.Client;
using CloudSync.Simulation.Actors;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

/// <summary>One person in one document: how long that person has been there, and whom that person sees.</summary>
internal sealed class PresenceCheck
{
    // Of the resume window of 4 s (and of what a lease has left of its 6 s when its gateway dies); what the others are told takes its time too.
    private static readonly long _awayMax = TimeSpan.FromSeconds(2.5).Ticks;

    // Somebody who came so long ago is known everywhere, and what was before is over.
    private static readonly long _settled = TimeSpan.FromSeconds(8).Ticks;

    // Who has closed a document is gone from every screen by then.
    private static readonly TimeSpan _goneAfter = TimeSpan.FromSeconds(3);

    private readonly SimulatedUser _user;
    private readonly CollaborativeDocument _document;
    private HashSet<ulong>? _seen;
    private long? _hereSince;
    private long? _awaySince;

    public PresenceCheck(SimulatedUser user, CollaborativeDocument document)
    {
        (_user, _document) = (user, document);
        document.StateChanged += _ => Watch();
        document.PresenceChanged += Look;
    }

    // There for long, and away for no longer than may go unseen.
    private bool IsHere => _hereSince < World.Now - _settled && (_awaySince is null || _awaySince > World.Now - _awayMax);

    private bool IsLive => _document.State.Kind == SyncStateKind.Live;

    private SimulatedWorld World => _user.World;

    /// <summary>The person has closed the document, with a connection.</summary>
    public void Closed(IReadOnlyList<SimulatedUser> everybody)
    {
        var clientId = _user.Client.ClientId;
        var connection = _user.Connection;
        if (_awaySince is not null || _hereSince is not { } since || since > World.Now - _settled || connection is not { IsUp: true })
            return;
        World.After(_goneAfter, () =>
        {
            if (_user.IsTroubled || _user.IsLogTroubled || !connection.IsUp || _user.Connection != connection || _user.Client.ClientId != clientId
                || _user.Open.ContainsKey(_document.Id))
                return;
            foreach (var other in everybody)
            {
                if (other.Open.TryGetValue(_document.Id, out var open) && !other.IsTroubled && open.Presence.IsHere
                    && open.Document.Presence.Any(entry => entry.ClientId == clientId))
                    World.Fail("ghost", $"{_user.Name} has closed {_document.Id}, and {other.Name} still sees {_user.Name} there.");
            }
        });
    }

    private void Watch()
    {
        if (!IsLive)
        {
            _awaySince ??= World.Now;
            _seen = null;
            return;
        }

        if (_hereSince is null || _awaySince < World.Now - _awayMax)
            _hereSince = World.Now;
        else if (_awaySince is not null)
            World.Reached.Count(Rare.Returns);
        _awaySince = null;
    }

    private void Look()
    {
        if (!IsLive)
        {
            _seen = null;
            return;
        }

        var seen = _document.Presence.Select(static entry => entry.ClientId).ToHashSet();
        foreach (var clientId in _seen ?? [])
        {
            if (seen.Contains(clientId) || _user.IsTroubled)
                continue;
            if (_user.Find(clientId) is { IsTroubled: false } other && other.Open.TryGetValue(_document.Id, out var open) && open.Presence.IsHere)
                World.Fail("seen to leave", $"{_user.Name} saw {other.Name} leave {_document.Id}, who is there.");
        }

        _seen = seen;
    }
}
