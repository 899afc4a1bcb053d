// A document's talk with the server: open, submit, follow what is committed, open again when something is amiss.

using System.Buffers;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Client;

public sealed partial class CollaborativeDocument
{
    private const int MessageOverheadBytes = 512;

    private Stage _stage = Stage.Away;
    private bool _closeFirst;
    private bool _fromSnapshot;
    private bool _openedFrom;
    private bool _submitted;
    private bool _queued;
    private bool _closed;
    private int _failures;
    private TimeSpan? _retryAt;
    private long _head;
    private Refusal? _refusal;

    // How far the document has come on this connection.
    private enum Stage
    {
        // There is no connection, or the document is not to be opened before _retryAt.
        Away,

        // Open is to be sent.
        OpenDue,

        // Open was sent.
        Opening,

        // Open; what was committed in the meantime is on its way.
        CatchingUp,

        // Everything up to the head at the opening has arrived: what wasn't among it wasn't committed.
        Following,
    }

    internal bool OpenOnServer => _stage >= Stage.Opening;

    /// <summary>Bytes that the next Write adds to a frame, at most.</summary>
    internal int BytesDue => MessageOverheadBytes + _presenceState.Length * 3
        + (_pending is { Operations: [var first, ..] } ? first.Operation.Length : 0);

    internal void MarkDue()
    {
        if (_queued || _stage == Stage.Away || _closed)
            return;
        _queued = true;
        _client.Enqueue(this);
    }

    internal void Connected()
    {
        if (_refusal is not null)
            return;
        if (_ready.Task.IsFaulted)
            _ready = NewWaiter();
        if (!_client.IsLive)
            return;
        _retryAt = null;
        _closeFirst = false;
        _stage = Stage.OpenDue;
        MarkDue();
    }

    internal void Disconnected()
    {
        _stage = Stage.Away;
        _retryAt = null;
        ForgetOthers();
    }

    internal void OnAlarm()
    {
        if (_retryAt is not { } at)
            return;
        if (at > _client.Now)
        {
            _client.SetAlarm(at);
            return;
        }

        _retryAt = null;
        if (_stage == Stage.Away && _client.IsLive && _refusal is null)
            _stage = Stage.OpenDue;
        MarkDue();
    }

    /// <summary>Adds to a frame what there is to say now.</summary>
    internal void Write(ClientFrame frame)
    {
        _queued = false;
        if (_closed)
            return;
        if (_stage == Stage.OpenDue)
        {
            if (_closeFirst)
                frame.Messages.Add(new ClientMessage { Close = new() { DocumentId = Id, ComesBack = true } });
            Open open = new() { DocumentId = Id };
            _openedFrom = _pending is not null && !_fromSnapshot;
            if (_openedFrom)
                open.FromVersion = (ulong)_pending!.Version;
            frame.Messages.Add(new ClientMessage { Open = open });
            _stage = Stage.Opening;
            _submitted = false;
            _presence.Reset(_client.User, hasBeenHere: _pending is not null);
        }

        if (_stage != Stage.Following || _retryAt is not null)
            return;
        var next = _submitted ? null : _pending!.Next();
        CompleteWaiters();
        if (next is not null && next.Operation.Length > _client.Limits!.OperationBytes)
        {
            // Sent, it would take the connection down with it.
            RefuseInFlight(new(
                ErrorCode.OperationTooLarge, "The operation is larger than the server accepts.", "operation_bytes",
                _client.Limits.OperationBytes));
        }
        else if (next is not null && _kept?.Holds(next) != false)
        {
            _submitted = true;
            frame.Messages.Add(new ClientMessage
            {
                Submit = new()
                {
                    DocumentId = Id,
                    BaseVersion = (ulong)_pending!.Version,
                    ClientSeq = _pending.Sequence,
                    Operation = UnsafeByteOperations.UnsafeWrap(next.Operation),
                },
            });
        }

        // A selection means something to the others only if they have the text that it is in.
        if (_pending!.Unsaved == 0 && _presence.Tell(_selection, _presenceState, _client.User))
        {
            frame.Messages.Add(new ClientMessage
            {
                SetPresence = new()
                {
                    DocumentId = Id,
                    Version = (ulong)_pending.Version,
                    Selection = _selection is { } at ? new() { Anchor = (uint)at.Anchor, Focus = (uint)at.Focus } : null,
                    State = _presenceState,
                    User = _client.User.ToWire(),
                },
            });
        }
    }

