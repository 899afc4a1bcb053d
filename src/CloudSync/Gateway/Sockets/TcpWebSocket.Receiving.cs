// Frames of the client: taken from what has been received, unmasked on the way into the caller's buffer. A long one is
// received into the caller's buffer directly.

using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace CloudSync.Gateway.Sockets;

internal sealed partial class TcpWebSocket
{
    private const int ReceiveBytes = 4096;
    private const int ControlPayloadBytes = 125;

    // A keep-alive of the client's library is a ping now and then; the protocol's own heartbeat lies between any two of many.
    private const int ControlFramesBetweenMessages = 64;

    // Nobody needs so many, and an empty one after the other is a message that never ends and costs nothing to send.
    private const int PiecesOfMessage = 4_096;

    private const int Continuation = 0;
    private const int Text = 1;
    private const int Binary = 2;
    private const int CloseFrame = 8;
    private const int Ping = 9;
    private const int Pong = 10;

    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Received and not yet taken; null while there is nothing.
    private byte[]? _received;
    private int _start;
    private int _end;

    // The data frame that is being read.
    private bool _inFrame;
    private bool _final;
    private uint _mask;
    private long _payloadLeft;

    // A message was begun, and its last frame has not come.
    private bool _inMessage;
    private bool _isText;
    private int _controlFrames;
    private int _pieces;

    private bool HasReceived => _end > _start;

