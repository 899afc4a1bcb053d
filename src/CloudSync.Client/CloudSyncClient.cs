// The client: one connection that carries any number of documents, kept up for as long as it makes sense.
//
// There is no loop and no task in here. Everything happens under one lock, called by the application, the transport or
// the alarm; what it leaves behind (events for the application, frames for the server, a changed state, the next alarm)
// is dealt with when the outermost caller leaves the lock, in Leave().

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

/// <summary>
/// A client of a CloudSync server. Thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// Events of a client and of its documents are raised one at a time and in order, on whatever thread caused them, while
/// the client is locked: what a handler reads belongs to the event, unless a handler before it has edited. A handler may
/// call anything of the client, and must not wait for another thread that does.
/// </para>
/// <para>Connects when the first document is opened, and comes back by itself until it is disposed or refused.</para>
/// </remarks>
public sealed partial class CloudSyncClient : IDisposable
{
    private const uint ProtocolVersion = 1;
    private const string IdName = "client";

    private readonly Uri _endpoint;
    private readonly CloudSyncClientOptions _options;
    private readonly TransportChoice _choice;
    private readonly long _started;
    private readonly ITimer _alarm;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, CollaborativeDocument> _documents = [];
    private readonly Queue<CollaborativeDocument> _due = [];
    private readonly Dictionary<string, KeptDocument> _kept = [];

    // The number of the last operation on each document that was closed. A number is never used again: what was under
    // way when the document was closed may be committed later, and must not be taken for an edit in the same one opened
    // anew.
    private readonly Dictionary<string, ulong> _sequences = [];
    private readonly Queue<Action> _events = [];
    private readonly ClientTokens _tokens;
    private int _depth;
    private TimeSpan _alarmAt = TimeSpan.MaxValue;
    private ClientConnection? _connection;
    private int _failures;
    private TimeSpan? _retryAt;
    private TimeSpan? _retryIn;
    private Refusal? _refusal;
    private bool _disposed;

    /// <summary>Creates a client; it doesn't connect yet.</summary>
    /// <param name="endpoint">The server's endpoint, for example ws://localhost:5080/sync; http means ws.</param>
    /// <param name="options">How it behaves.</param>
    /// <exception cref="OutboxInUseException">Another client has the outbox.</exception>
    /// <exception cref="OutboxUnreadableException">The outbox can't be read.</exception>
    public CloudSyncClient(Uri endpoint, CloudSyncClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var scheme = endpoint.Scheme switch { "http" => "ws", "https" => "wss", var other => other };
        _endpoint = new UriBuilder(endpoint) { Scheme = scheme }.Uri;
        _options = options ?? new();
        _choice = new(
            _options is { TransportFactory: not null, PolledTransportFactory: null } ? TransportKind.WebSocket : _options.Transport,
            _options.TrialAfter);
        _tokens = new(this);
        _started = _options.Clock.GetTimestamp();
        ClientId = TakeOutbox(_options);
        IsIdKept = ClientId != 0;
        if (ClientId == 0)
            ClientId = _options.ClientId;
        while (ClientId == 0)
            ClientId = (ulong)_options.Random.NextInt64(long.MinValue, long.MaxValue);
        _alarm = _options.Clock.CreateTimer(_ => OnAlarm(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        User = _options.User;
        State = new(SyncStateKind.Connecting);
    }

    /// <summary>Raised when <see cref="State"/> has changed.</summary>
    public event Action<SyncState>? StateChanged;

    /// <summary>
    /// Raised when something could not be saved in the outbox. It is tried again, and what isn't saved isn't sent; edits
    /// can be made all the same.
    /// </summary>
    public event Action<OutboxFailure>? OutboxFailed;

    /// <summary>Names this client's operations.</summary>
    public ulong ClientId { get; }

    /// <summary>How things stand; the unsaved edits are those of all its documents.</summary>
    public SyncState State { get; private set; }

    /// <summary>Who is typing.</summary>
    public User User { get; private set; }

    /// <summary>What the server accepts, or null before the first connection.</summary>
    internal Limits? Limits { get; private set; }

    internal CloudSyncClientOptions Options => _options;

    internal TimeSpan Now => _options.Clock.GetElapsedTime(_started);

    internal bool IsLive => _connection is { Welcomed: true };

    internal bool IsConnecting => _connection is not null;

    internal Refusal? Refusal => _refusal;

    internal bool IsDisposed => _disposed;

    /// <summary>Whether this client's id is in the outbox.</summary>
    internal bool IsIdKept { get; set; }

    /// <summary>
    /// Opens a document, or returns it if it is open. Await <see cref="CollaborativeDocument.Ready"/>. One that the outbox
    /// holds is ready at once, whether there is a connection or not.
    /// </summary>
    /// <exception cref="OutboxUnreadableException">The outbox holds something of it that can't be read.</exception>
    public CollaborativeDocument Open(string documentId)
    {
        ArgumentException.ThrowIfNullOrEmpty(documentId);
        using var _ = Enter();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_documents.TryGetValue(documentId, out var document))
        {
            document = new CollaborativeDocument(this, documentId, Keep(documentId));
            _documents.Add(documentId, document);
            if (_connection is null && _retryAt is null && _refusal is null)
                Connect();
            document.Connected();
        }

        return document;
    }

    /// <summary>Opens a document and waits until it can be edited.</summary>
    /// <exception cref="RefusedException">The server doesn't let us.</exception>
    public async Task<CollaborativeDocument> OpenAsync(string documentId, CancellationToken cancellationToken = default)
    {
        var document = Open(documentId);
        await document.Ready.WaitAsync(cancellationToken).ConfigureAwait(false);
        return document;
    }

    /// <summary>Shows another name or colour to the others.</summary>
    public void SetUser(User user)
    {
        ArgumentNullException.ThrowIfNull(user);
        using var _ = Enter();
        User = user;
        foreach (var document in _documents.Values)
            document.MarkDue();
    }

    /// <summary>
    /// Connects at once instead of at the next attempt; also after a refusal of the connection, with a new
    /// <see cref="CloudSyncClientOptions.Token"/> for example.
    /// </summary>
    public void Reconnect()
    {
        using var _ = Enter();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_connection is null)
            Connect();
    }

