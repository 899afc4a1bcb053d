// A document as one person has it open: edits it, keeps what an editor would show from what the client tells of changes alone, and
// compares.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal abstract class EditedDocument
{
    // After so many edits somebody waits until they are kept.
    private const int KeptOneIn = 4;

    // What one message has brought, of what others did while nothing was read.
    private const int MergedLeast = 5;
    private static readonly long _readAgain = TimeSpan.FromSeconds(1).Ticks;

    private readonly MadeEdits _made;
    private long _checkedVersion = -1;
    private long? _waitsSince;
    private ulong? _acknowledged;

    protected EditedDocument(SimulatedUser user, CollaborativeDocument document, Intentions intentions, MadeEdits made)
    {
        (User, Document, Intentions, _made) = (user, document, intentions, made);
        Presence = new(user, document);
        document.Changed += OnChanged;
        document.Refused += edit => CheckRefusal("An edit", edit.Reason);
        document.StateChanged += state =>
        {
            if (state.Kind != SyncStateKind.Refused)
                return;
            CheckRefusal("All", state.Reason!);
            IsRefused = true;
            made.GiveUp();
            World.Reached.Count(Rare.DeletionsTold);
        };
    }

    public SimulatedUser User { get; }

    public CollaborativeDocument Document { get; }

    public PresenceCheck Presence { get; }

    public bool IsReady => Document.Edits is not null && !IsRefused;

    /// <summary>It was deleted, and this client was told.</summary>
    public bool IsRefused { get; private set; }

    public int Unsaved => Document.Edits?.Unsaved ?? 0;

    /// <summary>How long an edit has waited, and none has been acknowledged.</summary>
    public TimeSpan Waits => IsReady && _waitsSince is { } since ? TimeSpan.FromTicks(World.Now - since) : default;

    protected Intentions Intentions { get; }

    protected SimulatedWorld World => User.World;

    /// <summary>The edit that is being made.</summary>
    protected UserEdit? Current { get; private set; }

    /// <summary>One edit, whatever comes to mind.</summary>
    /// <returns>False if there was nothing to do.</returns>
    public bool Edit(Random random)
    {
        if (!IsReady)
            return false;
        var before = _made.Count;
        var edit = Current = Intentions.Begin();
        try
        {
            Make(random);
        }
        catch (OperationException exception)
        {
            World.Fail("unfit", $"{User.Name} could not edit what is shown of {Document.Id}: {exception.Message}");
        }

        Current = null;
        if (_made.Count == before)
        {
            edit.Fate = EditFate.Unknown;
            return false;
        }

        User.Edited();
        _waitsSince ??= World.Now;
        if (User.HasOutbox && random.Next(KeptOneIn) == 0)
            _ = AwaitKeptAsync(_made.Count);
        return true;
    }

    /// <summary>Shows a caret or a selection to the others.</summary>
    public abstract void Select(Random random);

    /// <summary>The client has taken a message: compares what it has with what is true.</summary>
    public void Compare()
    {
        if (Document.Edits is not { } edits)
            return;
        _made.SetUnsaved(edits.Unsaved);
        // Numbers follow each other, and all but the one in flight are acknowledged.
        var acknowledged = edits.InFlight ? edits.Sequence - 1 : edits.Sequence;
        if (edits.Unsaved == 0)
            _waitsSince = null;
        else if (acknowledged > _acknowledged)
            _waitsSince = World.Now;
        for (var sequence = (_acknowledged ?? acknowledged) + 1; sequence <= acknowledged; sequence++)
            User.Truth.Acknowledged(Document.Id, User.Client.ClientId, sequence);
        _acknowledged = acknowledged;
        if (edits.Version < _checkedVersion)
            World.Fail("went back", $"{User.Name} went back from version {_checkedVersion} of {Document.Id} to {edits.Version}.");
        if (edits.Version == _checkedVersion)
            return;
        if (_checkedVersion >= 0 && edits.Version >= _checkedVersion + MergedLeast && User.Line.ReadAgainAt > World.Now - _readAgain)
            World.Reached.Count(Rare.Merges);
        _checkedVersion = edits.Version;
        User.Truth.Shown(User.Name, Document.Id, edits.Version, edits.Committed);
    }

    /// <summary>What goes to the outbox just now.</summary>
    public KeptMark? Mark() => Document.Edits is { } edits && !IsRefused
        ? new(_made.Count - edits.Unsaved, _made.Count, edits.Shown.Fork())
        : null;

    /// <summary>It was opened from the outbox: compares it with what was kept.</summary>
    public void CompareWithKept(KeptMark? mark)
    {
        if (mark is null || Document.Edits is not { } edits)
        {
            if (mark is not null)
                World.Fail("not kept", $"{User.Name} opens {Document.Id}, and nothing of it is there.");
            return;
        }

        if (edits.Unsaved != mark.Made - mark.Saved)
            World.Fail("not kept", $"{User.Name} opens {Document.Id} with {edits.Unsaved} pending edits; {mark.Made - mark.Saved} were kept.");
        if (!Truth.IsSame(edits.Shown, mark.Shown))
            World.Fail("not kept", $"{User.Name} opens {Document.Id} as {Truth.Content(edits.Shown)}; kept was {Truth.Content(mark.Shown)}.");
        Compare();
    }

    /// <summary>When all is quiet: what an editor shows is what the document is.</summary>
    public abstract void CompareWhenQuiet();

    protected abstract void Make(Random random);

    protected abstract void Changed(DocumentChange change, UserEdit? edit);

    private void CheckRefusal(string what, Refusal reason)
    {
        if (reason.Code != Protocol.V1.ErrorCode.DocumentNotFound || !User.Truth.Documents[Document.Id].IsDeleted)
            World.Fail("refused", $"{what} of {User.Name} in {Document.Id} was refused: {reason}");
    }

    private void OnChanged(DocumentChange change)
    {
        var isOurs = change.Source is ChangeSource.Local or ChangeSource.Undo or ChangeSource.Redo;
        if (isOurs)
            _made.Add(Current!);
        Changed(change, isOurs ? Current : null);
    }

    private async Task AwaitKeptAsync(int count)
    {
        await Document.WhenKeptAsync();
        _made.SetKept(count);
    }
}
