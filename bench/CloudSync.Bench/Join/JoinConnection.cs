// One connection of somebody who joins. It reads whatever comes into one large buffer that the next one uses again: at a
// gigabyte a second it is the copies and the garbage that a tool must not make.

using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CloudSync.Bench.Generator;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Join;

/// <summary>Somebody could not join, or not to the end.</summary>
/// <param name="reason">Why; the same words for the same reason, so that they can be counted.</param>
/// <param name="retryAfter">After how long the server wants to see it again, if it does.</param>
internal sealed class JoinException(string reason, TimeSpan? retryAfter = null) : IOException(reason)
{
    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>Memory that connections use one after the other.</summary>
internal sealed class JoinBuffers
{
    public byte[] Received { get; set; } = new byte[64 << 10];

    public byte[] Message { get; set; } = [];
}

internal sealed class JoinConnection : IDisposable
{
    private const int SpareBytes = 64 << 10;
    private const int NormalClosure = 1000;

    private readonly JoinBuffers _buffers;
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private int _start;
    private int _end;

    private JoinConnection(JoinBuffers buffers) => _buffers = buffers;

    /// <summary>Connects and asks for a WebSocket.</summary>
    /// <param name="server">Its address.</param>
    /// <param name="documentId">The document that will be opened: load balancers bring its people together.</param>
    /// <param name="upgrade">The request.</param>
    /// <param name="buffers">The connection's own until it is disposed.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="JoinException">The server takes no WebSocket.</exception>
    /// <exception cref="SocketException">There is no server.</exception>
    public static async Task<JoinConnection> ConnectAsync(
        Uri server, string documentId, HttpUpgrade upgrade, JoinBuffers buffers, CancellationToken stop)
    {
        var connection = new JoinConnection(buffers);
        try
        {
            await connection._socket.ConnectAsync(new DnsEndPoint(server.Host, server.Port), stop);
            var request = new byte[4 << 10];
            var length = upgrade.Write(request, server.Authority, "/sync?document=" + documentId, "");
            await connection._socket.SendAsync(request.AsMemory(0, length), stop);
            while (true)
            {
                await connection.ReceiveMoreAsync(0, stop);
                var answer = buffers.Received.AsSpan(0, connection._end);
                switch (upgrade.Read(answer, out var taken, out var refusal))
                {
                    case UpgradeState.Accepted:
                        connection._start = taken;
                        return connection;
                    case UpgradeState.Refused:
                        throw new JoinException(refusal.Reason, refusal.RetryAfter);
                    default:
                        break;
                }
            }
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public Task SendAsync(ClientFrame frame, CancellationToken stop)
    {
        var bytes = new byte[WebSocketFrames.HeaderBytesMax + frame.CalculateSize()];
        frame.WriteTo(bytes.AsSpan(WebSocketFrames.HeaderBytesMax));
        return SendAsync(bytes, Opcode.Binary, stop);
    }

    /// <summary>Receives one message.</summary>
    /// <returns>Its payload, which stands until the next is received.</returns>
    /// <exception cref="JoinException">The server has closed, or sends what is no WebSocket message.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken stop)
    {
        var gathered = 0;
        var isGathering = false;
        while (true)
        {
            var state = WebSocketFrames.Read(_buffers.Received.AsSpan(_start, _end - _start), out var frame, out var needed);
            if (state == FrameState.Partial)
            {
                await ReceiveMoreAsync(needed, stop);
                continue;
            }

            if (state == FrameState.Broken || (frame.Opcode <= Opcode.Binary && isGathering != (frame.Opcode == Opcode.Continuation)))
                throw new JoinException("The server broke the WebSocket protocol.");
            var payload = _buffers.Received.AsMemory(_start + frame.Length - frame.Payload.Length, frame.Payload.Length);
            _start += frame.Length;
            switch (frame.Opcode)
            {
                case Opcode.Close:
                    var code = payload.Length < 2 ? (int)WebSocketCloseStatus.Empty : (payload.Span[0] << 8) | payload.Span[1];
                    throw new JoinException(
                        $"The server closed: {code} {(payload.Length < 2 ? "" : Encoding.UTF8.GetString(payload.Span[2..]))}".TrimEnd());
                case Opcode.Ping or Opcode.Pong:
                    break;
                case var _ when frame.IsLast && !isGathering:
                    return payload;
                default:
                    gathered = Gather(payload.Span, gathered);
                    isGathering = !frame.IsLast;
                    if (!isGathering)
                        return _buffers.Message.AsMemory(0, gathered);
                    break;
            }
        }
    }

    /// <summary>Leaves as somebody does who has closed the page.</summary>
    public Task CloseAsync(CancellationToken stop)
    {
        var bytes = new byte[WebSocketFrames.HeaderBytesMax + 2];
        (bytes[^2], bytes[^1]) = (NormalClosure >> 8, NormalClosure & 0xFF);
        return SendAsync(bytes, Opcode.Close, stop);
    }

    public void Dispose() => _socket.Dispose();

    // The payload stands behind room for a header.
    private async Task SendAsync(byte[] bytes, Opcode opcode, CancellationToken stop)
    {
        var rest = bytes.AsMemory(WebSocketFrames.Seal(bytes, opcode, (uint)Random.Shared.Next()));
        while (!rest.IsEmpty)
            rest = rest[await _socket.SendAsync(rest, stop)..];
    }

    private async ValueTask ReceiveMoreAsync(int needed, CancellationToken stop)
    {
        var buffer = _buffers.Received;
        if (buffer.Length - _start < Math.Max(needed, _end - _start + 1))
        {
            if (needed > buffer.Length)
                buffer = new byte[needed + SpareBytes];
            _buffers.Received.AsSpan(_start, _end - _start).CopyTo(buffer);
            (_buffers.Received, _end, _start) = (buffer, _end - _start, 0);
        }

        var count = await _socket.ReceiveAsync(buffer.AsMemory(_end), stop);
        if (count == 0)
            throw new JoinException("The server hung up without a word.");
        _end += count;
    }

    private int Gather(ReadOnlySpan<byte> payload, int gathered)
    {
        var length = gathered + payload.Length;
        if (length > WebSocketFrames.PayloadBytesMax)
            throw new JoinException("The server sent a message without end.");
        if (_buffers.Message.Length < length)
        {
            var message = _buffers.Message;
            Array.Resize(ref message, Math.Max(length, message.Length * 2));
            _buffers.Message = message;
        }

        payload.CopyTo(_buffers.Message.AsSpan(gathered));
        return length;
    }
}
