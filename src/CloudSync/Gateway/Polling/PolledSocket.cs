// A connection over plain HTTP requests, as a WebSocket: so the connection above it is the same, with its backpressure, its
// timeouts and its close codes. What it sends waits for a poll, what it receives comes from posts.

using System.Net.WebSockets;

namespace CloudSync.Gateway.Polling;

internal class PolledSocket : WebSocket
{
    private volatile int _closeStatus;
    private int _closeSent;
    private int _closeReceived;
    private int _aborted;

    public PolledInput Input { get; } = new();

    public PolledOutput Output { get; } = new();

    public override WebSocketCloseStatus? CloseStatus => _closeStatus == 0 ? null : (WebSocketCloseStatus)_closeStatus;

    public override string? CloseStatusDescription => null;

    public override string? SubProtocol => null;

    public override WebSocketState State =>
        Volatile.Read(ref _aborted) == 1 ? WebSocketState.Aborted
        : (Volatile.Read(ref _closeSent), Volatile.Read(ref _closeReceived)) switch
        {
            (0, 0) => WebSocketState.Open,
            (1, 0) => WebSocketState.CloseSent,
            (0, 1) => WebSocketState.CloseReceived,
            _ => WebSocketState.Closed,
        };

    public override ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        Input.ReceiveAsync(buffer);

    public override ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        Output.SendAsync(buffer, endOfMessage);

    public override Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _closeSent, 1);
        Output.Close((int)closeStatus, statusDescription ?? "");
        return Task.CompletedTask;
    }

    /// <summary>The client has closed, or was told that we have: nothing more comes from it.</summary>
    /// <param name="code">The client's close code; 0: it said none.</param>
    public void CloseReceived(int code = 0)
    {
        if (code != 0)
            _closeStatus = code;
        Volatile.Write(ref _closeReceived, 1);
        Input.Close();
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref _aborted, 1) == 1)
            return;
        Input.Abort();
        Output.Abort();
    }

    // What was said of the end is still to be told to a poll that comes later; see PolledConnections.
    public override void Dispose() => Input.Close();

    public override Task CloseAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
}
