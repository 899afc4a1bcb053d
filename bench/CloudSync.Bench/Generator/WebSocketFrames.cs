// The WebSocket protocol (RFC 6455) from the client's side: frames are written into one buffer and masked there, and read
// where they were received.

using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace CloudSync.Bench.Generator;

internal enum Opcode : byte
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// <summary>A frame from the server that has come whole.</summary>
internal readonly ref struct ReceivedFrame(Opcode opcode, bool isLast, ReadOnlySpan<byte> payload, int length)
{
    public Opcode Opcode { get; } = opcode;

    /// <summary>Whether its message ends with it.</summary>
    public bool IsLast { get; } = isLast;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    /// <summary>Bytes of it, its header included.</summary>
    public int Length { get; } = length;
}

/// <summary>How far a frame has come.</summary>
internal enum FrameState
{
    /// <summary>All of it is there.</summary>
    Whole,

    /// <summary>Some of it is still to come.</summary>
    Partial,

    /// <summary>No server may send this.</summary>
    Broken,
}

internal static class WebSocketFrames
{
    /// <summary>The most that stands before a payload: two bytes, eight of length, four of mask.</summary>
    public const int HeaderBytesMax = 14;

    /// <summary>A frame longer than this is taken for a fault of the server.</summary>
    public const int PayloadBytesMax = 256 << 20;

    private const int LastBit = 0x80;
    private const int ReservedBits = 0x70;
    private const int MaskBit = 0x80;
    private const int ControlBytesMax = 125;
    private const int SixteenBits = 126;
    private const int SixtyFourBits = 127;

    /// <summary>Masks a payload where it stands and writes the header right before it.</summary>
    /// <param name="buffer">Has <see cref="HeaderBytesMax"/> bytes before the payload, which reaches to its end.</param>
    /// <param name="opcode">What it is.</param>
    /// <param name="mask">Should not be guessable.</param>
    /// <returns>Where the frame begins in the buffer.</returns>
    public static int Seal(Span<byte> buffer, Opcode opcode, uint mask)
    {
        var payload = buffer[HeaderBytesMax..];
        Span<byte> header = stackalloc byte[HeaderBytesMax];
        header[0] = (byte)(LastBit | (byte)opcode);
        var length = 2;
        if (payload.Length < SixteenBits)
        {
            header[1] = (byte)(MaskBit | payload.Length);
        }
        else if (payload.Length <= ushort.MaxValue)
        {
            header[1] = MaskBit | SixteenBits;
            BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)payload.Length);
            length = 4;
        }
        else
        {
            header[1] = MaskBit | SixtyFourBits;
            BinaryPrimitives.WriteUInt64BigEndian(header[2..], (ulong)payload.Length);
            length = 10;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(header[length..], mask);
        length += sizeof(uint);
        header[..length].CopyTo(buffer[(HeaderBytesMax - length)..]);
        Mask(payload, mask);
        return HeaderBytesMax - length;
    }

    /// <summary>Reads the frame that bytes begin with.</summary>
    /// <param name="bytes">What was received.</param>
    /// <param name="frame">The frame, if it is whole.</param>
    /// <param name="needed">If it is partial: how many bytes it has in all, as far as is known.</param>
    public static FrameState Read(ReadOnlySpan<byte> bytes, out ReceivedFrame frame, out int needed)
    {
        frame = default;
        needed = 2;
        if (bytes.Length < 2)
            return FrameState.Partial;
        var opcode = (Opcode)(bytes[0] & 0x0F);
        var isLast = (bytes[0] & LastBit) != 0;
        var isControl = opcode >= Opcode.Close;
        var length = (ulong)bytes[1];
        // A server doesn't mask; nobody has agreed on what the reserved bits mean.
        if ((bytes[0] & ReservedBits) != 0 || (bytes[1] & MaskBit) != 0 || !Enum.IsDefined(opcode)
            || (isControl && (!isLast || length > ControlBytesMax)))
            return FrameState.Broken;
        var header = length switch { SixteenBits => 4, SixtyFourBits => 10, _ => 2 };
        needed = header;
        if (bytes.Length < header)
            return FrameState.Partial;
        if (length == SixteenBits)
            length = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        else if (length == SixtyFourBits)
            length = BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]);
        if (length > PayloadBytesMax)
            return FrameState.Broken;
        needed = header + (int)length;
        if (bytes.Length < needed)
            return FrameState.Partial;
        frame = new ReceivedFrame(opcode, isLast, bytes[header..needed], needed);
        return FrameState.Whole;
    }

    /// <summary>Masks, or takes the mask off: it is the same.</summary>
    public static void Mask(Span<byte> payload, uint mask)
    {
        var words = MemoryMarshal.Cast<byte, uint>(payload);
        for (var i = 0; i < words.Length; i++)
            words[i] ^= BitConverter.IsLittleEndian ? mask : BinaryPrimitives.ReverseEndianness(mask);
        for (var i = words.Length * sizeof(uint); i < payload.Length; i++)
            payload[i] ^= (byte)(mask >> (8 * (i % sizeof(uint))));
    }
}
