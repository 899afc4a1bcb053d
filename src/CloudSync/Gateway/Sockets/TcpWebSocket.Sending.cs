// Frames to the client. Sending first tries without waiting, which nearly always does it, and costs nothing but the call.

using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;

namespace CloudSync.Gateway.Sockets;

internal sealed partial class TcpWebSocket
{
    /// <summary>The longest header of a frame from a server, in bytes.</summary>
    public const int HeaderBytes = 10;

    private const byte Final = 0x80;

    // The payload of the newest ping that was not answered; the older ones need no answer.
    private byte[]? _pong;

    private bool _partSent;

    /// <summary>A ping waits for its answer.</summary>
    public bool PongIsDue => Volatile.Read(ref _pong) is not null;

    /// <summary>Writes the header of a whole binary message right before its payload.</summary>
    /// <param name="room">At least <see cref="HeaderBytes"/>; the header stands at its end.</param>
    /// <param name="payloadBytes">How long the message is.</param>
    /// <returns>The length of the header.</returns>
    public static int WriteHeader(Span<byte> room, int payloadBytes)
    {
        var length = payloadBytes switch { <= ControlPayloadBytes => 2, <= ushort.MaxValue => 4, _ => HeaderBytes };
        WriteHeader(room[^length..], Final | Binary, payloadBytes);
        return length;
    }

    /// <summary>Sends bytes of frames that have their headers.</summary>
    /// <exception cref="WebSocketException">The connection is lost.</exception>
    public ValueTask SendFramedAsync(ReadOnlyMemory<byte> bytes)
    {
        var sent = _socket.Send(bytes.Span, SocketFlags.None, out var error);
        if (error is not (SocketError.Success or SocketError.WouldBlock))
            throw Lost(error);
        return sent == bytes.Length ? ValueTask.CompletedTask : SendRestAsync(bytes[sent..]);
    }

    public override async ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken)
    {
        var opcode = _partSent ? Continuation : messageType == WebSocketMessageType.Text ? Text : Binary;
        _partSent = !endOfMessage;
        await SendFrameAsync((endOfMessage ? Final : 0) | opcode, buffer);
    }

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        SendAsync(buffer.AsMemory(), messageType, endOfMessage, cancellationToken).AsTask();

    public override async Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken)
    {
        var reason = statusDescription ?? "";
        var payload = new byte[2 + Encoding.UTF8.GetByteCount(reason)];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, ControlPayloadBytes, nameof(statusDescription));
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)closeStatus);
        Encoding.UTF8.GetBytes(reason, payload.AsSpan(2));
        Closes(WebSocketState.CloseSent, other: WebSocketState.CloseReceived);
        await SendFrameAsync(Final | CloseFrame, payload);
    }

    /// <summary>Answers the newest ping, if one waits.</summary>
    public ValueTask SendPongAsync() =>
        Interlocked.Exchange(ref _pong, null) is { } payload ? SendFrameAsync(Final | Pong, payload) : ValueTask.CompletedTask;

    private void DueToPong(ReadOnlySpan<byte> payload)
    {
        Interlocked.Exchange(ref _pong, payload.ToArray());
        Owner?.PongIsDue();
    }

    private async ValueTask SendFrameAsync(int first, ReadOnlyMemory<byte> payload)
    {
        var length = payload.Length switch { <= ControlPayloadBytes => 2, <= ushort.MaxValue => 4, _ => HeaderBytes };
        var frame = ArrayPool<byte>.Shared.Rent(length + payload.Length);
        try
        {
            WriteHeader(frame.AsSpan(0, length), first, payload.Length);
            payload.CopyTo(frame.AsMemory(length));
            await SendFramedAsync(frame.AsMemory(0, length + payload.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    private async ValueTask SendRestAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, CancellationToken.None)..];
        }
        catch (SocketException exception)
        {
            throw Lost(exception.SocketErrorCode);
        }
    }

    private static void WriteHeader(Span<byte> header, int first, int payloadBytes)
    {
        header[0] = (byte)first;
        switch (header.Length)
        {
            case 2:
                header[1] = (byte)payloadBytes;
                break;
            case 4:
                header[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)payloadBytes);
                break;
            default:
                header[1] = 127;
                BinaryPrimitives.WriteInt64BigEndian(header[2..], payloadBytes);
                break;
        }
    }
}
