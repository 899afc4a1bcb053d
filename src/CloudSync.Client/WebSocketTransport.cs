// The transport over a WebSocket.

using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using CloudSync.Protocol.V1;

namespace CloudSync.Client;

// The socket is disposed by Close(), or when it has failed; its owner need do no more.
#pragma warning disable CA1001
internal sealed class WebSocketTransport : ClientTransport
{
    private const int InitialBufferBytes = 16 * 1024;

    private static readonly TimeSpan _closeTimeout = TimeSpan.FromSeconds(2);

    private readonly Uri _endpoint;
    private readonly int _maxFrameBytes;
    private readonly ClientWebSocket _socket = new();

    public WebSocketTransport(Uri endpoint, int maxFrameBytes)
    {
        _endpoint = endpoint;
        _maxFrameBytes = maxFrameBytes;
        // The protocol has its own heartbeat.
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        _socket.Options.CollectHttpResponseDetails = true;
    }

    public override void Start(ITransportListener listener) => _ = Task.Run(() => RunAsync(listener));

    public override ValueTask SendAsync(ReadOnlyMemory<byte> frame) =>
        _socket.SendAsync(frame, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);

    public override void Close() => _ = Task.Run(() => CloseAsync((WebSocketCloseStatus)CloseCodes.GoingAway));

    public override void Leave() => _ = Task.Run(() => CloseAsync(WebSocketCloseStatus.NormalClosure));

    private async Task RunAsync(ITransportListener listener)
    {
        TransportClosure closure;
        var buffer = ArrayPool<byte>.Shared.Rent(InitialBufferBytes);
        try
        {
            await _socket.ConnectAsync(_endpoint, CancellationToken.None).ConfigureAwait(false);
            listener.Connected();
            for (var filled = 0; ;)
            {
                var received =
                    await _socket.ReceiveAsync(buffer.AsMemory(filled), CancellationToken.None).ConfigureAwait(false);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    closure = CloseCodes.Describe((int?)_socket.CloseStatus ?? 0, _socket.CloseStatusDescription);
                    break;
                }

                filled += received.Count;
                if (received.EndOfMessage)
                {
                    listener.Received(buffer.AsMemory(0, filled));
                    filled = 0;
                }
                else if (filled == buffer.Length)
                {
                    if (filled >= _maxFrameBytes)
                    {
                        // It would send the same again.
                        var message = $"The server sent a message of more than {_maxFrameBytes} bytes.";
                        closure = new(message, new Refusal(
                            ErrorCode.MessageTooLarge, message, nameof(CloudSyncClientOptions.MaxFrameBytes),
                            (ulong)_maxFrameBytes));
                        break;
                    }

                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }

            // The answer to the server's close.
            await CloseAsync(WebSocketCloseStatus.NormalClosure).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            closure = DescribeFailure(exception);
            _socket.Dispose();
        }

        ArrayPool<byte>.Shared.Return(buffer);
        listener.Closed(closure);
    }

    private async Task CloseAsync(WebSocketCloseStatus status)
    {
        try
        {
            using var timeout = new CancellationTokenSource(_closeTimeout);
            await _socket.CloseOutputAsync(status, null, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException
            or ObjectDisposedException or InvalidOperationException)
        {
            // It was never open, or is closed already: which is what was wanted.
        }

        _socket.Dispose();
    }

    private TransportClosure DescribeFailure(Exception exception)
    {
        var status = _socket.HttpStatusCode;
        if (status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            var message = $"The server answered {(int)status} to the connection.";
            return new(message, new Refusal(ErrorCode.Unauthorized, message));
        }

        // The second is for those who don't know the first, and is rounded up.
        var retryAfter = Read("CloudSync-Retry-After-Ms") is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds)
            : Read("Retry-After") is { } seconds ? TimeSpan.FromSeconds(seconds) : default;
        return new(exception.Message, RetryAfter: retryAfter);
    }

    private int? Read(string header) =>
        _socket.HttpResponseHeaders is { } headers && headers.TryGetValue(header, out IEnumerable<string>? values)
        && int.TryParse(values.FirstOrDefault(), CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : null;
}
