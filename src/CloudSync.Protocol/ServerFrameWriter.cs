// Writes ServerMessages as chunks of a ServerFrame. A ServerFrame is nothing but its messages, each behind the tag of
// field 1 and its length, so a chunk is encoded once and copied into as many frames as there are receivers.

using System.Buffers;
using System.Numerics;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Protocol;

/// <summary>Writes chunks of a ServerFrame.</summary>
public static class ServerFrameWriter
{
    /// <summary>The tag of ServerFrame.messages: field 1, length-delimited.</summary>
    public const byte MessageTag = 0x0A;

    /// <summary>How many bytes <see cref="Write"/> will write.</summary>
    public static int Measure(ServerMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var size = message.CalculateSize();
        return 1 + VarintLength((uint)size) + size;
    }

    /// <summary>Appends one message: tag, length, body.</summary>
    public static void Write(IBufferWriter<byte> output, ServerMessage message)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(message);
        var size = message.CalculateSize();
        var header = WriteHeader(output.GetSpan(6), size);
        output.Advance(header);
        message.WriteTo(output);
    }

    /// <summary>
    /// Writes the tag and the length that stand before a message of <paramref name="size"/> bytes; returns how many
    /// bytes that took, 6 at the most.
    /// </summary>
    public static int WriteHeader(Span<byte> output, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        output[0] = MessageTag;
        var position = 1;
        var rest = (uint)size;
        for (; rest >= 0x80; rest >>= 7)
            output[position++] = (byte)(rest | 0x80);
        output[position++] = (byte)rest;
        return position;
    }

    private static int VarintLength(uint value) => (BitOperations.Log2(value | 1) / 7) + 1;
}
