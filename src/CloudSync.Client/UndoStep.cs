// What one undo, or one redo, does.

using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>A step back (or forth again): operations that follow each other, from what is shown.</summary>
internal sealed class UndoStep
{
    // The oldest edit's first; so they are applied from the last to the first. More than one only while the edits are on
    // their way in several operations, any of which may still be refused.
    private readonly List<Part> _parts = [];

    /// <summary>The selection that belongs to what is shown before the step is taken.</summary>
    public Selection? SelectionBefore { get; set; }

    /// <summary>The selection to show when it was taken.</summary>
    public Selection? SelectionAfter { get; set; }

    public int Bytes => _parts.Sum(static part => part.Operation.Length);

    public bool IsEmpty => _parts.Count == 0;

    /// <summary>Puts an operation in front: it is applied first.</summary>
    /// <param name="operation">What takes the newest edit back.</param>
    /// <param name="carrier">The pending operation that the edit went into.</param>
    /// <param name="type">The type of the document.</param>
    public void Add(ReadOnlyMemory<byte> operation, PendingOperation carrier, DocumentType type)
    {
        Part part = new(operation, carrier);
        while (_parts.Count > 0 && (_parts[^1].Carrier == part.Carrier || _parts[^1].IsSettled && part.IsSettled))
        {
            part = new(type.Compose(part.Operation, _parts[^1].Operation), part.Carrier);
            _parts.RemoveAt(_parts.Count - 1);
        }

        // What was on its way and has arrived needn't be told apart any more.
        for (var i = _parts.Count - 1; i > 0; i--)
        {
            if (_parts[i].IsSettled && _parts[i - 1].IsSettled)
            {
                _parts[i - 1] = new(type.Compose(_parts[i].Operation, _parts[i - 1].Operation), null);
                _parts.RemoveAt(i);
            }
        }

        if (!part.Operation.IsNothing())
            _parts.Add(part);
    }

    /// <summary>All that it does, as one operation on what is shown.</summary>
    public ReadOnlyMemory<byte> Compose(DocumentType type)
    {
        var operation = _parts[^1].Operation;
        for (var i = _parts.Count - 2; i >= 0; i--)
            operation = type.Compose(operation, _parts[i].Operation);
        return operation;
    }

    public bool IsCarriedBy(PendingOperation carrier) => _parts.Exists(part => part.Carrier == carrier);

    /// <summary>Moves the step over a change of what is shown.</summary>
    /// <returns>The change, as it is after the step.</returns>
    public ReadOnlyMemory<byte> Move(ReadOnlyMemory<byte> change, DocumentType type)
    {
        SelectionBefore = Move(type, SelectionBefore, change);
        for (var i = _parts.Count - 1; i >= 0; i--)
            change = Move(i, change, type);
        SelectionAfter = Move(type, SelectionAfter, change);
        return change;
    }

    /// <summary>
    /// As <see cref="Move(ReadOnlyMemory{byte}, DocumentType)"/>, the change being that an operation of ours was taken
    /// back: what would take back the same once more is left out.
    /// </summary>
    /// <param name="change">The change of what is shown.</param>
    /// <param name="state">What was shown without the change, and with the steps before this; is moved on.</param>
    /// <param name="taken">What was taken back.</param>
    public ReadOnlyMemory<byte> Move(ReadOnlyMemory<byte> change, DocumentState state, PendingOperation taken)
    {
        var type = state.Type;
        SelectionBefore = Move(type, SelectionBefore, change);
        for (var i = _parts.Count - 1; i >= 0; i--)
        {
            var operation = _parts[i].Operation;
            if (_parts[i].Carrier == taken)
            {
                // From where this part would have led to where the change leads: mostly the same place.
                change = operation.Span.SequenceEqual(change.Span)
                    ? default
                    : type.Compose(state.Invert(operation), change);
                _parts.RemoveAt(i);
            }
            else
            {
                change = Move(i, change, type);
            }

            state.Apply(operation.Span);
        }

        SelectionAfter = Move(type, SelectionAfter, change);
        return change;
    }

    private static Selection? Move(DocumentType type, Selection? selection, ReadOnlyMemory<byte> change) =>
        DocumentPresence.Move(type, selection, change.Span, Side.Left);

    // Others' edits have priority: of two values of one attribute theirs stays.
    private ReadOnlyMemory<byte> Move(int index, ReadOnlyMemory<byte> change, DocumentType type)
    {
        var part = _parts[index];
        var moved = type.Transform(part.Operation, change, Side.Right);
        var after = type.Transform(change, part.Operation, Side.Left);
        if (moved.IsNothing())
            _parts.RemoveAt(index);
        else
            _parts[index] = part with { Operation = moved };
        return after;
    }

    private readonly record struct Part(ReadOnlyMemory<byte> Operation, PendingOperation? Carrier)
    {
        public bool IsSettled => Carrier is null or { IsSettled: true };
    }
}
