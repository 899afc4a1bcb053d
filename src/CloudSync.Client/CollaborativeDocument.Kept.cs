// A document's part in the outbox (KeptDocument.cs).

namespace CloudSync.Client;

public sealed partial class CollaborativeDocument
{
    private readonly KeptDocument? _kept;

    /// <summary>
    /// With an outbox: completes when all that was edited until now is in it, and so survives the end of the program. An
    /// edit is sent after that, so <see cref="WhenSavedAsync"/> says more.
    /// </summary>
    /// <exception cref="InvalidOperationException">The client has no outbox.</exception>
    public Task WhenKeptAsync()
    {
        using var _ = _client.Enter();
        return _kept is null
            ? throw new InvalidOperationException("The client has no outbox (CloudSyncClientOptions.Outbox).")
            : _kept.WhenKeptAsync();
    }

    // What a former life, or a former opening, has left.
    private void Restore()
    {
        if (_kept is null)
            return;
        _kept.Owner = this;
        if (_kept.Edits is not { } edits)
            return;
        _pending = edits;
        _edits = edits.Unsaved;
        Title = _kept.Title;
        NewUndo(edits.Committed.Type);
        _ready.TrySetResult();
    }

    private void LeaveKept()
    {
        if (_kept is null)
            return;
        // So that what is opened next time is as new as what was seen here.
        if (_kept.Edits is not null)
            _kept.Changed();
        _kept.Owner = null;
        _client.Release(_kept, Id);
    }

    private void ThrowIfFull(ReadOnlyMemory<byte> operation)
    {
        if (_kept is null)
            return;
        var limit = _client.Options.OutboxBytes;
        if (Pending.Operations.Sum(static pending => (long)pending.Operation.Length) + operation.Length > limit)
            throw new OutboxFullException(limit);
    }
}
