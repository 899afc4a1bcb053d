// What one user can undo and redo in one document. Pure: no I/O, no clock, no threads.
//
// It follows what is shown. Steps lie in the order in which they would be taken: the last is an operation on what is
// shown, the one below it on what would be shown then. A change by somebody else goes down through them, moving each and
// being moved by it, just as it goes through pending edits. So a step takes back what its user did and nothing else.

using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>The steps back and forth that a user can take.</summary>
/// <param name="type">The type of the document.</param>
/// <param name="maxSteps">How many are kept.</param>
/// <param name="maxBytes">How many bytes they have together; the newest is kept whatever it has.</param>
/// <param name="pause">Edits that come closer together than this, and touch, are one step.</param>
internal sealed class UndoStack(DocumentType type, int maxSteps, long maxBytes, TimeSpan pause)
{
    // A step that has grown to this ends: composing one more keystroke with it costs its size.
    private const int MaxStepBytes = 32 << 10;

    // Changes by others are gathered, for it costs the number of steps to move all of them.
    private const int MaxGatheredBytes = 4 << 10;

    private readonly List<UndoStep> _undo = [];
    private readonly List<UndoStep> _redo = [];
    private ReadOnlyMemory<byte> _gathered;
    private EditPlace _place;
    private TimeSpan _editedAt;
    private bool _open;

    /// <summary>Whether any steps are kept.</summary>
    public bool IsKept => maxSteps > 0;

    /// <summary>The step that an undo would take, or null.</summary>
    public UndoStep? NextUndo => Next(_undo);

    /// <summary>The step that a redo would take, or null.</summary>
    public UndoStep? NextRedo => Next(_redo);

    /// <summary>Takes note of an edit of the user.</summary>
    /// <param name="edit">The edit.</param>
    /// <param name="inverse">What takes it back.</param>
    /// <param name="carrier">The pending operation that it went into.</param>
    /// <param name="now">When.</param>
    /// <param name="before">The selection before it.</param>
    /// <param name="after">The selection after it.</param>
    public void Record(
        ReadOnlyMemory<byte> edit, ReadOnlyMemory<byte> inverse, PendingOperation carrier, TimeSpan now,
        Selection? before, Selection? after)
    {
        if (!IsKept || inverse.IsNothing())
            return;
        MoveAll();
        _redo.Clear();
        var place = EditPlace.Of(type, edit);
        if (!_open || _undo.Count == 0 || now - _editedAt > pause || !place.Touches(_place)
            || _undo[^1].Bytes + inverse.Length > MaxStepBytes)
        {
            _undo.Add(new UndoStep { SelectionAfter = before });
        }

        (_open, _editedAt, _place) = (true, now, place);
        try
        {
            _undo[^1].Add(inverse, carrier, type);
            _undo[^1].SelectionBefore = after;
            // What was typed and deleted again is no step.
            if (_undo[^1].IsEmpty || _undo[^1].Compose(type).IsNothing())
                _undo.RemoveAt(_undo.Count - 1);
        }
        catch (OperationException)
        {
            // More than the type takes into one operation. The edit was made; but what lies below it can't be reached.
            _undo.Clear();
            _open = false;
        }

        Trim(_undo);
    }

    /// <summary>The next edit begins a new step.</summary>
    public void EndStep() => _open = false;

    /// <summary>Takes note that the next undo was done.</summary>
    /// <param name="inverse">What takes it back.</param>
    /// <param name="carrier">The pending operation that it went into.</param>
    public void Undone(ReadOnlyMemory<byte> inverse, PendingOperation carrier) => Turn(_undo, _redo, inverse, carrier);

    /// <summary>Takes note that the next redo was done.</summary>
    /// <param name="inverse">What takes it back.</param>
    /// <param name="carrier">The pending operation that it went into.</param>
    public void Redone(ReadOnlyMemory<byte> inverse, PendingOperation carrier) => Turn(_redo, _undo, inverse, carrier);

    /// <summary>Gives up the next undo or redo, which can't be done, and what lies below it.</summary>
    public void Drop(UndoStep step) => (_undo.Contains(step) ? _undo : _redo).Clear();

    /// <summary>What is shown has been changed by somebody else, or corrected.</summary>
    public void Move(ReadOnlyMemory<byte> change)
    {
        if (_undo.Count + _redo.Count == 0 || change.IsNothing())
            return;
        if (!_gathered.IsNothing() && _gathered.Length + change.Length > MaxGatheredBytes)
            MoveAll();
        try
        {
            _gathered = _gathered.IsNothing() ? change : type.Compose(_gathered, change);
        }
        catch (OperationException)
        {
            // More than the type takes into one operation: one after the other.
            MoveAll();
            _gathered = change;
        }
    }

    /// <summary>An operation of ours was taken back: its edits are no longer there to be undone.</summary>
    /// <param name="taken">The operation.</param>
    /// <param name="shown">What was shown before.</param>
    /// <param name="change">How that has changed.</param>
    public void TakeBack(PendingOperation taken, DocumentState shown, ReadOnlyMemory<byte> change)
    {
        MoveAll();
        TakeBack(_undo, taken, shown, change);
        TakeBack(_redo, taken, shown, change);
        _open = false;
    }

    private UndoStep? Next(List<UndoStep> steps)
    {
        MoveAll();
        return steps.Count > 0 ? steps[^1] : null;
    }

    private void Turn(
        List<UndoStep> from, List<UndoStep> to, ReadOnlyMemory<byte> inverse, PendingOperation carrier)
    {
        var done = from[^1];
        from.RemoveAt(from.Count - 1);
        UndoStep back = new() { SelectionBefore = done.SelectionAfter, SelectionAfter = done.SelectionBefore };
        back.Add(inverse, carrier, type);
        if (!back.IsEmpty)
            to.Add(back);
        Trim(to);
        _open = false;
    }

    private void MoveAll()
    {
        if (_gathered.IsNothing())
            return;
        var change = _gathered;
        _gathered = default;
        Move(_undo, change, (step, over) => step.Move(over, type));
        Move(_redo, change, (step, over) => step.Move(over, type));
        _place = _place.Move(type, change.Span);
    }

    private void TakeBack(
        List<UndoStep> steps, PendingOperation taken, DocumentState shown, ReadOnlyMemory<byte> change)
    {
        var state = shown.Fork();
        Move(steps, change, steps.Exists(step => step.IsCarriedBy(taken))
            ? (step, over) => step.Move(over, state, taken)
            : (step, over) => step.Move(over, type));
    }

    private static void Move(
        List<UndoStep> steps, ReadOnlyMemory<byte> change,
        Func<UndoStep, ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> move)
    {
        for (var i = steps.Count - 1; i >= 0; i--)
        {
            try
            {
                change = move(steps[i], change);
            }
            catch (OperationException)
            {
                // More work than the type takes on itself: neither this nor what lies below can be moved.
                steps.RemoveRange(0, i + 1);
                return;
            }

            if (steps[i].IsEmpty)
                steps.RemoveAt(i);
        }
    }

    private void Trim(List<UndoStep> steps)
    {
        var bytes = 0L;
        var kept = 0;
        while (kept < steps.Count && kept < maxSteps && (bytes += steps[^(kept + 1)].Bytes) <= maxBytes | kept == 0)
            kept++;
        steps.RemoveRange(0, steps.Count - kept);
    }
}