    internal void Handle(Opened opened)
    {
        // A snapshot that wasn't asked for is the answer to an Open of before this document was closed and opened again.
        if (_stage != Stage.Opening || (opened.HasSnapshot && _openedFrom))
            return;
        SetTitle(opened.Title);
        _head = (long)opened.Head;
        if (opened.HasSnapshot)
        {
            if (DocumentType.Find(opened.Type) is not { } type)
            {
                Refuse(new(ErrorCode.Unspecified, $"This client doesn't know documents of type '{opened.Type}'."));
                return;
            }

            try
            {
                Begin(type.DecodeSnapshot(opened.Snapshot.Span), (long)opened.Version);
            }
            catch (OperationException exception)
            {
                _client.Drop(new($"The server sent a snapshot that can't be read: {exception.Message}"));
                return;
            }
        }
        else if (_pending is null || (long)opened.Version != _pending.Version)
        {
            Reopen(fromSnapshot: true);
            return;
        }

        _pending!.ComposeBytes = ComposeBytes;
        _stage = Stage.CatchingUp;
        Follow();
        _ready.TrySetResult();
    }

    internal void Handle(Committed committed)
    {
        if (_stage < Stage.CatchingUp)
            return;
        var version = (long)committed.BaseVersion;
        foreach (var operation in committed.Operations)
        {
            var count = Math.Max(1, (long)operation.Count);
            if (version + count <= _pending!.Version)
            {
                version += count;
                continue;
            }

            // Law 5: a gap heals itself. The server has what is missing.
            if (version != _pending.Version)
            {
                Reopen();
                return;
            }

            try
            {
                Receive(operation, count);
            }
            catch (OperationException)
            {
                Reopen(fromSnapshot: true);
                return;
            }

            version += count;
        }

        Follow();
    }

    internal void Handle(Ack ack)
    {
        if (!IsInFlight(ack.ClientSeq) || (long)ack.Version > _pending!.Version)
            return;
        // It is in a snapshot that was read while it was in flight.
        TakeBack(refused: false);
        Settled();
    }

    internal void Handle(PresenceChanged changed)
    {
        if (_stage < Stage.CatchingUp)
            return;
        _presence.Receive(changed, _pending!.Committed.Length, (long)changed.Version == _pending.Version);
        RaisePresenceChanged();
    }

    internal void Handle(Renamed renamed) => SetTitle(renamed.Title);

    internal void Handle(Closed closed)
    {
        if (_stage < Stage.Opening)
            return;
        if (closed.Reason == ClosedReason.Deleted)
            Refuse(new(ErrorCode.DocumentNotFound, closed.Message));
        else
            Reopen(closeFirst: false);
    }

    internal void Handle(Error error)
    {
        if (error.ClientSeq != 0 && !IsInFlight(error.ClientSeq))
            return;
        var wait = TimeSpan.FromMilliseconds(error.RetryAfterMs);
        if (error.ClientSeq != 0)
        {
            if (error.Retry == Retry.Later)
            {
                _submitted = false;
                RetryIn(_client.Backoff(_failures++, wait));
            }
            else if (error.Retry == Retry.Reopen)
            {
                Reopen();
            }
            else
            {
                RefuseInFlight(error.ToRefusal());
            }
        }
        else if (error.Code is ErrorCode.PresenceInvalid or ErrorCode.PresenceTooLarge)
        {
            // The others don't see it; nothing else is the matter.
        }
        else if (error.Code == ErrorCode.VersionUnknown && _pending is not null && !_fromSnapshot)
        {
            // The server has lost the version that we have: it was restored from an older copy.
            Reopen(fromSnapshot: true, closeFirst: false);
        }
        else if (error.Code == ErrorCode.DocumentAlreadyOpen)
        {
            // A Closed of the session before the last crossed our Open on the way: what is open is ours, and stale.
            Reopen();
        }
        else if (error.Retry == Retry.Never && error.Code != ErrorCode.DocumentNotOpen)
        {
            Refuse(error.ToRefusal());
        }
        else
        {
            Reopen(closeFirst: false, atLeast: wait);
        }
    }

