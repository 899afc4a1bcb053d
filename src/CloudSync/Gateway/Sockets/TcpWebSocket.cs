// A WebSocket (RFC 6455, the server's end) on a bare TCP socket. An idle one holds no buffer: it waits for a receive of no
// bytes at all, and what has come by then is read into an array from the pool, which is given back when it is used up.
//
// - TcpWebSocket.cs: its life.
// - TcpWebSocket.Receiving.cs: frames of the client, read and checked.
// - TcpWebSocket.Sending.cs: frames to the client.
//
// One caller receives and one sends (the flush); the two may run side by side. A ping is answered by who sends.

using System.Net.Sockets;
using System.Net.WebSockets;

namespace CloudSync.Gateway.Sockets;

/// <summary>Who uses a <see cref="TcpWebSocket"/>.</summary>
internal interface ITcpWebSocketOwner
{
    /// <summary>A ping has come: <see cref="TcpWebSocket.SendPongAsync"/> is to be called. Must not block or throw.</summary>
    void PongIsDue();
}

internal sealed partial class TcpWebSocket(Socket socket) : WebSocket
{
    private readonly Socket _socket = socket;
    private int _state = (int)WebSocketState.Open;
    private WebSocketCloseStatus _closeStatus;
    private string? _closeReason;

    /// <summary>Set before the first receive.</summary>
    public ITcpWebSocketOwner? Owner { get; set; }

    /// <summary>What the other side has done against RFC 6455; it is to be closed with this status. 0: nothing.</summary>
    public WebSocketCloseStatus Failure { get; private set; }

    public override WebSocketCloseStatus? CloseStatus => _closeStatus == 0 ? null : _closeStatus;

    public override string? CloseStatusDescription => _closeReason;

    public override WebSocketState State => (WebSocketState)Volatile.Read(ref _state);

    public override string? SubProtocol => null;

    /// <summary>Ends the TCP connection at once; nothing that waits to be sent is sent.</summary>
    public override void Abort()
    {
        Volatile.Write(ref _state, (int)WebSocketState.Aborted);
        _socket.Close(0);
    }

    public override void Dispose()
    {
        _socket.Dispose();
        ReleaseReceived();
    }

    /// <summary>Not offered: the connection reads the answer of the other side itself.</summary>
    public override Task CloseAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    // Closed when both sides have said so.
    private void Closes(WebSocketState mine, WebSocketState other)
    {
        if (Interlocked.CompareExchange(ref _state, (int)mine, (int)WebSocketState.Open) == (int)other)
            Interlocked.CompareExchange(ref _state, (int)WebSocketState.Closed, (int)other);
    }
}
