// One document, as the application sees it. How it talks with the server is in CollaborativeDocument.Sync.cs.

using System.Text;
using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>
/// A document that others edit at the same time. Edits show at once and are sent, and sent again, until the server has
/// acknowledged them. Thread-safe; see <see cref="CloudSyncClient"/> for how events are raised.
/// </summary>
public sealed partial class CollaborativeDocument : IDisposable
{
    // Until the server has said what it accepts.
    private const int DefaultPresenceBytes = 4096;

    private readonly CloudSyncClient _client;
    private readonly DocumentPresence _presence;
    private readonly List<(long Edits, TaskCompletionSource Saved)> _waiters = [];
    private TaskCompletionSource _ready = NewWaiter();
    private PendingEdits? _pending;
    private Delta? _content;
    private Selection? _selection;
    private string _presenceState = "";
    private long _edits;

    internal CollaborativeDocument(CloudSyncClient client, string id, KeptDocument? kept)
    {
        _client = client;
        Id = id;
        _presence = new(client.ClientId);
        State = new(SyncStateKind.Connecting);
        _kept = kept;
        Restore();
    }

    /// <summary>Raised when what the document shows has changed, by anybody.</summary>
    public event Action<DocumentChange>? Changed;

    /// <summary>Raised when an edit was refused by the server: the edit is handed back.</summary>
    public event Action<RefusedEdit>? Refused;

    /// <summary>Raised when <see cref="State"/> has changed.</summary>
    public event Action<SyncState>? StateChanged;

    /// <summary>Raised when <see cref="Title"/> has changed.</summary>
    public event Action<string>? Renamed;

    /// <summary>Raised when <see cref="Presence"/> has changed otherwise than by an edit.</summary>
    public event Action? PresenceChanged;

    /// <summary>The document's id.</summary>
    public string Id { get; }

    /// <summary>The document's title, as the server said last.</summary>
    public string Title { get; private set; } = "";

    /// <summary>How things stand between this document and the server.</summary>
    public SyncState State { get; private set; }

    /// <summary>Completes when the document has its content; fails with <see cref="RefusedException"/> if it won't.</summary>
    public Task Ready => _ready.Task;

    /// <summary>The type of the document.</summary>
    /// <exception cref="InvalidOperationException">Not yet <see cref="Ready"/>; so in all that follows.</exception>
    public DocumentType Type => Read(static pending => pending.Committed.Type);

    /// <summary>The newest version that has arrived here.</summary>
    public long Version => Read(static pending => pending.Version);

    /// <summary>UTF-16 code units in what is shown, an embed counting one. O(1).</summary>
    public int Length => Read(static pending => pending.Shown.Length);

    /// <summary>Text: what is shown: what is committed, with this client's own edits. O(length) after each change.</summary>
    public Delta Content
    {
        get
        {
            using var _ = _client.Enter();
            ThrowUnlessText();
            return _content ??= Delta.FromState(Pending.Shown);
        }
    }

    /// <summary>The others in the document, their selections where they are in what is shown.</summary>
    public IReadOnlyList<PresenceEntry> Presence
    {
        get
        {
            using var _ = _client.Enter();
            return [.. _presence.Others.Select(entry => entry.Selection is { } at && _pending is not null
                ? entry with { Selection = new(_pending.ToShown(at.Anchor), _pending.ToShown(at.Focus)) }
                : entry)];
        }
    }

    /// <summary>How often the server committed an operation otherwise than was foreseen here (and was followed). 0.</summary>
    internal int Divergences => Read(static pending => pending.Divergences);

    /// <summary>The number of the newest operation of this client that was sent.</summary>
    internal ulong Sequence => Read(static pending => pending.Sequence);

    /// <summary>What is committed and what isn't; null until the content has come.</summary>
    internal PendingEdits? Edits => _pending;

    private PendingEdits Pending =>
        _pending ?? throw new InvalidOperationException("The document is not open yet: await Ready first.");

    /// <summary>The text of what is shown, embeds left out. O(length).</summary>
    public string ToPlainText() => Content.ToPlainText();

    /// <summary>
    /// Applies an edit that was made on what the document shows now. Where others' edits may arrive in between, use
    /// <see cref="Edit(Func{Delta})"/>.
    /// </summary>
    /// <exception cref="OperationException">It doesn't fit the document, or isn't of its type; nothing has changed.</exception>
    /// <exception cref="RefusedException">The document, or the connection, was refused.</exception>
    public void Submit(Delta edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var _ = _client.Enter();
        Apply(edit);
    }

    /// <summary>
    /// As <see cref="Submit"/>; the task completes when the server has acknowledged the edit and those before it. Fails as
    /// <see cref="WhenSavedAsync"/> does.
    /// </summary>
    public Task SubmitAsync(Delta edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var _ = _client.Enter();
        Apply(edit);
        return WhenSavedAsync();
    }

    /// <summary>Makes an edit and applies it while nobody else can change the document.</summary>
    public void Edit(Func<Delta> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var _ = _client.Enter();
        Apply(edit());
    }

    /// <summary>Makes an edit out of the content and applies it, while nobody else can change the document.</summary>
    public void Edit(Func<Delta, Delta> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var _ = _client.Enter();
        Apply(edit(Content));
    }

