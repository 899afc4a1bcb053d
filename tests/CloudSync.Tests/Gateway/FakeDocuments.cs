// Documents that a test plays: which can be opened and when, what a session has to say, what it heard.

using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using CloudSync.Documents;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;

namespace CloudSync.Tests.Gateway;

internal sealed class FakeDocuments : DocumentRegistry
{
    private readonly Channel<FakeSession> _opened = Channel.CreateUnbounded<FakeSession>();
    private int _opening;
    private int _openingMost;

    /// <summary>What happens at an open; the default opens whatever is asked for.</summary>
    public Func<string, SessionRequest, Task>? Opening { get; set; }

    public Func<CancellationToken, Task>? Draining { get; set; }

    /// <summary>A chunk with the Opened message that sessions give out in the place of theirs; empty: theirs.</summary>
    public ReadOnlyMemory<byte> SharedOpened { get; set; }

    public bool Drained { get; private set; }

    public ConcurrentDictionary<FakeSession, bool> Open { get; } = [];

    /// <summary>The most opens there were at one time.</summary>
    public int OpeningMost => Volatile.Read(ref _openingMost);

    /// <summary>The next session that was opened.</summary>
    public async Task<FakeSession> NextSessionAsync()
    {
        using var guard = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _opened.Reader.ReadAsync(guard.Token);
    }

    public override async ValueTask<DocumentSession> OpenAsync(
        string documentId, SessionRequest request, IDocumentSubscriber subscriber, CancellationToken cancellationToken)
    {
        var now = Interlocked.Increment(ref _opening);
        int most;
        while (now > (most = Volatile.Read(ref _openingMost)))
            Interlocked.CompareExchange(ref _openingMost, now, most);
        try
        {
            if (Opening is { } opening)
                await opening(documentId, request);
        }
        finally
        {
            Interlocked.Decrement(ref _opening);
        }

        var session = new FakeSession(this, documentId, request, subscriber);
        Open[session] = true;
        _opened.Writer.TryWrite(session);
        return session;
    }

    /// <summary>Those that would have to be read from the log.</summary>
    public ConcurrentDictionary<string, bool> NotInMemory { get; } = [];

    public override bool IsInMemory(string documentId) => !NotInMemory.ContainsKey(documentId);

    public override async Task DrainAsync(CancellationToken cancellationToken)
    {
        if (Draining is { } draining)
            await draining(cancellationToken);
        Drained = true;
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

internal sealed class FakeSession(
    FakeDocuments documents, string documentId, SessionRequest request, IDocumentSubscriber subscriber) : DocumentSession
{
    private readonly ConcurrentQueue<ServerMessage> _waiting = new(
    [
        new ServerMessage { Opened = new Opened { DocumentId = documentId, Type = "text" } },
    ]);

    private readonly Channel<Submit> _submitted = Channel.CreateUnbounded<Submit>();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _reading;
    private long _version;

    public override string DocumentId => documentId;

    public SessionRequest Request => request;

    /// <summary>Called at each read, before anything is written.</summary>
    public Action? Reading { get; set; }

    /// <summary>The next read says Behind, and the catch-up awaits this before it writes what waits.</summary>
    public Func<Task>? CatchingUp { get; set; }

    /// <summary>After what waits was read, the session says that it has ended.</summary>
    public bool Ending { get; set; }

    public ConcurrentQueue<SetPresence> Presences { get; } = [];

    public bool IsDisposed => _disposed.Task.IsCompleted;

    /// <summary>It ended because its connection was lost.</summary>
    public bool IsLost { get; private set; }

    public Task DisposedAsync() => _disposed.Task.WaitAsync(TimeSpan.FromSeconds(60));

    public int Waiting => _waiting.Count;

    /// <summary>Has something to say, and wakes whoever listens.</summary>
    public void Say(ServerMessage message)
    {
        _waiting.Enqueue(message);
        subscriber.Wake(this);
    }

    /// <summary>Commits an operation of so many bytes, as far as a client can tell.</summary>
    public void Commit(int bytes = 1) => Say(new ServerMessage
    {
        Committed = new Committed
        {
            DocumentId = documentId,
            BaseVersion = (ulong)(Interlocked.Increment(ref _version) - 1),
            Operations = { new CommittedOperation { ClientId = 7, ClientSeq = 1, Operation = Google.Protobuf.ByteString.CopyFrom(new byte[bytes]) } },
        },
    });

    public void Wake() => subscriber.Wake(this);

    public async Task<Submit> NextSubmitAsync()
    {
        using var guard = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _submitted.Reader.ReadAsync(guard.Token);
    }

    public override void Submit(long baseVersion, ulong clientSequence, ReadOnlySpan<byte> operation) =>
        _submitted.Writer.TryWrite(new Submit
        {
            DocumentId = documentId,
            BaseVersion = (ulong)baseVersion,
            ClientSeq = clientSequence,
            Operation = Google.Protobuf.ByteString.CopyFrom(operation),
        });

    public override void SetPresence(SetPresence presence) => Presences.Enqueue(presence);

    public override ReadOnlyMemory<byte> TakeOpened(int leastBytes)
    {
        using var _ = Alone();
        if (documents.SharedOpened.Length < leastBytes || !_waiting.TryPeek(out var first) || first.Opened is null)
            return default;
        _waiting.TryDequeue(out var _);
        return documents.SharedOpened;
    }

    public override SessionRead Read(IBufferWriter<byte> output, int byteLimit)
    {
        using var _ = Alone();
        Reading?.Invoke();
        return CatchingUp is null ? Write(output, byteLimit) : SessionRead.Behind;
    }

    public override async ValueTask<SessionRead> CatchUpAsync(
        IBufferWriter<byte> output, int byteLimit, CancellationToken cancellationToken)
    {
        using var _ = Alone();
        var catchingUp = CatchingUp!;
        await catchingUp();
        CatchingUp = null;
        return Write(output, byteLimit);
    }

    public override void Dispose()
    {
        using var _ = Alone();
        documents.Open.TryRemove(this, out var _);
        _disposed.TrySetResult();
    }

    public override void Lose()
    {
        IsLost = true;
        Dispose();
    }

    private SessionRead Write(IBufferWriter<byte> output, int byteLimit)
    {
        var written = 0;
        while (_waiting.TryDequeue(out var message))
        {
            ServerFrameWriter.Write(output, message);
            written += ServerFrameWriter.Measure(message);
            if (written >= byteLimit)
                return _waiting.IsEmpty && !Ending ? SessionRead.UpToDate : SessionRead.More;
        }

        if (!Ending)
            return SessionRead.UpToDate;
        ServerFrameWriter.Write(
            output, new ServerMessage { Closed = new Closed { DocumentId = documentId, Reason = ClosedReason.Deleted } });
        return SessionRead.Ended;
    }

    // The contract: one thread at a time. A breach is a bug of the gateway, and fails the test through the connection.
    private Releaser Alone()
    {
        if (Interlocked.Exchange(ref _reading, 1) == 1)
            throw new InvalidOperationException("A session was read by two threads at once.");
        return new Releaser(this);
    }

    private readonly struct Releaser(FakeSession session) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref session._reading, 0);
    }
}