    /// <summary>Brings <see cref="State"/> up to date; returns the unsaved edits.</summary>
    internal int UpdateState()
    {
        var unsaved = _pending?.Unsaved ?? 0;
        var reason = _refusal ?? _client.Refusal;
        var kind = _closed ? SyncStateKind.Closed
            : reason is not null ? SyncStateKind.Refused
            : _stage == Stage.Following ? SyncStateKind.Live
            : _client.IsConnecting ? SyncStateKind.Connecting
            : SyncStateKind.Offline;
        if (State.Kind != kind || State.Unsaved != unsaved || State.Reason != reason)
        {
            SyncState state = new(kind, unsaved, null, reason);
            State = state;
            if (StateChanged is { } changed)
                _client.Raise(() => changed(state));
        }

        return unsaved;
    }

    /// <summary>The connection was refused: nobody need wait any longer.</summary>
    internal void FailWaiters()
    {
        RefusedException exception = new((_refusal ?? _client.Refusal)!);
        foreach (var waiter in TakeWaiters(long.MaxValue))
            Fail(waiter, exception);
        if (!_ready.Task.IsCompleted)
            Fail(_ready, exception);
    }

    private void SetTitle(string title)
    {
        if (title == Title)
            return;
        Title = title;
        if (_kept is not null)
            _kept.Title = title;
        if (Renamed is { } changed)
            _client.Raise(() => changed(title));
    }

    private bool IsInFlight(ulong sequence) => _pending is { InFlight: true } && _pending.Sequence == sequence;

    private void Receive(CommittedOperation operation, long count)
    {
        var bytes = operation.Operation.Memory;
        var type = _pending!.Committed.Type;
        var author = operation.ClientId;
        if (author == _client.ClientId && IsInFlight(operation.ClientSeq))
        {
            var correction = _pending.ReceiveOwn(bytes);
            _kept?.Committed(bytes, 1);
            _undo!.Move(correction);
            _selection = DocumentPresence.Move(type, _selection, correction.Span, Side.Left);
            _presence.Move(type, bytes.Span, author);
            Show(correction, ChangeSource.Correction);
            Settled();
        }
        else
        {
            var change = _pending.Receive(bytes, count);
            _kept?.Committed(bytes, count);
            _presence.Move(type, bytes.Span, author);
            _undo!.Move(change);
            _selection = DocumentPresence.Move(type, _selection, change.Span, Side.Left);
            Show(change, ChangeSource.Remote, author, operation.ClientSeq);
        }

        _failures = 0;
    }

    private int ComposeBytes => Math.Min(_client.Options.ComposeBytes, (int)_client.Limits!.OperationBytes / 2);

    private void NewUndo(DocumentType type)
    {
        var options = _client.Options;
        _undo = new(type, options.UndoSteps, options.UndoBytes, options.UndoPause);
    }

    // The content at a version, read anew. Edits that were made on another can't be carried over.
    private void Begin(DocumentState state, long version)
    {
        var former = _pending;
        if (former is not null)
            HandBack(new(ErrorCode.VersionUnknown, "The server no longer has the version that this was made on."));
        var last = Math.Max(_client.LastSequence(Id), _kept?.Sequence ?? 0);
        _pending = new(state, version, former?.Sequence ?? last, ComposeBytes);
        _kept?.Replace(_pending);
        NewUndo(state.Type);
        _fromSnapshot = false;
        if (former is not null)
        {
            _selection = null;
            Show(Anew(former.Shown, state), ChangeSource.Correction);
        }
    }

