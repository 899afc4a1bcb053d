// The whole merge logic of a client: what is committed, what this client has done since, and how each moves over the
// other. Pure: no I/O, no time, no threads.
//
// `Committed` is the fold of what the server committed, so it can't drift from the server's document, whatever happens
// to the pending operations. `Shown` is that with the pending operations on top: what the user sees. Both share their
// structure (DocumentState.Fork), so that keeping the two costs little.

using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>An operation of this client that isn't committed yet, as it applies now.</summary>
internal sealed class PendingOperation(ReadOnlyMemory<byte> operation)
{
    /// <summary>Its binary form, made to follow what is committed and the pending operations before it.</summary>
    public ReadOnlyMemory<byte> Operation { get; set; } = operation;

    /// <summary>How many edits of the user it holds.</summary>
    public int Edits { get; set; } = 1;

    /// <summary>
    /// Whether it was made to follow several operations composed into one, which in rare cases gives another place to an insert than
    /// following them in turn does (docs/operations.md, "Composing and transforming").
    /// </summary>
    public bool FollowedRun { get; set; }

    /// <summary>Whether it is no longer pending.</summary>
    public bool IsSettled { get; set; }
}

/// <summary>A document on its way between what is committed and what the user sees.</summary>
internal sealed class PendingEdits
{
    private const int MaxComposedComponents = 500;

    private readonly DocumentType _type;

    // If `InFlight`, the first has been sent under the name `Sequence`; the others wait.
    private readonly List<PendingOperation> _operations = [];

    /// <param name="committed">The content at <paramref name="version"/>; belongs to this object from here on.</param>
    /// <param name="version">The version of the content.</param>
    /// <param name="sequence">The number of this client's newest operation on this document; 0 if there was none.</param>
    /// <param name="composeBytes">Waiting edits are composed into operations of about this size at most.</param>
    public PendingEdits(DocumentState committed, long version, ulong sequence, int composeBytes)
    {
        _type = committed.Type;
        Committed = Shown = committed;
        Version = version;
        Sequence = sequence;
        ComposeBytes = composeBytes;
    }

    public long Version { get; private set; }

    /// <summary>Waiting edits are composed into operations of about this size at most.</summary>
    public int ComposeBytes { get; set; }

    public DocumentState Committed { get; private set; }

    public DocumentState Shown { get; private set; }

    /// <summary>The number of the operation in flight, or else of the last one that was settled.</summary>
    public ulong Sequence { get; private set; }

    public bool InFlight { get; private set; }

    public IReadOnlyList<PendingOperation> Operations => _operations;

    /// <summary>Edits that are not committed.</summary>
    public int Unsaved { get; private set; }

    /// <summary>How often the server committed an operation of ours otherwise than foreseen here. 0 is expected.</summary>
    public int Divergences { get; private set; }

    /// <summary>How many of <see cref="Divergences"/> are of operations that had followed a composed run.</summary>
    public int RunDivergences { get; private set; }

    /// <summary>The number under which the newest edit was sent, or will be.</summary>
    public ulong NewestSequence => Sequence + (ulong)(_operations.Count - (InFlight ? 1 : 0));

    /// <summary>Takes an edit of the user.</summary>
    /// <returns>The pending operation that it went into.</returns>
    /// <exception cref="OperationException">It doesn't fit what is shown. Nothing has changed.</exception>
    public PendingOperation Add(ReadOnlyMemory<byte> operation)
    {
        if (_operations.Count == 0)
        {
            var shown = Committed.Fork();
            shown.Apply(operation.Span);
            Shown = shown;
        }
        else
        {
            Shown.Apply(operation.Span);
        }

        Unsaved++;
        if (_operations.Count > (InFlight ? 1 : 0)
            && _operations[^1].Operation.Length + operation.Length <= ComposeBytes
            && TryCompose(_operations[^1].Operation, operation, out var composed))
        {
            _operations[^1].Operation = composed;
            _operations[^1].Edits++;
        }
        else
        {
            _operations.Add(new PendingOperation(operation));
        }

        return _operations[^1];
    }

    /// <summary>Puts back what was pending in a former life, on what is committed.</summary>
    /// <exception cref="OperationException">It doesn't fit.</exception>
    public void Restore(IReadOnlyList<(ReadOnlyMemory<byte> Operation, int Edits)> pending, bool inFlight)
    {
        if (pending.Count > 0)
            Shown = Committed.Fork();
        foreach (var (operation, edits) in pending)
        {
            Shown.Apply(operation.Span);
            _operations.Add(new(operation) { Edits = edits });
            Unsaved += edits;
        }

        InFlight = inFlight && pending.Count > 0;
    }

