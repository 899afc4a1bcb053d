// A document in memory: its state at the head, its newest batches, and the sessions that read it.
//
// OpenDocument.cs             loading, sessions, ending
// OpenDocument.Sequencing.cs  the worker: submissions into the log (the write path)
// OpenDocument.Turns.cs       fairness between gateways that append to the same document
// OpenDocument.Following.cs   what others committed: the fan-out's hints and the log
// OpenDocument.Snapshots.cs   snapshots for the log and for those who join
// OpenDocument.Presence.cs    who is here
//
// One gate guards what several threads touch. It is held for moments and never over I/O. The state that it guards is
// never changed in place: the worker changes a fork, commits, and puts the fork in its place.

using System.Buffers;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Presence;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // What is kept in memory of the newest batches, for each document.
    private const int RecentOperations = 2_048;
    private const int RecentBytes = 512 << 10;
    private const int RecentOperationsWhenIdle = 64;
    private const int RecentBytesWhenIdle = 16 << 10;

    private readonly DocumentParts _parts;
    private readonly Action<OpenDocument> _gone;

    private readonly Lock _gate = new();
    private readonly RecentBatches _recent = new(RecentOperations, RecentBytes);
    private readonly List<OpenDocumentSession> _sessions = [];
    private readonly DocumentPresence _presence;

    private Task? _loading;
    private IAsyncDisposable? _subscription;
    private DocumentType _type = DocumentType.Text;
    private DocumentState _state = DocumentType.Text.CreateEmpty();
    private string _title = "";
    private long _head;
    private DateTimeOffset _committedAt;
    private int _references;
    private bool _evicted;
    private ClosedReason _ended = ClosedReason.Unspecified;
    private string _endedWhy = "";
    private long _usedTimestamp;

    /// <param name="id">Its id.</param>
    /// <param name="parts">What all documents share.</param>
    /// <param name="gone">Called when it must be found no longer: its load failed, or it ended.</param>
    public OpenDocument(string id, DocumentParts parts, Action<OpenDocument> gone)
    {
        Id = id;
        _parts = parts;
        _gone = gone;
        _presence = new DocumentPresence(id, parts.GatewayId, parts.Options.Limits.PresencePerDocument);
        _usedTimestamp = parts.Time.GetTimestamp();
    }

    public string Id { get; }

    public DocumentType Type => _type;

    public long Head
    {
        get
        {
            lock (_gate)
                return _head;
        }
    }

    public bool HasSessions
    {
        get
        {
            lock (_gate)
                return _sessions.Count > 0;
        }
    }

    /// <summary>Keeps the document in memory until <see cref="Release"/>; false if it has left it already.</summary>
    public bool TryReference()
    {
        lock (_gate)
        {
            if (_evicted)
                return false;
            _references++;
            return true;
        }
    }

    public void Release()
    {
        lock (_gate)
        {
            _references--;
            _usedTimestamp = _parts.Time.GetTimestamp();
        }
    }

    /// <summary>Loads once, whoever asks first; all wait for the same load and share its failure.</summary>
    public Task LoadAsync()
    {
        lock (_gate)
        {
            return _loading ??= Task.Factory.StartNew(
                LoadOnceAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _parts.Scheduler).Unwrap();
        }
    }

    private async Task LoadOnceAsync()
    {
        try
        {
            // Listening before reading, so that nothing committed in between goes unheard.
            await SubscribeAsync();
            var record = await _parts.Log.FindAsync(Id, CancellationToken.None)
                ?? throw new RefusedException(Refusals.DocumentNotFound(Id));
            var folded = await _parts.Reader.FoldAsync(record, record.Head, CancellationToken.None);
            lock (_gate)
            {
                _type = folded.State.Type;
                _state = folded.State;
                _title = record.Title;
                _head = record.Head;
                _committedAt = record.ChangedAt;
                _snapshotVersion = folded.SnapshotVersion;
                _snapshotBytes = folded.SnapshotBytes;
                CountTowardsSnapshot_NeedsLock(record.Head - folded.SnapshotVersion, folded.TailBytes);
                _loaded = true;
            }

            _parts.Metrics.Loaded(succeeded: true);
            // A long tail is folded once, and not by everybody who loads the document after a crash.
            SnapshotIfDue();
            WakeWorker();
            PublishPresenceWanted();
        }
        catch (Exception exception)
        {
            _parts.Metrics.Loaded(succeeded: false);
            // A failed load leaves nothing behind: the next to ask loads anew.
            lock (_gate)
                _evicted = true;
            _gone(this);
            await UnsubscribeAsync();
            throw exception switch
            {
                RefusedException => exception,
                LogUnavailableException => new RefusedException(Refusals.LogUnavailable, exception),
                _ => new RefusedException(Refusals.DocumentUnreadable(Id), exception),
            };
        }
    }

    /// <summary>Opens a session in the loaded document.</summary>
    public async Task<DocumentSession> OpenSessionAsync(SessionRequest request, IDocumentSubscriber subscriber)
    {
        if (request.FromVersion is { } wanted)
        {
            // Another gateway may have told the client of versions that this one has not heard of yet.
            if (wanted > Head)
            {
                await ReachAsync(wanted);
                if (wanted > Head)
                    await CheckIsThereAsync();
            }

            return AddSession(request, subscriber, wanted, opened: null);
        }

        var (version, opened) = await ShareSnapshotAsync();
        return AddSession(request, subscriber, version, opened);
    }

    private async Task CheckIsThereAsync()
    {
        try
        {
            await EndIfDeletedAsync();
        }
        catch (LogUnavailableException exception)
        {
            throw new RefusedException(Refusals.LogUnavailable, exception);
        }
    }

    private OpenDocumentSession AddSession(
        SessionRequest request, IDocumentSubscriber subscriber, long version, ReadOnlyMemory<byte>? opened)
    {
        OpenDocumentSession session;
        lock (_gate)
        {
            if (_evicted || _ended != ClosedReason.Unspecified)
            {
                throw new RefusedException(
                    _ended == ClosedReason.Deleted ? Refusals.DocumentNotFound(Id) : Refusals.Reopen);
            }

            var limit = _parts.Options.Limits.SessionsPerDocument;
            if (_sessions.Count >= limit)
                throw new RefusedException(Refusals.TooManySessions(limit));
            if (version > _head || version < 0)
                throw new RefusedException(Refusals.VersionUnknown(version, _head));
            session = new OpenDocumentSession(this, request, subscriber, version, opened ?? EncodeOpened(version, snapshot: null))
            {
                Index = _sessions.Count,
                Since = _parts.Time.GetUtcNow(),
            };
            _sessions.Add(session);
            EnterPresence_NeedsLock(session);
        }

        subscriber.Wake(session);
        PresenceChanged();
        _parts.Sessions.Changed(Id);
        return session;
    }

    /// <summary>This gateway's sessions, those that came first at the beginning.</summary>
    public DocumentSessions ListSessions(int limit)
    {
        OpenDocumentSession[] sessions;
        lock (_gate)
            sessions = [.. _sessions];
        return new(sessions.Length, true, [.. sessions.OrderBy(static session => session.Since).Take(limit).Select(session =>
            new SessionRecord(_parts.GatewayId, session.ClientId, session.User.Id, session.User.Name, session.Since))]);
    }

    public void RemoveSession(OpenDocumentSession session, SessionEnd end)
    {
        lock (_gate)
        {
            if (session.Index < 0)
                return;
            var last = _sessions[^1];
            _sessions[session.Index] = last;
            last.Index = session.Index;
            _sessions.RemoveAt(_sessions.Count - 1);
            session.Index = -1;
            _usedTimestamp = _parts.Time.GetTimestamp();
            LeavePresence_NeedsLock(session, end);
        }

        PresenceChanged();
        _parts.Sessions.Changed(Id);
    }

    private void WakeSessions()
    {
        OpenDocumentSession[] sessions;
        int count;
        lock (_gate)
        {
            count = _sessions.Count;
            if (count == 0)
                return;
            sessions = ArrayPool<OpenDocumentSession>.Shared.Rent(count);
            _sessions.CopyTo(sessions);
        }

        for (var i = 0; i < count; i++)
            sessions[i].Subscriber.Wake(sessions[i]);
        ArrayPool<OpenDocumentSession>.Shared.Return(sessions, clearArray: true);
    }

    /// <summary>Ends every session and takes the document out of memory.</summary>
    private void End(ClosedReason reason, string why)
    {
        List<Submission> refused;
        lock (_gate)
        {
            if (_ended != ClosedReason.Unspecified)
                return;
            _ended = reason;
            _endedWhy = why;
            _evicted = true;
            refused = [.. _incoming];
            _incoming.Clear();
            _incomingBytes = 0;
        }

        _gone(this);
        var refusal = reason == ClosedReason.Deleted ? Refusals.DocumentNotFound(Id) : Refusals.Reopen;
        foreach (var submission in refused)
            submission.OnRefused(refusal);
        AnswerWaiters(new RefusedException(refusal), all: true);
        WakeSessions();
        _parts.Start(UnsubscribeAsync);
    }

    /// <summary>The document was deleted, here or elsewhere.</summary>
    public void EndDeleted() => End(ClosedReason.Deleted, "The document was deleted.");

    /// <summary>This process stops: whoever still reads is told to open the document elsewhere.</summary>
    public void EndShutdown() => End(ClosedReason.Reopen, "The server is shutting down.");

    /// <summary>The content at the head, the caller's own.</summary>
    /// <returns>Null while it is being loaded.</returns>
    public (long Version, DocumentState State)? ReadHead()
    {
        lock (_gate)
            return _loaded ? (_head, _state.Fork()) : null;
    }

    /// <summary>Lets go of what an idle document doesn't need, and of the document when nobody has used it for long.</summary>
    /// <returns>True if it has left memory.</returns>
    public bool Sweep()
    {
        var evicted = false;
        lock (_gate)
        {
            if (!_loaded || _evicted || _running)
                return _evicted;
            _sharedSnapshot = null;
            var idle = _parts.Time.GetElapsedTime(_usedTimestamp);
            if (idle > _parts.Options.DocumentIdleTimeout / 2)
                _recent.Trim(RecentOperationsWhenIdle, RecentBytesWhenIdle);
            // Whatever is in memory is in the log too: leaving loses nothing.
            // Only whoever has lost the connection keeps it: nobody else would say when he has left.
            if (_references == 0 && _sessions.Count == 0 && _presence.LostCount == 0 && _incoming.Count == 0
                && idle >= _parts.Options.DocumentIdleTimeout)
            {
                _evicted = evicted = true;
            }
        }

        if (evicted)
        {
            _parts.Metrics.Evicted();
            SnapshotBeforeLeaving();
            _parts.Start(UnsubscribeAsync);
        }

        return evicted;
    }

    private ReadOnlyMemory<byte> EncodeOpened(long version, DocumentState? snapshot)
    {
        var opened = new Opened
        {
            DocumentId = Id,
            Type = _type.Name,
            Version = (ulong)version,
            Head = (ulong)_head,
            Title = _title,
        };
        return snapshot is null ? ServerChunks.Encode(new ServerMessage { Opened = opened }) : ServerChunks.Opened(opened, snapshot);
    }
}
