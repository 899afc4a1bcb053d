// The messages that documents send, each encoded as a chunk of a ServerFrame: field 1, which is repeated, so that
// chunks laid one after the other are a frame.

using System.Buffers;
using System.Runtime.InteropServices;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Documents;

internal static class ServerChunks
{
    // A tag and a length, at the most.
    private const int LengthDelimitedBytes = 10;

    // A snapshot of plain text is its bytes and this at the most.
    private const int SnapshotHeaderBytes = 16;

    public static byte[] Committed(string documentId, long baseVersion, ReadOnlySpan<MeasuredOperation> operations)
    {
        var committed = CommittedMessage(documentId, baseVersion, operations);
        return Encode(new ServerMessage { Committed = committed });
    }

    public static Committed CommittedMessage(
        string documentId, long baseVersion, ReadOnlySpan<MeasuredOperation> operations)
    {
        var committed = new Committed { DocumentId = documentId, BaseVersion = (ulong)baseVersion };
        committed.Operations.Capacity = operations.Length;
        foreach (ref readonly var operation in operations)
        {
            committed.Operations.Add(new Protocol.V1.CommittedOperation
            {
                ClientId = operation.Logged.ClientId,
                ClientSeq = operation.Logged.ClientSequence,
                Operation = UnsafeByteOperations.UnsafeWrap(operation.Logged.Bytes),
            });
        }

        return committed;
    }

    public static byte[] Refused(string documentId, ulong clientSequence, Refusal refusal) => Encode(new ServerMessage
    {
        Error = new Error
        {
            Code = refusal.Code,
            Message = refusal.Message,
            DocumentId = documentId,
            ClientSeq = clientSequence,
            Retry = refusal.Retry,
            RetryAfterMs = (uint)refusal.RetryAfter.TotalMilliseconds,
            Limit = refusal.Limit ?? "",
            LimitValue = (ulong)refusal.LimitValue,
        },
    });

    public static byte[] Ack(string documentId, ulong clientSequence, long version) => Encode(new ServerMessage
    {
        Ack = new Ack { DocumentId = documentId, ClientSeq = clientSequence, Version = (ulong)version },
    });

    public static byte[] Closed(string documentId, ClosedReason reason, string message) => Encode(new ServerMessage
    {
        Closed = new Closed { DocumentId = documentId, Reason = reason, Message = message },
    });

    /// <summary>An Opened message with a snapshot, which is encoded right where it is sent from: large ones are not copied.</summary>
    /// <param name="opened">Everything but the snapshot.</param>
    /// <param name="state">What the snapshot is of.</param>
    public static ReadOnlyMemory<byte> Opened(Opened opened, DocumentState state)
    {
        // What stands before the snapshot says how long it is, and so is written behind it in time and before it in place.
        var fields = opened.CalculateSize();
        var room = fields + (3 * LengthDelimitedBytes);
        var buffer = new ArrayBufferWriter<byte>(room + (int)Math.Min(state.Bytes + SnapshotHeaderBytes, Array.MaxLength - room));
        buffer.GetSpan(room);
        buffer.Advance(room);
        state.EncodeSnapshot(buffer);
        var bytes = MemoryMarshal.AsMemory(buffer.WrittenMemory);
        var snapshotBytes = bytes.Length - room;

        Span<byte> header = stackalloc byte[LengthDelimitedBytes];
        var start = room;
        Put(Protocol.V1.Opened.SnapshotFieldNumber, header, bytes.Span, snapshotBytes, ref start);
        start -= fields;
        opened.WriteTo(bytes.Span.Slice(start, fields));
        Put(ServerMessage.OpenedFieldNumber, header, bytes.Span, bytes.Length - start, ref start);
        Put(ServerFrame.MessagesFieldNumber, header, bytes.Span, bytes.Length - start, ref start);
        return bytes[start..];

        static void Put(int field, Span<byte> header, Span<byte> bytes, int length, ref int start)
        {
            var size = WriteVarint(header, ((uint)field << 3) | (uint)WireFormat.WireType.LengthDelimited);
            size += WriteVarint(header[size..], (uint)length);
            start -= size;
            header[..size].CopyTo(bytes[start..]);
        }
    }

    public static byte[] Encode(ServerMessage message)
    {
        var frame = new ServerFrame();
        frame.Messages.Add(message);
        return frame.ToByteArray();
    }

    private static int WriteVarint(Span<byte> output, uint value)
    {
        var position = 0;
        for (; value >= 0x80; value >>= 7)
            output[position++] = (byte)(value | 0x80);
        output[position++] = (byte)value;
        return position;
    }
}
