// What is sent. A document's worker that has something new wakes the connection; the connection is put into the thread
// pool's queue once, however often it is woken, and its flush gathers what waits, the gateway's own answers first, then
// the documents in turn, into one WebSocket message. While a message is being sent, wakes only mark documents: so one
// that reads quickly gets each change at once, and one that reads slowly gets many in one larger message.

using System.Net.WebSockets;
using CloudSync.Documents;
using CloudSync.Gateway.Sockets;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal sealed partial class Connection : IThreadPoolWorkItem, ITcpWebSocketOwner
{
    // A frame is sent when it is this large; a document's turn ends sooner, so that one with much to tell does not keep
    // the others waiting. (One message may exceed both: a snapshot, which is sent from bytes that all who join share.)
    private const int FrameBytes = 48 * 1024;
    private const int TurnBytes = 16 * 1024;

    // A large frame is sent in parts, and each has the time of CloudSync:SendTimeout: what is measured is whether the
    // other side reads, not how long a large document takes over a slow line.
    private const int PartBytes = 64 * 1024;

    // Then it queues up again behind its neighbours: so many frames, or parts of one that is large.
    private const int RoundsAtOnce = 16;
    private const int PartsAtOnce = 4;

    private const int Idle = 0;
    private const int Flushing = 1;
    private const int FlushingAndWoken = 2;

    private int _flush;
    private ConnectionDocument? _woken;

    // Under _gate.
    private FrameBuffer? _control;
    private int _controlBytes;

    // The flush's own.
    private ConnectionDocumentQueue _ready;
    private ConnectionDocumentQueue _behind;
    private bool _closeSent;

    /// <summary>There may be something to read in a document. Any thread; never blocks.</summary>
    public void Wake(ConnectionDocument document)
    {
        if (!document.TryMarkDirty())
            return;
        ConnectionDocument? top;
        do
        {
            top = Volatile.Read(ref _woken);
            document.Next = top;
        }
        while (Interlocked.CompareExchange(ref _woken, document, top) != top);
        Schedule();
    }

    void IThreadPoolWorkItem.Execute() => _ = FlushAsync();

    void ITcpWebSocketOwner.PongIsDue() => Schedule();

    private void Schedule()
    {
        if (Interlocked.Exchange(ref _flush, FlushingAndWoken) == Idle)
            _gateway.Flushes.Enqueue(this);
    }

    private async Task FlushAsync()
    {
        using var frame = new FrameBuffer();
        for (var rounds = 0; rounds < RoundsAtOnce; rounds++)
        {
            Interlocked.Exchange(ref _flush, Flushing);
            try
            {
                if (Volatile.Read(ref _ended))
                {
                    // The state stays as it is: there is no flush after this one.
                    await FinishAsync();
                    return;
                }

                frame.Truncate(0);
                if (_tcp is { PongIsDue: true } && !_closeSent)
                    await MeasuredAsync(_tcp.SendPongAsync());
                if (Volatile.Read(ref _aborted) == 0 && !_closeSent && await GatherAsync(frame))
                {
                    await SendAsync(frame);
                    continue;
                }
            }
            catch (Exception exception)
            {
                // A socket that fails is an ordinary end; anything else is a fault of ours, and ends this connection only.
                if (exception is not (WebSocketException or OperationCanceledException or ObjectDisposedException or IOException))
                    GatewayLog.ConnectionBroke(_gateway.Log, exception, Id);
                Volatile.Write(ref _sendStartedAt, 0);
                Abort();
            }

            if (Interlocked.CompareExchange(ref _flush, Idle, Flushing) == Flushing)
                return;
        }

        _gateway.Flushes.Enqueue(this);
    }

    /// <summary>Gathers one frame; false if there is nothing to send.</summary>
    private async ValueTask<bool> GatherAsync(FrameBuffer frame)
    {
        TakeControl(frame);
        if (Interlocked.Exchange(ref _handled, 0) >= HandledPerFlush)
        {
            lock (_gate)
                TellProgress_NeedsGate();
        }

        var close = Volatile.Read(ref _close);
        var readFirst = close is null || Volatile.Read(ref _closeWhenRead);
        if (readFirst)
        {
            TakeWoken();
            while (frame.Count < FrameBytes && _ready.TryDequeue(out var document))
                Read(document, frame);
            // What has to be read from the log keeps nobody waiting who has something to send already.
            if (frame.Count == 0 && _behind.TryDequeue(out var behind))
            {
                await CatchUpAsync(behind, frame);
                // It may have caught up without a word to send; there may be more.
                if (frame.Count == 0)
                    Schedule();
            }
        }

        if (frame.Count > 0)
            return true;
        var isRead = _ready.IsEmpty && _behind.IsEmpty && Volatile.Read(ref _woken) is null;
        if (close is not null && (isRead || !readFirst))
            await SendCloseAsync(close);
        return false;
    }

    private void TakeControl(FrameBuffer frame)
    {
        if (Volatile.Read(ref _controlBytes) == 0)
            return;
        FrameBuffer? control;
        lock (_gate)
        {
            (control, _control) = (_control, null);
            _controlBytes = 0;
            TellProgress_NeedsGate();
        }

        if (control is null)
            return;
        frame.Write(control.Written.Span);
        control.Dispose();
    }

    // The list of the woken is last in, first out; read in the order in which they were woken.
    private void TakeWoken()
    {
        var document = Interlocked.Exchange(ref _woken, null);
        ConnectionDocument? first = null;
        while (document is not null)
        {
            var next = document.Next;
            document.Next = first;
            first = document;
            document = next;
        }

        while (first is not null)
        {
            var next = first.Next;
            _ready.Enqueue(first);
            first = next;
        }
    }

    private void Read(ConnectionDocument document, FrameBuffer frame)
    {
        document.MarkClean();
        if (!TryBeginRead(document, out var session))
            return;
        var mark = frame.Count;
        try
        {
            if (session.TakeOpened(PartBytes) is { IsEmpty: false } opened)
            {
                frame.Share(opened);
                Continue(document, session, SessionRead.More);
                return;
            }

            Continue(document, session, session.Read(frame, Math.Min(TurnBytes, FrameBytes - mark)));
        }
        catch (Exception exception)
        {
            frame.Truncate(mark);
            Drop(document, session, exception, frame);
        }
    }

    private async ValueTask CatchUpAsync(ConnectionDocument document, FrameBuffer frame)
    {
        document.MarkClean();
        if (!TryBeginRead(document, out var session))
            return;
        try
        {
            Continue(document, session, await session.CatchUpAsync(frame, FrameBytes, _gateway.Stopped));
        }
        catch (Exception exception)
        {
            frame.Truncate(0);
            Drop(document, session, exception, frame);
        }
    }

    // False if there is nothing to be read: it is not open yet, or the client has closed it, and its session ends here.
    private bool TryBeginRead(ConnectionDocument document, out DocumentSession session)
    {
        bool closing;
        lock (_gate)
        {
            session = document.Session!;
            closing = document.Closing;
        }

        if (session is null)
            return false;
        if (closing)
            End(document, session);
        return !closing;
    }

    private void Continue(ConnectionDocument document, DocumentSession session, SessionRead read)
    {
        switch (read)
        {
            case SessionRead.Ended:
                End(document, session);
                break;
            case SessionRead.More when document.TryMarkDirty():
                _ready.Enqueue(document);
                break;
            case SessionRead.Behind when document.TryMarkDirty():
                _behind.Enqueue(document);
                break;
            default:
                // Up to date; or woken meanwhile, and so in the list of the woken already.
                break;
        }
    }

    // One document that can't be read is one document that is closed: the others on this connection go on.
    private void Drop(ConnectionDocument document, DocumentSession session, Exception exception, FrameBuffer frame)
    {
        if (!_gateway.Stopped.IsCancellationRequested)
            GatewayLog.ReadBroke(_gateway.Log, exception, document.Id, Id);
        End(document, session);
        ServerFrameWriter.Write(frame, new ServerMessage
        {
            Closed = new Closed
            {
                DocumentId = document.Id,
                Reason = ClosedReason.Reopen,
                Message = "The document could not be read just now. Open it again from the version you have.",
            },
        });
    }

    private void End(ConnectionDocument document, DocumentSession session)
    {
        // First disposed, then forgotten: an Open that waits for it must find the old session gone.
        DisposeSession(document, session);
        lock (_gate)
        {
            document.Session = null;
            _documents!.Remove(document.Id);
            TellProgress_NeedsGate();
        }
    }

    private void DisposeSession(ConnectionDocument document, DocumentSession session)
    {
        try
        {
            if (HasLeft(document))
                session.Dispose();
            else
                session.Lose();
        }
        catch (Exception exception)
        {
            GatewayLog.ReadBroke(_gateway.Log, exception, document.Id, Id);
        }
    }

    private async ValueTask SendAsync(FrameBuffer frame)
    {
        _gateway.Metrics.Sent(frame.Count);
        var rest = _tcp is null ? frame.Written : frame.WrittenWithHeader();
        var shared = frame.Shared;
        for (var parts = 1; ; parts++)
        {
            if (rest.IsEmpty)
                (rest, shared) = (shared, default);
            var part = rest.Length <= PartBytes ? rest : rest[..PartBytes];
            rest = rest[part.Length..];
            var isLast = rest.IsEmpty && shared.IsEmpty;
            await MeasuredAsync(_tcp?.SendFramedAsync(part)
                ?? _socket.SendAsync(part, WebSocketMessageType.Binary, isLast, CancellationToken.None));
            if (isLast)
                return;
            // A socket whose other side reads quickly takes all of it without waiting, and edits would wait for the thread. (Any
            // other lets go of it now and then by itself.)
            if (_tcp is not null && parts % PartsAtOnce == 0)
                await Task.Yield();
        }
    }

    // The sweep sees a send that takes time; most take none.
    private ValueTask MeasuredAsync(ValueTask sending)
    {
        if (!sending.IsCompletedSuccessfully)
            return WaitAsync(sending);
        sending.GetAwaiter().GetResult();
        return ValueTask.CompletedTask;

        async ValueTask WaitAsync(ValueTask sending)
        {
            Volatile.Write(ref _sendStartedAt, _gateway.Time.GetTimestamp());
            await sending;
            Volatile.Write(ref _sendStartedAt, 0);
        }
    }

    private async ValueTask SendCloseAsync(CloseCode close)
    {
        _closeSent = true;
        Interlocked.CompareExchange(ref _closingAt, _gateway.Time.GetTimestamp(), 0);
        await MeasuredAsync(new(_socket.CloseOutputAsync(close.Status, close.Reason, CancellationToken.None)));
    }

    private async ValueTask FinishAsync()
    {
        ConnectionDocument[] documents;
        lock (_gate)
        {
            documents = _documents is null ? [] : [.. _documents.Values.Where(document => document.Session is not null)];
            _control?.Dispose();
            _control = null;
            _controlBytes = 0;
        }

        foreach (var document in documents)
            End(document, document.Session!);
        try
        {
            // The client has closed, and expects the same of us; or has to be told why it can't go on.
            if (!_closeSent && _socket.State == WebSocketState.CloseReceived)
                await SendCloseAsync(CloseCode.Normal);
            else if (!_closeSent && _tcp is { Failure: not 0, State: WebSocketState.Open } && _close is { } broken)
                await SendCloseAsync(broken);
        }
        catch (Exception)
        {
            // It did not wait for it.
        }
        finally
        {
            Volatile.Write(ref _sendStartedAt, 0);
        }

        lock (_gate)
            FinishedSource_NeedsGate().TrySetResult();
    }
}