    // Together they may be more than one operation should be: merging JSON looks at every pair of components.
    private bool TryCompose(
        ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, out ReadOnlyMemory<byte> composed)
    {
        try
        {
            composed = _type.Compose(first, second);
            return _type.HasPositions || _type.Measure(composed.Span).Components <= MaxComposedComponents;
        }
        catch (OperationException)
        {
            composed = default;
            return false;
        }
    }

    /// <summary>
    /// What is to be sent, with <see cref="Sequence"/> and <see cref="Version"/>: the operation in flight, or, if there
    /// is none, the next. Null if there is nothing.
    /// </summary>
    public PendingOperation? Next()
    {
        if (!InFlight)
        {
            // Something typed and deleted again before it was sent is nothing.
            while (_operations.Count > 0 && _operations[0].Operation.IsNothing())
                Settle();
            if (_operations.Count == 0)
                return null;
            InFlight = true;
            Sequence++;
        }

        return _operations[0];
    }

    /// <summary>Takes what others committed.</summary>
    /// <param name="operation">The operation, made on <see cref="Version"/>.</param>
    /// <param name="count">The versions it covers.</param>
    /// <returns>The operation that was applied to <see cref="Shown"/>.</returns>
    /// <exception cref="OperationException">It doesn't fit the document. Nothing has changed.</exception>
    public ReadOnlyMemory<byte> Receive(ReadOnlyMemory<byte> operation, long count)
    {
        Committed.Apply(operation.Span);
        Version += count;
        foreach (var pending in _operations)
            pending.FollowedRun |= count > 1;
        return Rebase(operation);
    }

    /// <summary>Takes the operation in flight as the server committed it.</summary>
    /// <returns>What had to be corrected in <see cref="Shown"/>; empty if it was as foreseen.</returns>
    /// <exception cref="OperationException">It doesn't fit the document. Nothing has changed.</exception>
    public ReadOnlyMemory<byte> ReceiveOwn(ReadOnlyMemory<byte> operation)
    {
        var foreseen = _operations[0].Operation;
        ReadOnlyMemory<byte> correction = default;
        if (operation.Span.SequenceEqual(foreseen.Span))
        {
            if (_operations.Count > 1)
                Committed.Apply(operation.Span);
            Settle();
        }
        else
        {
            Divergences++;
            RunDivergences += _operations[0].FollowedRun ? 1 : 0;
            var inverse = Committed.Invert(foreseen);
            Committed.Apply(operation.Span);
            Settle(sameContent: false);
            correction = Rebase(_type.Compose(inverse, operation));
        }

        Version++;
        return correction;
    }

    /// <summary>
    /// Takes the operation in flight back: it was refused, or turned out to be in <see cref="Committed"/> already.
    /// </summary>
    /// <param name="refused">True if its number is free again.</param>
    /// <returns>The operation, and what was applied to <see cref="Shown"/>.</returns>
    public (PendingOperation Operation, ReadOnlyMemory<byte> Change) TakeBack(bool refused)
    {
        var taken = _operations[0];
        var inverse = Committed.Invert(taken.Operation);
        Settle(sameContent: false);
        if (refused)
            Sequence--;
        return (taken, Rebase(inverse));
    }

    /// <summary>Moves a position in <see cref="Committed"/> to where it is in <see cref="Shown"/>.</summary>
    public int ToShown(int position)
    {
        foreach (var pending in _operations)
            position = _type.TransformPosition(position, pending.Operation.Span, Side.Left);
        return position;
    }

    // Moves the pending operations over a change of the ground below them, and the change over them.
    private ReadOnlyMemory<byte> Rebase(ReadOnlyMemory<byte> change)
    {
        foreach (var pending in _operations)
        {
            var moved = _type.Transform(pending.Operation, change, Side.Right);
            change = _type.Transform(change, pending.Operation, Side.Left);
            pending.Operation = moved;
        }

        if (_operations.Count == 0)
            Shown = Committed;
        else
            Shown.Apply(change.Span);
        return change;
    }

    private void Settle(bool sameContent = true)
    {
        Unsaved -= _operations[0].Edits;
        _operations[0].IsSettled = true;
        _operations.RemoveAt(0);
        InFlight = false;
        if (_operations.Count == 0 && sameContent)
            Committed = Shown;
    }
}
