// One connection. It costs what an idle WebSocket costs and this object: there is no timer, no task but the receive loop,
// no channel and no buffer while nothing happens.
//
// - Connection.cs: its life: identity, closing, timeouts.
// - Connection.Receiving.cs: the receive loop, which reads whole messages.
// - Connection.Handling.cs: what each message does.
// - Connection.Token.cs: the credential it stands on.
// - Connection.Documents.cs: opening and closing documents.
// - Connection.Flushing.cs: what is sent. One flush at a time gathers what waits into one WebSocket message.
//
// Three parties meet here: the receive loop, the flush, and the workers of documents, which only call Wake. What they
// share is guarded by _gate, which is never held over I/O or a call into a document.

using System.Globalization;
using System.Net.WebSockets;
using CloudSync.Documents;
using CloudSync.Gateway.Sockets;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;
using Microsoft.AspNetCore.Http.Features;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    private readonly GatewayEnvironment _gateway;
    private readonly WebSocket _socket;
    private readonly IHttpRequestLifetimeFeature? _lifetime;

    // The socket if it is one of our own, which can do more.
    private readonly TcpWebSocket? _tcp;
    private readonly long _number;
    private readonly int _slot;
    private readonly Lock _gate = new();

    // Whom the host has authenticated, by the request or by the token of the Hello.
    private User? _host;

    // Under _gate.
    private CloseCode? _close;
    private bool _closeWhenRead;
    private bool _ended;
    private TaskCompletionSource? _progress;
    private TaskCompletionSource? _finished;

    private int _aborted;

    // Timestamps; 0 while it is not so.
    private long _heardAt;
    private long _messageStartedAt;
    private long _sendStartedAt;
    private long _closingAt;

    /// <summary>Takes over an accepted socket; it begins with <see cref="RunAsync"/>.</summary>
    /// <param name="gateway">What connections share.</param>
    /// <param name="socket">The socket; its owner from here on.</param>
    /// <param name="lifetime">
    /// How to end it by force, if the socket can't by itself: one of ASP.NET Core's doesn't get rid of a client that never reads.
    /// </param>
    /// <param name="host">Whom the host has authenticated, or null.</param>
    public Connection(GatewayEnvironment gateway, WebSocket socket, IHttpRequestLifetimeFeature? lifetime, User? host)
    {
        _gateway = gateway;
        _socket = socket;
        _tcp = socket as TcpWebSocket;
        _tcp?.Owner = this;
        _lifetime = lifetime;
        _host = host;
        _number = gateway.NextConnection();
        _heardAt = gateway.Time.GetTimestamp();
        _slot = gateway.Connections.Add(this);
    }

    private string Id => _number.ToString("x", CultureInfo.InvariantCulture);

    /// <summary>Completes when the connection is closed and its sessions have ended.</summary>
    public async Task WhenFinishedAsync()
    {
        Task finished;
        lock (_gate)
            finished = FinishedSource_NeedsGate().Task;
        await finished;
    }

    private bool IsClosing => Volatile.Read(ref _close) is not null || Volatile.Read(ref _aborted) == 1;

    /// <summary>Says what is wrong, then closes.</summary>
    public void Refuse(Refusal refusal, CloseCode code)
    {
        GatewayLog.ConnectionRefused(_gateway.Log, Id, code.Name, refusal.Message);
        Answer(refusal);
        Close(code);
    }

    /// <summary>Closes after what the gateway itself has to say; documents are read no further.</summary>
    public void Close(CloseCode code)
    {
        lock (_gate)
        {
            if (_close is not null && !_closeWhenRead)
                return;
            _close ??= code;
            _closeWhenRead = false;
            if (_closingAt == 0)
                Volatile.Write(ref _closingAt, _gateway.Time.GetTimestamp());
            TellProgress_NeedsGate();
        }

        Schedule();
    }

    /// <summary>Closes when everything there is has been sent; nothing more is taken from the client.</summary>
    public void CloseWhenRead(CloseCode code)
    {
        lock (_gate)
        {
            if (_close is not null)
                return;
            _close = code;
            _closeWhenRead = true;
            TellProgress_NeedsGate();
        }

        Schedule();
    }

    public void TellGoingAway(TimeSpan comeBackMin, TimeSpan comeBackMax) => Answer(new ServerMessage
    {
        GoingAway = new GoingAway
        {
            ReconnectAfterMsMin = (uint)comeBackMin.TotalMilliseconds,
            ReconnectAfterMsMax = (uint)comeBackMax.TotalMilliseconds,
            Reason = "This gateway stops.",
        },
    });

    /// <summary>Ends the connection without a word: for a client that does not read, or does not answer.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) == 1)
            return;
        lock (_gate)
            TellProgress_NeedsGate();
        try
        {
            _lifetime?.Abort();
            _socket.Abort();
        }
        catch (Exception exception)
        {
            GatewayLog.ConnectionBroke(_gateway.Log, exception, Id);
        }
    }

    /// <summary>Called by the sweep now and then.</summary>
    public void CheckTimeouts(long now)
    {
        if (Volatile.Read(ref _aborted) == 1)
            return;
        if (IsOver(ref _sendStartedAt, _gateway.SendTimeout))
        {
            _gateway.Metrics.SendTimedOut();
            GatewayLog.SendTimedOut(_gateway.Log, Id, _gateway.Options.SendTimeout);
            lock (_gate)
                _close = CloseCode.SendTimeout;
            Abort();
        }
        else if (IsOver(ref _closingAt, _gateway.CloseTimeout))
        {
            Abort();
        }
        else if (IsClosing)
        {
            return;
        }
        else if (_hello != HelloState.Done)
        {
            // Nothing but a Hello sets the time before it.
            if (IsOver(ref _heardAt, _gateway.ReceiveTimeout))
                Close(CloseCode.ReceiveTimeout);
        }
        else if (IsOver(ref _messageStartedAt, _gateway.ReceiveTimeout))
        {
            Close(CloseCode.ReceiveTimeout);
        }
        else if (!Volatile.Read(ref _paused) && Volatile.Read(ref _messageStartedAt) == 0
            && IsOver(ref _heardAt, _gateway.HeartbeatTimeout))
        {
            Close(CloseCode.HeartbeatTimeout);
        }
        else
        {
            CheckToken(now);
        }

        bool IsOver(ref long since, long timeout)
        {
            var start = Volatile.Read(ref since);
            return start != 0 && now - start > timeout;
        }
    }

    /// <summary>Puts a message of the gateway's own before everything else that waits.</summary>
    private void Answer(ServerMessage message)
    {
        lock (_gate)
        {
            if (_ended)
                return;
            _control ??= new FrameBuffer();
            ServerFrameWriter.Write(_control, message);
            Volatile.Write(ref _controlBytes, _control.Count);
        }

        Schedule();
    }

    private void Answer(Refusal refusal, string documentId = "", ulong clientSequence = 0)
    {
        _gateway.Metrics.Refused(refusal.Code);
        Answer(refusal.ToMessage(documentId, clientSequence));
    }

    // The receive loop has ended. The flush, which is the only one to touch sessions, ends them, and then all is over.
    private async Task EndAsync()
    {
        Task finished;
        lock (_gate)
        {
            _ended = true;
            finished = FinishedSource_NeedsGate().Task;
            TellProgress_NeedsGate();
        }

        Schedule();
        await finished;
        // Nobody may abort from here on: the request, and with it the lifetime, is about to be somebody else's.
        Interlocked.Exchange(ref _aborted, 1);
        _gateway.Connections.Remove(_slot);
        _socket.Dispose();
        var code = _close;
        _gateway.Metrics.Closed(code);
        GatewayLog.ConnectionEnded(_gateway.Log, Id, code?.Name ?? "LOST");
    }

    private TaskCompletionSource FinishedSource_NeedsGate() =>
        _finished ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    private void TellProgress_NeedsGate()
    {
        _progress?.TrySetResult();
        _progress = null;
    }
}