    /// <summary>
    /// Completes when the server has acknowledged all that was edited until now: then it is on its disk. Fails with
    /// <see cref="RefusedException"/> if it refuses some of it; what was refused before the call is told by
    /// <see cref="Refused"/> alone.
    /// </summary>
    public Task WhenSavedAsync()
    {
        using var _ = _client.Enter();
        if (_pending is null || _pending.Unsaved == 0)
            return Task.CompletedTask;
        if ((_refusal ?? _client.Refusal) is { } refusal)
            return Task.FromException(new RefusedException(refusal));
        if (_waiters.Count > 0 && _waiters[^1].Edits == _edits)
            return _waiters[^1].Saved.Task;
        var saved = NewWaiter();
        _waiters.Add((_edits, saved));
        return saved.Task;
    }

    /// <summary>
    /// Shows the others where this client's caret or selection is; null for nowhere. Others move it along with edits, and
    /// so does this, until it is set anew. In JSON there are no positions: use <see cref="SetPresenceState"/>.
    /// </summary>
    public void SetSelection(Selection? selection)
    {
        using var _ = _client.Enter();
        if (selection is { } at)
        {
            ThrowUnlessText();
            ArgumentOutOfRangeException.ThrowIfNegative(at.Anchor);
            ArgumentOutOfRangeException.ThrowIfNegative(at.Focus);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(Math.Max(at.Anchor, at.Focus), Length);
        }

        _selection = selection;
        MarkDue();
    }

    /// <summary>Shows the others whatever else the application wants to, as JSON.</summary>
    /// <exception cref="ArgumentException">It has more bytes than the server accepts.</exception>
    public void SetPresenceState(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        using var _ = _client.Enter();
        var limit = (int?)_client.Limits?.PresenceBytes ?? DefaultPresenceBytes;
        if (Encoding.UTF8.GetByteCount(json) > limit)
            throw new ArgumentException($"A presence state has at most {limit} bytes.", nameof(json));
        _presenceState = json;
        MarkDue();
    }

    /// <summary>
    /// Closes the document. What isn't saved is lost, unless there is an outbox: await <see cref="WhenSavedAsync"/> first.
    /// </summary>
    public void Dispose()
    {
        using var _ = _client.Enter();
        if (_closed)
            return;
        _closed = true;
        _client.Forget(this, _pending?.Sequence ?? 0);
        LeaveKept();
        UpdateState();
        foreach (var waiter in TakeWaiters(long.MaxValue))
            waiter.TrySetException(new ObjectDisposedException(nameof(CollaborativeDocument)));
        if (!_ready.Task.IsCompleted)
            Fail(_ready, new ObjectDisposedException(nameof(CollaborativeDocument)));
    }

    private static TaskCompletionSource NewWaiter() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private T Read<T>(Func<PendingEdits, T> read)
    {
        using var _ = _client.Enter();
        return read(Pending);
    }

    private void Apply(Delta edit)
    {
        ThrowUnlessEditable();
        ThrowUnlessText();
        if (edit.Bytes.IsEmpty)
            return;
        Apply(edit.Bytes);
    }

    private void Apply(ReadOnlyMemory<byte> operation)
    {
        ThrowIfFull(operation);
        var inverse = _undo!.IsKept ? Pending.Shown.Invert(operation) : default;
        var carrier = Pending.Add(operation);
        var before = _selection;
        _selection = DocumentPresence.Move(Pending.Committed.Type, before, operation.Span, Side.Right);
        _undo.Record(operation, inverse, carrier, _client.Now, before, _selection);
        Edited(operation, ChangeSource.Local);
    }

    private void Edited(ReadOnlyMemory<byte> operation, ChangeSource source, Selection? selection = null)
    {
        _edits++;
        _kept?.Changed();
        Show(operation, source, _client.ClientId, Pending.NewestSequence, selection);
        MarkDue();
    }

    private void ThrowUnlessEditable()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_refusal is not null)
            throw new RefusedException(_refusal);
    }

    // What is shown has changed. A remote operation is told of even if, over our own edits, nothing is left of it.
    private void Show(
        ReadOnlyMemory<byte> operation, ChangeSource source, ulong clientId = 0, ulong sequence = 0,
        Selection? selection = null)
    {
        if (operation.IsNothing() && source == ChangeSource.Correction)
            return;
        _content = null;
        if (Changed is { } changed)
        {
            DocumentChange change = new(
                operation, Pending.Committed.Type, source, clientId, sequence, Pending.Version, selection);
            _client.Raise(() => changed(change));
        }
    }

    private TaskCompletionSource[] TakeWaiters(long edits)
    {
        var count = _waiters.FindIndex(waiter => waiter.Edits > edits);
        TaskCompletionSource[] taken = [.. _waiters.Take(count < 0 ? _waiters.Count : count).Select(waiter => waiter.Saved)];
        _waiters.RemoveRange(0, taken.Length);
        return taken;
    }

    // Nobody need be waiting: then it is not an unobserved exception.
    private static void Fail(TaskCompletionSource waiter, Exception exception)
    {
        waiter.TrySetException(exception);
        _ = waiter.Task.Exception;
    }
}
