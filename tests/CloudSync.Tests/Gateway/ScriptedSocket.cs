// A socket whose bytes a test hands out, and which says when the gateway has taken them: where even the real one would
// leave to chance whether a byte is in the kernel or in the gateway.

using System.Net.WebSockets;
using System.Threading.Channels;

namespace CloudSync.Tests.Gateway;

internal sealed class ScriptedSocket : WebSocket
{
    private readonly Channel<(ReadOnlyMemory<byte> Bytes, bool End)> _parts =
        Channel.CreateUnbounded<(ReadOnlyMemory<byte>, bool)>();

    private readonly SemaphoreSlim _taken = new(0);
    private readonly TaskCompletionSource<int> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReadOnlyMemory<byte> _rest;
    private bool _restEnds;
    private bool _handed;
    private WebSocketState _state = WebSocketState.Open;

    /// <summary>The code with which the gateway closed.</summary>
    public Task<int> Closed => _closed.Task.WaitAsync(TimeSpan.FromSeconds(60));

    /// <summary>Called with each part that the gateway sends, and whether its message ends with it.</summary>
    public Action<ReadOnlyMemory<byte>, bool>? Sending { get; set; }

    public override WebSocketCloseStatus? CloseStatus => null;

    public override string? CloseStatusDescription => null;

    public override WebSocketState State => _state;

    public override string? SubProtocol => null;

    /// <summary>Hands out a part of a message; completes when the gateway has taken it and asks for the next.</summary>
    public async Task HandAsync(ReadOnlyMemory<byte> bytes, bool end)
    {
        _parts.Writer.TryWrite((bytes, end));
        using var guard = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await _taken.WaitAsync(guard.Token);
    }

    public override async ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(
        Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_handed)
        {
            _handed = false;
            _taken.Release();
        }

        if (_rest.IsEmpty && buffer.IsEmpty)
        {
            if (!await _parts.Reader.WaitToReadAsync(cancellationToken))
                throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
            return new ValueWebSocketReceiveResult(0, WebSocketMessageType.Binary, endOfMessage: false);
        }

        if (_rest.IsEmpty)
        {
            try
            {
                (_rest, _restEnds) = await _parts.Reader.ReadAsync(cancellationToken);
            }
            catch (ChannelClosedException)
            {
                throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
            }
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        _handed = _rest.IsEmpty;
        return new ValueWebSocketReceiveResult(count, WebSocketMessageType.Binary, _handed && _restEnds);
    }

    public override ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
        CancellationToken cancellationToken)
    {
        Sending?.Invoke(buffer, endOfMessage);
        return ValueTask.CompletedTask;
    }

    public override Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        _state = WebSocketState.CloseSent;
        _closed.TrySetResult((int)closeStatus);
        return Task.CompletedTask;
    }

    public override void Abort()
    {
        _state = WebSocketState.Aborted;
        _parts.Writer.TryComplete();
    }

    public override void Dispose() => Abort();

    public override Task CloseAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task<WebSocketReceiveResult> ReceiveAsync(
        ArraySegment<byte> buffer, CancellationToken cancellationToken) => throw new NotSupportedException();

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
        CancellationToken cancellationToken) => throw new NotSupportedException();
}
