// A document as one person has it open: edits it, keeps what an editor would show from what the client tells of changes alone, and
// compares.

using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal abstract class EditedDocument
{
    private readonly Queue<UserEdit> _unsaved = new();
    private long _checkedVersion = -1;
    private ulong? _acknowledged;

    protected EditedDocument(SimulatedUser user, CollaborativeDocument document, Intentions intentions)
    {
        (User, Document, Intentions) = (user, document, intentions);
        document.Changed += OnChanged;
        document.Refused += edit => World.Fail(
            "refused", $"An edit of {user.Name} in {document.Id} was refused: {edit.Reason}");
    }

    public SimulatedUser User { get; }

    public CollaborativeDocument Document { get; }

    public bool IsReady => Document.Edits is not null;

    public int Unsaved => Document.Edits?.Unsaved ?? 0;

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
        var before = Unsaved;
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
        // Nothing was done, or what was done undoes itself.
        if (Unsaved == before)
        {
            edit.Fate = EditFate.Unknown;
            return false;
        }

        _unsaved.Enqueue(edit);
        User.Edited();
        return true;
    }

    /// <summary>Shows a caret or a selection to the others.</summary>
    public abstract void Select(Random random);

    /// <summary>The client has taken a message: compares what it has with what is true.</summary>
    public void Compare()
    {
        if (Document.Edits is not { } edits)
            return;
        while (_unsaved.Count > edits.Unsaved)
            _unsaved.Dequeue().Fate = EditFate.Saved;
        // Numbers follow each other, and all but the one in flight are acknowledged.
        var acknowledged = edits.InFlight ? edits.Sequence - 1 : edits.Sequence;
        for (var sequence = (_acknowledged ?? acknowledged) + 1; sequence <= acknowledged; sequence++)
            User.Truth.Acknowledged(Document.Id, User.Client.ClientId, sequence);
        _acknowledged = acknowledged;
        if (edits.Version < _checkedVersion)
            World.Fail("went back", $"{User.Name} went back from version {_checkedVersion} of {Document.Id} to {edits.Version}.");
        if (edits.Version == _checkedVersion)
            return;
        _checkedVersion = edits.Version;
        User.Truth.Shown(User.Name, Document.Id, edits.Version, edits.Committed);
    }

    /// <summary>The client is gone; what it has not saved may or may not have been.</summary>
    public void Abandon()
    {
        foreach (var edit in _unsaved)
            edit.Fate = EditFate.Unknown;
        _unsaved.Clear();
    }

    /// <summary>When all is quiet: what an editor shows is what the document is.</summary>
    public abstract void CompareWhenQuiet();

    protected abstract void Make(Random random);

    protected abstract void Changed(DocumentChange change, UserEdit? edit);

    private void OnChanged(DocumentChange change) => Changed(change, change.Source switch
    {
        ChangeSource.Local or ChangeSource.Undo or ChangeSource.Redo => Current,
        _ => null,
    });
}
