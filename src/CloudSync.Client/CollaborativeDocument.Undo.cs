// Undo and redo, as the application sees them. The steps are in UndoStack.cs.

using CloudSync.Operations;

namespace CloudSync.Client;

public sealed partial class CollaborativeDocument
{
    private UndoStack? _undo;

    /// <summary>Whether there is an edit of this client's own that <see cref="Undo"/> would take back.</summary>
    public bool CanUndo
    {
        get
        {
            using var _ = _client.Enter();
            return IsEditable && _undo?.NextUndo is not null;
        }
    }

    /// <summary>Whether there is one that was undone, and that <see cref="Redo"/> would do again.</summary>
    public bool CanRedo
    {
        get
        {
            using var _ = _client.Enter();
            return IsEditable && _undo?.NextRedo is not null;
        }
    }

    private bool IsEditable => !_closed && _refusal is null;

    /// <summary>
    /// Takes back the last step of this client's own edits; what others have done meanwhile stays. It is an edit like any
    /// other: shown at once, told by <see cref="Changed"/> (with the selection to restore), and sent.
    /// </summary>
    /// <returns>False if there was nothing to undo.</returns>
    /// <exception cref="RefusedException">The document was refused.</exception>
    public bool Undo()
    {
        using var _ = _client.Enter();
        return Take(_undo?.NextUndo, ChangeSource.Undo);
    }

    /// <summary>Does again what the last <see cref="Undo"/> took back, unless something was edited since.</summary>
    /// <returns>False if there was nothing to redo.</returns>
    /// <exception cref="RefusedException">The document was refused.</exception>
    public bool Redo()
    {
        using var _ = _client.Enter();
        return Take(_undo?.NextRedo, ChangeSource.Redo);
    }

    /// <summary>Lets the next edit begin a step of its own, however soon it comes.</summary>
    public void EndUndoStep()
    {
        using var _ = _client.Enter();
        _undo?.EndStep();
    }

    private bool Take(UndoStep? step, ChangeSource source)
    {
        ThrowUnlessEditable();
        if (step is null)
            return false;
        var type = Pending.Committed.Type;
        ReadOnlyMemory<byte> operation;
        ReadOnlyMemory<byte> inverse;
        PendingOperation carrier;
        try
        {
            operation = step.Compose(type);
            ThrowIfFull(operation);
            inverse = Pending.Shown.Invert(operation);
            carrier = Pending.Add(operation);
        }
        catch (OperationException)
        {
            // What is there by now has no room for it (attributes near their limit, say), or it is too much at once.
            _undo!.Drop(step);
            return false;
        }

        // Where nobody has set a selection, it is left to the editor.
        _selection = step.SelectionAfter ?? DocumentPresence.Move(type, _selection, operation.Span, Side.Right);
        if (source == ChangeSource.Undo)
            _undo!.Undone(inverse, carrier);
        else
            _undo!.Redone(inverse, carrier);
        Edited(operation, source, step.SelectionAfter);
        return true;
    }
}
