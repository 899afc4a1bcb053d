// Who else is in a document and where: the server tells now and then; in between, selections are moved over what is
// committed here.

using CloudSync.Operations;
using Wire = CloudSync.Protocol.V1;

namespace CloudSync.Client;

/// <summary>A person at a client.</summary>
/// <param name="Id">Stable for one person over all their devices; may be empty.</param>
/// <param name="Name">Shown to others.</param>
/// <param name="Color">A CSS hex colour, "#rrggbb".</param>
public sealed record User(string Id, string Name, string Color);

/// <summary>A selection, in UTF-16 code units.</summary>
/// <param name="Anchor">Where it was begun.</param>
/// <param name="Focus">Where the caret is.</param>
public readonly record struct Selection(int Anchor, int Focus);

/// <summary>What somebody else in a document shows.</summary>
/// <param name="ClientId">Which client.</param>
/// <param name="User">Who.</param>
/// <param name="Selection">Where, in the document as it is shown here; null if they show no selection.</param>
/// <param name="State">Whatever else their application shows, as JSON; or empty.</param>
public sealed record PresenceEntry(ulong ClientId, User User, Selection? Selection, string State);

/// <summary>The presence of one document. Selections inside are positions in what is committed.</summary>
internal sealed class DocumentPresence(ulong ownClientId)
{
    private readonly Dictionary<ulong, PresenceEntry> _others = [];

    // What the others were told last of our own selection, and where it has moved at their end since.
    private Selection? _told;
    private string _toldState = "";
    private User? _toldUser;

    public bool IsEmpty => _others.Count == 0;

    public IEnumerable<PresenceEntry> Others => _others.Values;

    public void Receive(Wire.PresenceChanged changed, int length, bool positionsHold)
    {
        if (changed.Everybody)
            _others.Clear();
        foreach (var left in changed.Left)
            _others.Remove(left);
        foreach (var entry in changed.Entries)
        {
            if (entry.ClientId == ownClientId)
                continue;
            Selection? selection = entry.Selection is { } there && positionsHold
                ? new((int)Math.Min(there.Anchor, (uint)length), (int)Math.Min(there.Focus, (uint)length))
                : null;
            User user = new(entry.User?.Id ?? "", entry.User?.Name ?? "", entry.User?.Color ?? "");
            _others[entry.ClientId] = new(entry.ClientId, user, selection, entry.State);
        }
    }

    /// <summary>Moves everybody over a committed operation; its author's caret is pushed by an insert at it.</summary>
    public void Move(DocumentType type, ReadOnlySpan<byte> operation, ulong author)
    {
        _told = Move(type, _told, operation, author == ownClientId ? Side.Right : Side.Left);
        foreach (var entry in _others.Values)
        {
            if (entry.Selection is not null)
            {
                var side = entry.ClientId == author ? Side.Right : Side.Left;
                _others[entry.ClientId] = entry with { Selection = Move(type, entry.Selection, operation, side) };
            }
        }
    }

    public static Selection? Move(DocumentType type, Selection? selection, ReadOnlySpan<byte> operation, Side side) =>
        selection is not { } at || operation.IsEmpty
            ? selection
            : new(type.TransformPosition(at.Anchor, operation, side), type.TransformPosition(at.Focus, operation, side));

    /// <summary>Whether the others have to be told; if so, the caller does it.</summary>
    public bool Tell(Selection? selection, string state, User user)
    {
        if (selection == _told && state == _toldState && user == _toldUser)
            return false;
        (_told, _toldState, _toldUser) = (selection, state, user);
        return true;
    }

    public void ForgetOthers() => _others.Clear();

    /// <summary>
    /// A new session: the others know only who we are; or, if we have been here before, still what we showed then, until they
    /// are told otherwise.
    /// </summary>
    public void Reset(User user, bool hasBeenHere)
    {
        ForgetOthers();
        (_told, _toldState, _toldUser) = (null, "", hasBeenHere ? null : user);
    }
}
