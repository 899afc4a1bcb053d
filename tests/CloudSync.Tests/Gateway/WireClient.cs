// A client that speaks the wire's own language: it sends what it is told, and hands out what it receives, one message at
// a time. It has no opinion, so that a test can be as rude as it wants.

using System.Net.WebSockets;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Tests.Gateway;

internal sealed class WireClient : IAsyncDisposable
{
    // Only so that a test that waits in vain fails instead of hanging.
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Queue<ServerMessage> _received = new();

    private WireClient(ClientWebSocket socket) => Socket = socket;

    public ClientWebSocket Socket { get; }

    /// <summary>The WebSocket messages received so far.</summary>
    public int Frames { get; private set; }

    /// <param name="uri">The endpoint.</param>
    /// <param name="origin">Set if it is a page of there that connects.</param>
    public static async Task<WireClient> ConnectAsync(Uri uri, string? origin = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        if (origin is not null)
            socket.Options.SetRequestHeader("Origin", origin);
        using var guard = new CancellationTokenSource(Guard);
        await socket.ConnectAsync(uri, guard.Token);
        return new WireClient(socket);
    }

    public Task SendAsync(params ClientMessage[] messages) => SendBytesAsync(Messages.Frame(messages).ToByteArray());

    public async Task SendBytesAsync(
        ReadOnlyMemory<byte> bytes, WebSocketMessageType type = WebSocketMessageType.Binary, bool end = true)
    {
        using var guard = new CancellationTokenSource(Guard);
        await Socket.SendAsync(bytes, type, end, guard.Token);
    }

    /// <summary>The next message; fails if the connection is closed instead.</summary>
    public async Task<ServerMessage> ReceiveAsync()
    {
        while (_received.Count == 0)
        {
            if (await ReceiveFrameAsync() is not { } frame)
                throw new InvalidOperationException($"Closed: {Socket.CloseStatus} {Socket.CloseStatusDescription}");
            foreach (var message in frame.Messages)
                _received.Enqueue(message);
        }

        return _received.Dequeue();
    }

    /// <summary>The next message that is of a kind; the others before it are dropped.</summary>
    public async Task<ServerMessage> ReceiveAsync(ServerMessage.BodyOneofCase body)
    {
        while (true)
        {
            var message = await ReceiveAsync();
            if (message.BodyCase == body)
                return message;
        }
    }

    /// <summary>Reads until the gateway closes; the close code.</summary>
    public async Task<int> ReceiveCloseAsync()
    {
        while (await ReceiveFrameAsync() is { } frame)
        {
            foreach (var message in frame.Messages)
                _received.Enqueue(message);
        }

        return (int)Socket.CloseStatus!;
    }

    /// <summary>The next WebSocket message; null if it is a close.</summary>
    public async Task<ServerFrame?> ReceiveFrameAsync()
    {
        using var guard = new CancellationTokenSource(Guard);
        using var frame = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var part = await Socket.ReceiveAsync(buffer.AsMemory(), guard.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            Assert.Equal(WebSocketMessageType.Binary, part.MessageType);
            frame.Write(buffer, 0, part.Count);
            if (!part.EndOfMessage)
                continue;
            Frames++;
            return ServerFrame.Parser.ParseFrom(frame.ToArray());
        }
    }

    /// <summary>Proves that the connection still lives, and that everything sent before was handled.</summary>
    public async Task PingAsync()
    {
        await SendAsync(Messages.Ping);
        await ReceiveAsync(ServerMessage.BodyOneofCase.Pong);
    }

    public async Task CloseAsync()
    {
        using var guard = new CancellationTokenSource(Guard);
        await Socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", guard.Token);
    }

    public ValueTask DisposeAsync()
    {
        Socket.Abort();
        Socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