    private static ReadOnlyMemory<byte> Anew(DocumentState former, DocumentState state)
    {
        if (state.Type != DocumentType.Json)
            return Delta.Build().Delete(former.Length).ToDelta().Compose(Delta.FromState(state)).Bytes;
        ArrayBufferWriter<byte> snapshot = new(), operation = new();
        state.EncodeSnapshot(snapshot);
        state.Type.EncodeCreation(snapshot.WrittenSpan, operation);
        return operation.WrittenMemory;
    }

    // The operation in flight is dealt with.
    private void Settled()
    {
        _submitted = false;
        MarkDue();
        CompleteWaiters();
    }

    private void CompleteWaiters()
    {
        if (_waiters.Count == 0)
            return;
        foreach (var waiter in TakeWaiters(_edits - _pending!.Unsaved))
            waiter.TrySetResult();
    }

    private void Follow()
    {
        if (_stage == Stage.CatchingUp && _pending!.Version >= _head)
        {
            _stage = Stage.Following;
            MarkDue();
        }
    }

    private void RetryIn(TimeSpan wait)
    {
        _retryAt = _client.Now + wait;
        _client.SetAlarm(_retryAt.Value);
    }

    // At once the first time; if that didn't help, later and later.
    private void Reopen(bool fromSnapshot = false, bool closeFirst = true, TimeSpan atLeast = default)
    {
        _fromSnapshot |= fromSnapshot;
        _closeFirst = closeFirst;
        ForgetOthers();
        if (_failures++ == 0 && atLeast == TimeSpan.Zero)
        {
            _stage = Stage.OpenDue;
            _retryAt = null;
            MarkDue();
        }
        else
        {
            _stage = Stage.Away;
            RetryIn(_client.Backoff(_failures, atLeast));
        }
    }

    private void RefuseInFlight(Refusal refusal)
    {
        var taken = TakeBack(refused: true);
        HandBack(taken, refusal);
        // Everybody waits for this one too: it was the oldest.
        foreach (var waiter in TakeWaiters(long.MaxValue))
            Fail(waiter, new RefusedException(refusal));
        Settled();
    }

    // The operation in flight; returns it.
    private ReadOnlyMemory<byte> TakeBack(bool refused)
    {
        var shown = _pending!.Shown.Fork();
        var (taken, change) = _pending.TakeBack(refused);
        _kept?.Changed();
        _undo!.TakeBack(taken, shown, change);
        _selection = DocumentPresence.Move(shown.Type, _selection, change.Span, Side.Left);
        Show(change, ChangeSource.Correction);
        return taken.Operation;
    }

    // The document as a whole. What it shows stays as it is, for the application to keep.
    private void Refuse(Refusal refusal)
    {
        _refusal = refusal;
        _stage = Stage.Away;
        _retryAt = null;
        ForgetOthers();
        HandBack(refusal);
        _kept?.GiveUp();
        FailWaiters();
    }

    private void HandBack(Refusal refusal)
    {
        foreach (var pending in _pending?.Operations ?? [])
            HandBack(pending.Operation, refusal);
        foreach (var waiter in TakeWaiters(long.MaxValue))
            Fail(waiter, new RefusedException(refusal));
    }

    private void HandBack(ReadOnlyMemory<byte> operation, Refusal refusal)
    {
        if (operation.IsNothing() || Refused is not { } refused)
            return;
        var json = OperationBytes.ToJson(_pending!.Committed.Type, operation);
        RefusedEdit edit = new(json is null ? Delta.FromBytes(operation) : Delta.Empty, refusal, json);
        _client.Raise(() => refused(edit));
    }

    private void ForgetOthers()
    {
        if (_presence.IsEmpty)
            return;
        _presence.ForgetOthers();
        RaisePresenceChanged();
    }

    private void RaisePresenceChanged()
    {
        if (PresenceChanged is { } changed)
            _client.Raise(changed);
    }
}
