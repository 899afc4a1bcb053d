// All edits of one person in one document, in the order in which they were made, and how far each has come. With an outbox they
// outlive the program that they were made with.

using CloudSync.Operations;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

/// <summary>What an outbox was given of a document.</summary>
/// <param name="Saved">So many of the edits were acknowledged.</param>
/// <param name="Made">So many were made: those in between are pending.</param>
/// <param name="Shown">The content with them.</param>
internal sealed record KeptMark(int Saved, int Made, DocumentState Shown);

internal sealed class MadeEdits(SimulatedWorld world, string who)
{
    private readonly List<UserEdit> _edits = [];
    private int _saved;
    private int _kept;
    private bool _givenUp;

    public int Count => _edits.Count;

    public void Add(UserEdit edit) => _edits.Add(edit);

    /// <summary>The client says how many are not acknowledged: the newest ones.</summary>
    public void SetUnsaved(int unsaved)
    {
        while (_saved < _edits.Count - unsaved)
            _edits[_saved++].Fate = EditFate.Saved;
    }

    /// <summary>The client has said that the first ones would survive the end of the program.</summary>
    public void SetKept(int count) => _kept = Math.Max(_kept, count);

    /// <summary>The client is gone; what it has not saved may or may not have been.</summary>
    public void Abandon()
    {
        while (_saved < _edits.Count)
            _edits[_saved++].Fate = EditFate.Unknown;
    }

    /// <summary>The document was deleted, and what was pending handed back. Until that is kept, it may be handed back once more.</summary>
    public void GiveUp()
    {
        Abandon();
        _edits.Clear();
        (_saved, _kept, _givenUp) = (0, 0, true);
    }

    /// <summary>The program has ended, and this is what the disk has of it.</summary>
    /// <param name="mark">Null if there is nothing.</param>
    /// <param name="all">Whether it has ended in peace, so that nothing may be lost.</param>
    public void Reload(KeptMark? mark, bool all)
    {
        if (_givenUp)
        {
            GiveUp();
            return;
        }

        var made = mark?.Made ?? 0;
        if (made < _kept)
            world.Fail("not kept", $"{who}: {_kept} edits were told to be kept, and {made} are.");
        if (made < _saved)
            world.Fail("not kept", $"{who}: {_saved} edits were acknowledged, and the outbox knows of {made}.");
        if (all && made < _edits.Count)
            world.Fail("not kept", $"{who}: the client was closed after {_edits.Count} edits, and {made} were kept.");
        // An edit is sent when it is kept, so nobody has ever seen these.
        foreach (var edit in _edits.Skip(made))
            edit.Lose();
        world.Reached.Count(Rare.EditsLost, _edits.Count - made);
        if (mark is not null && mark.Saved < made)
            world.Reached.Count(Rare.OutboxReloads);
        _edits.RemoveRange(made, _edits.Count - made);
        // What is read is flushed first.
        _kept = made;
    }
}