    /// <summary>Bytes that came behind the upgrade request already; before the first receive.</summary>
    public void Unread(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        _received = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, ReceiveBytes));
        bytes.CopyTo(_received);
        (_start, _end) = (0, bytes.Length);
    }

    /// <summary>
    /// Reads from one message. With an empty buffer: waits, with no buffer held, until a message has begun.
    /// </summary>
    /// <exception cref="WebSocketException">The connection is lost, or <see cref="Failure"/> says what is wrong.</exception>
    public override ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(
        Memory<byte> buffer, CancellationToken cancellationToken) =>
        TryTake(buffer.Span, out var result) ? new(result) : ReceiveMoreAsync(buffer, cancellationToken);

    public override async Task<WebSocketReceiveResult> ReceiveAsync(
        ArraySegment<byte> buffer, CancellationToken cancellationToken)
    {
        var result = await ReceiveAsync(buffer.AsMemory(), cancellationToken);
        return new(result.Count, result.MessageType, result.EndOfMessage);
    }

    /// <summary>True if a message can be read from, or the other side has closed, without waiting.</summary>
    public bool TryBegin() => TryTake([], out _);

    /// <summary>Completes when there is something to receive. What is read of it is <see cref="TryReceive"/>'s.</summary>
    public ValueTask<int> WhenReadableAsync()
    {
        if (!HasReceived)
            ReleaseReceived();
        return _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, CancellationToken.None);
    }

    /// <summary>Receives what is there; nothing, if it was a false alarm.</summary>
    public void TryReceive()
    {
        MakeRoom();
        var count = _socket.Receive(_received.AsSpan(_end), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
            return;
        if (error != SocketError.Success || count == 0)
            throw Lost(error);
        _end += count;
    }

    private async ValueTask<ValueWebSocketReceiveResult> ReceiveMoreAsync(
        Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_inFrame && !HasReceived && !buffer.IsEmpty)
            {
                ReleaseReceived();
                var part = buffer[..(int)Math.Min(buffer.Length, _payloadLeft)];
                var count = await _socket.ReceiveAsync(part, SocketFlags.None, cancellationToken);
                if (count == 0)
                    throw Lost(SocketError.Success);
                Unmask(part.Span[..count], part.Span);
                return Taken(count);
            }

            await WhenReadableAsync();
            TryReceive();
            if (TryTake(buffer.Span, out var result))
                return result;
        }
    }

    // False if more has to be received first.
    private bool TryTake(Span<byte> buffer, out ValueWebSocketReceiveResult result)
    {
        result = new(0, WebSocketMessageType.Close, endOfMessage: true);
        while (!_inFrame)
        {
            if (_closeStatus != 0)
                return true;
            if (!TryReadHeader(out var opcode))
                return false;
            if (opcode >= CloseFrame)
                TakeControl(opcode);
        }

        if (buffer.IsEmpty)
        {
            result = new(0, _isText ? WebSocketMessageType.Text : WebSocketMessageType.Binary, endOfMessage: false);
            return true;
        }

        var count = (int)Math.Min(Math.Min(_end - _start, _payloadLeft), buffer.Length);
        if (count == 0 && _payloadLeft > 0)
            return false;
        Unmask(_received.AsSpan(_start, count), buffer);
        _start += count;
        result = Taken(count);
        if (!HasReceived)
            ReleaseReceived();
        return true;
    }

    private ValueWebSocketReceiveResult Taken(int count)
    {
        _payloadLeft -= count;
        _inFrame = _payloadLeft > 0;
        _inMessage = _inFrame || !_final;
        return new(count, _isText ? WebSocketMessageType.Text : WebSocketMessageType.Binary, endOfMessage: !_inMessage);
    }

    // False while it is not there whole: of a control frame, its payload too, which then stands at _start.
    private bool TryReadHeader(out int opcode)
    {
        opcode = 0;
        var bytes = _received.AsSpan(_start, _end - _start);
        if (bytes.Length < 2)
            return false;
        opcode = bytes[0] & 0x0F;
        var isControl = opcode >= CloseFrame;
        var final = (bytes[0] & 0x80) != 0;
        var length = bytes[1] & 0x7F;
        if ((bytes[0] & 0x70) != 0 || (bytes[1] & 0x80) == 0 || opcode is (> Binary and < CloseFrame) or > Pong
            || (isControl && (!final || length > ControlPayloadBytes))
            || (!isControl && _inMessage != (opcode == Continuation)))
        {
            throw Fail(WebSocketCloseStatus.ProtocolError);
        }

        var lengthBytes = length switch { 126 => 2, 127 => 8, _ => 0 };
        var headerBytes = 2 + lengthBytes + 4;
        if (bytes.Length < headerBytes + (isControl ? length : 0))
            return false;
        var payload = lengthBytes switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            8 => BinaryPrimitives.ReadInt64BigEndian(bytes[2..]),
            _ => length,
        };
        if (payload < 0)
            throw Fail(WebSocketCloseStatus.ProtocolError);
        _mask = MemoryMarshal.Read<uint>(bytes[(headerBytes - 4)..]);
        _payloadLeft = payload;
        _start += headerBytes;
        if (isControl)
            return true;
        _controlFrames = 0;
        (_inFrame, _final) = (true, final);
        if (opcode != Continuation)
            (_inMessage, _isText, _pieces) = (true, opcode == Text, 0);
        else if (++_pieces > PiecesOfMessage)
            throw Fail(WebSocketCloseStatus.PolicyViolation);
        return true;
    }

    private void TakeControl(int opcode)
    {
        var length = (int)_payloadLeft;
        _payloadLeft = 0;
        if (++_controlFrames > ControlFramesBetweenMessages)
            throw Fail(WebSocketCloseStatus.PolicyViolation);
        Span<byte> payload = stackalloc byte[ControlPayloadBytes];
        payload = payload[..length];
        Unmask(_received.AsSpan(_start, length), payload);
        _start += length;
        if (!HasReceived)
            ReleaseReceived();
        if (opcode == Ping)
            DueToPong(payload);
        if (opcode == CloseFrame)
            TakeClose(payload);
    }

    private void TakeClose(ReadOnlySpan<byte> payload)
    {
        if (payload.Length == 1)
            throw Fail(WebSocketCloseStatus.ProtocolError);
        if (payload.IsEmpty)
        {
            // As .NET has it.
            _closeStatus = WebSocketCloseStatus.NormalClosure;
        }
        else
        {
            var code = BinaryPrimitives.ReadUInt16BigEndian(payload);
            // The ranges of RFC 6455, 7.4, that may stand in a frame.
            if (code is not ((>= 1000 and <= 1003) or (>= 1007 and <= 1014) or (>= 3000 and < 5000)))
                throw Fail(WebSocketCloseStatus.ProtocolError);
            _closeStatus = (WebSocketCloseStatus)code;
            try
            {
                _closeReason = _utf8.GetString(payload[2..]);
            }
            catch (DecoderFallbackException)
            {
                throw Fail(WebSocketCloseStatus.ProtocolError);
            }
        }

        Closes(WebSocketState.CloseReceived, other: WebSocketState.CloseSent);
    }

    // Also moves the mask on, to where the next byte begins.
    private void Unmask(ReadOnlySpan<byte> from, Span<byte> to)
    {
        Span<byte> pattern = stackalloc byte[Vector<byte>.Count];
        MemoryMarshal.Cast<byte, uint>(pattern).Fill(_mask);
        var mask = new Vector<byte>(pattern);
        var i = 0;
        for (; i <= from.Length - Vector<byte>.Count; i += Vector<byte>.Count)
            (new Vector<byte>(from[i..]) ^ mask).CopyTo(to[i..]);
        for (; i < from.Length; i++)
            to[i] = (byte)(from[i] ^ pattern[i & 3]);
        var turn = (from.Length & 3) * 8;
        _mask = BitConverter.IsLittleEndian ? BitOperations.RotateRight(_mask, turn) : BitOperations.RotateLeft(_mask, turn);
    }

    private void MakeRoom()
    {
        if (_received is null)
        {
            _received = ArrayPool<byte>.Shared.Rent(ReceiveBytes);
            (_start, _end) = (0, 0);
        }
        else if (_start > 0)
        {
            // Only the beginning of a header or of a control frame is ever left over: there is room behind it.
            _received.AsSpan(_start, _end - _start).CopyTo(_received);
            (_start, _end) = (0, _end - _start);
        }
    }

    private void ReleaseReceived()
    {
        if (_received is null)
            return;
        ArrayPool<byte>.Shared.Return(_received);
        _received = null;
        (_start, _end) = (0, 0);
    }

    private WebSocketException Fail(WebSocketCloseStatus status)
    {
        Failure = status;
        return new(WebSocketError.Faulted);
    }

    private static WebSocketException Lost(SocketError error) => error == SocketError.Success
        ? new(WebSocketError.ConnectionClosedPrematurely)
        : new(WebSocketError.ConnectionClosedPrematurely, new SocketException((int)error));
}