    /// <summary>
    /// Gives the server a new token of the same user without a new connection; documents stay open. It is said at later
    /// connections too, unless there is a <see cref="CloudSyncClientOptions.TokenProvider"/>, which is asked then.
    /// </summary>
    /// <param name="token">The new token.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>
    /// Completes when the server has taken it, which is with the next connection if there is none now. After a refusal of the
    /// connection, that is begun at once.
    /// </returns>
    /// <exception cref="RefusedException">
    /// The server refuses it: <see cref="ErrorCode.TokenInvalid"/>, <see cref="ErrorCode.TokenOfAnotherUser"/>; or for now:
    /// <see cref="ErrorCode.TokenNotChecked"/>, <see cref="ErrorCode.TooManyTokens"/>. The one before it still counts.
    /// </exception>
    public Task RenewTokenAsync(string token, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(token);
        using var _ = Enter();
        ObjectDisposedException.ThrowIf(_disposed, this);
        var taken = _tokens.Add(token);
        if (_connection is null && _retryAt is null)
            Connect();
        return taken.WaitAsync(cancellationToken);
    }

    /// <summary>
    /// Closes the connection and all documents. What isn't saved is lost, unless there is an outbox: await
    /// <see cref="CollaborativeDocument.WhenSavedAsync"/> first. What goes to the outbox is on its way when this returns.
    /// </summary>
    public void Dispose()
    {
        using var _ = Enter();
        if (_disposed)
            return;
        _disposed = true;
        foreach (var document in _documents.Values.ToArray())
            document.Dispose();
        foreach (var kept in _kept.Values.ToArray())
            kept.SaveLast();
        _options.Outbox?.GiveBack();
        _tokens.Disconnected();
        _tokens.Fail(new ObjectDisposedException(nameof(CloudSyncClient)));
        StopTrial();
        _connection?.Transport.Leave();
        _connection = null;
        _retryAt = _retryIn = null;
        _alarm.Dispose();
    }

    /// <summary>Everything that touches the client's or a document's state is between this and its Dispose().</summary>
    internal Scope Enter()
    {
        _lock.Enter();
        _depth++;
        return new(this);
    }

    internal void Raise(Action handler) => _events.Enqueue(handler);

    /// <summary>The document may have something to send.</summary>
    internal void Enqueue(CollaborativeDocument document) => _due.Enqueue(document);

    /// <summary>The number of the last operation on a document before it was opened; 0 if there was none.</summary>
    internal ulong LastSequence(string documentId) => _sequences.GetValueOrDefault(documentId);

    internal void Forget(CollaborativeDocument document, ulong sequence)
    {
        _documents.Remove(document.Id);
        if (sequence > 0)
            _sequences[document.Id] = sequence;
        if (document.OpenOnServer && _connection is { Welcomed: true } connection)
            connection.Closing.Add(document.Id);
    }

    /// <summary>Begins to save this client's id in the outbox.</summary>
    internal ValueTask SaveId() => _options.Outbox!.SaveAsync(IdName, KeptState.EncodeClient(ClientId));

    internal void RaiseOutboxFailed(OutboxFailure failure)
    {
        if (OutboxFailed is { } failed)
            Raise(() => failed(failure));
    }

    /// <summary>A document was closed, or was saved: if both, there is nothing more to be done about it.</summary>
    internal void Release(KeptDocument kept, string documentId)
    {
        if (kept.Owner is null && kept.IsIdle)
            _kept.Remove(documentId);
    }

    /// <summary>
    /// A wait after so many in a row: a random time ("full jitter") up to a bound that grows by the same each time. So it
    /// grows with the square root of how long the server has been away; one that doubles grows as fast as that, and the last
    /// to come back wait longer than the server was away.
    /// </summary>
    internal TimeSpan Backoff(int before, TimeSpan atLeast) => atLeast + (_options.Random.NextDouble()
        * TimeSpan.FromTicks((long)Math.Min(_options.BackoffMax.Ticks, _options.BackoffStep.Ticks * (before + 1d))));

    /// <summary>Sees to it that OnAlarm runs at this time or before.</summary>
    internal void SetAlarm(TimeSpan at)
    {
        if (at >= _alarmAt || _disposed)
            return;
        _alarmAt = at;
        var wait = at - Now;
        _alarm.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    // The id that the outbox holds; 0 if there is none.
    private static ulong TakeOutbox(CloudSyncClientOptions options)
    {
        if (options.Outbox is not { } outbox)
            return 0;
        outbox.Take();
        try
        {
            var id = outbox.Load(IdName) is { } bytes ? KeptState.DecodeClient(IdName, bytes) : 0;
            return id == 0 || options.ClientId == 0 || options.ClientId == id
                ? id
                : throw new ArgumentException($"The outbox belongs to client {id}.", nameof(options));
        }
        catch
        {
            outbox.GiveBack();
            throw;
        }
    }

    private KeptDocument? Keep(string documentId)
    {
        if (_options.Outbox is not { } outbox || _kept.TryGetValue(documentId, out var kept))
            return _kept.GetValueOrDefault(documentId);
        kept = new(this, outbox, documentId);
        kept.Load();
        _kept.Add(documentId, kept);
        return kept;
    }

    private CollaborativeDocument? Find(string documentId) => _documents.GetValueOrDefault(documentId);

    private void OnAlarm()
    {
        using var _ = Enter();
        _alarmAt = TimeSpan.MaxValue;
        if (_disposed)
            return;
        if (_retryAt <= Now)
            Connect();
        if (_connection is { } connection)
        {
            if (!connection.Welcomed && connection.WelcomeBy <= Now)
                Drop(new("The server didn't welcome the connection in time."), tookTooLong: true);
            else if (connection.ReturnAt <= Now)
                Drop(new("The server is going away."));
            else if (connection.Welcomed && connection.HeardBy <= Now)
                Drop(new("The server was silent for too long."));
            else if (connection.Welcomed && connection.PingAt <= Now)
                connection.PingDue = true;
        }

        TryWebSocket();
        _tokens.OnAlarm();
        foreach (var document in _documents.Values)
            document.OnAlarm();
        foreach (var kept in _kept.Values)
            kept.OnAlarm();
        if (_retryAt is { } retryAt)
            SetAlarm(retryAt);
        if (_connection is not null)
            SetAlarm(_connection.NextAlarm);
        if (_tokens.RenewAt is { } renewAt)
            SetAlarm(renewAt);
    }

    private void Leave()
    {
        try
        {
            if (_depth > 1)
                return;
            // Events go before frames: whoever hears of a local edit hears of it before anybody else can. Saves go after
            // them: an operation that is to be sent is in flight by then, and needn't be saved once more.
            do
            {
                UpdateStates();
                while (_events.TryDequeue(out var raise))
                    Call(raise);
            }
            while (Flush() | SaveKept());
        }
        finally
        {
            _depth--;
            _lock.Exit();
        }
    }

    private bool SaveKept()
    {
        var began = false;
        if (_disposed)
            return began;
        foreach (var kept in _kept.Values)
            began |= kept.Save();
        return began;
    }

    // A handler that throws must neither break the connection nor be swallowed: it ends the program, as it would have
    // done on a thread of its own.
    private static void Call(Action raise)
    {
        try
        {
            raise();
        }
        catch (Exception exception)
        {
            var captured = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(exception);
            ThreadPool.UnsafeQueueUserWorkItem(static thrown => thrown.Throw(), captured, preferLocal: false);
        }
    }

    private void UpdateStates()
    {
        var unsaved = 0;
        foreach (var document in _documents.Values)
            unsaved += document.UpdateState();
        var kind = _disposed ? SyncStateKind.Closed
            : _refusal is not null ? SyncStateKind.Refused
            : IsLive ? SyncStateKind.Live
            : _retryAt is null ? SyncStateKind.Connecting
            : SyncStateKind.Offline;
        if (State.Kind == kind && State.Unsaved == unsaved && State.RetryIn == _retryIn && State.Reason == _refusal)
            return;
        SyncState state = new(kind, unsaved, _retryIn, _refusal);
        State = state;
        if (StateChanged is { } changed)
            Raise(() => changed(state));
    }

    /// <summary>The lock, held.</summary>
    internal readonly ref struct Scope(CloudSyncClient client)
    {
        public void Dispose() => client.Leave();
    }
}
