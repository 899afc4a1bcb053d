// Reads a ClientFrame where it was received, without an object for each message: a server reads thousands of Submits a
// second, and all that it wants from one are two numbers and two runs of bytes. The rare messages are left to the
// generated classes. tests/CloudSync.Tests/Gateway/ClientFrameReaderTests.cs holds it against the generated parser.

using System.Text.Unicode;
using CloudSync.Protocol.V1;

namespace CloudSync.Protocol;

/// <summary>One message of a ClientFrame: which it is, and the bytes of its body.</summary>
/// <param name="body">Which; None if it is of a kind this version does not know, or empty.</param>
/// <param name="bytes">The encoded body, for the generated parser or <see cref="SubmitView.TryParse"/>.</param>
public readonly ref struct ClientMessageView(ClientMessage.BodyOneofCase body, ReadOnlySpan<byte> bytes)
{
    /// <summary>Which message it is.</summary>
    public ClientMessage.BodyOneofCase Body { get; } = body;

    /// <summary>Its encoded body.</summary>
    public ReadOnlySpan<byte> Bytes { get; } = bytes;
}

/// <summary>How a step of <see cref="ClientFrameReader"/> ended.</summary>
public enum FrameRead
{
    /// <summary>A message was read.</summary>
    Message,

    /// <summary>The frame is at its end.</summary>
    End,

    /// <summary>The bytes are not a ClientFrame, from here on.</summary>
    Malformed,
}

/// <summary>A cursor over the messages of a ClientFrame.</summary>
/// <param name="frame">The frame.</param>
public ref struct ClientFrameReader(ReadOnlySpan<byte> frame)
{
    private readonly ReadOnlySpan<byte> _frame = frame;

    /// <summary>Where the next message begins: a reader over the rest of the frame continues there.</summary>
    public int Position { get; private set; }

    /// <summary>Reads the next message. A message with two bodies is malformed.</summary>
    public FrameRead Read(out ClientMessageView message)
    {
        message = default;
        var reader = new WireReader(_frame[Position..]);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                return FrameRead.Malformed;
            if (field != ClientFrame.MessagesFieldNumber || type != WireType.Bytes)
            {
                // A field of a later version: to be ignored, as protobuf has it.
                if (!reader.TrySkip(type))
                    return FrameRead.Malformed;
                continue;
            }

            if (!reader.TryReadBytes(out var bytes) || !TryReadBody(bytes, out message))
                return FrameRead.Malformed;
            Position += reader.Position;
            return FrameRead.Message;
        }

        Position = _frame.Length;
        return FrameRead.End;
    }

    private static bool TryReadBody(ReadOnlySpan<byte> bytes, out ClientMessageView message)
    {
        message = default;
        var reader = new WireReader(bytes);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                return false;
            var known = type == WireType.Bytes
                && field is >= ClientMessage.HelloFieldNumber and <= ClientMessage.AuthenticateFieldNumber;
            if (!known)
            {
                if (!reader.TrySkip(type))
                    return false;
                continue;
            }

            if (message.Body != ClientMessage.BodyOneofCase.None || !reader.TryReadBytes(out var body))
                return false;
            message = new ClientMessageView((ClientMessage.BodyOneofCase)field, body);
        }

        return true;
    }
}

/// <summary>A Submit, read in place.</summary>
public readonly ref struct SubmitView
{
    private SubmitView(ReadOnlySpan<byte> documentId, ulong baseVersion, ulong clientSequence, ReadOnlySpan<byte> operation)
    {
        DocumentId = documentId;
        BaseVersion = baseVersion;
        ClientSequence = clientSequence;
        Operation = operation;
    }

    /// <summary>The document's id: valid UTF-8, otherwise unchecked.</summary>
    public ReadOnlySpan<byte> DocumentId { get; }

    /// <summary>The version the operation was made on.</summary>
    public ulong BaseVersion { get; }

    /// <summary>The client's number for it.</summary>
    public ulong ClientSequence { get; }

    /// <summary>The operation, unchecked.</summary>
    public ReadOnlySpan<byte> Operation { get; }

    /// <summary>Reads the body of a Submit; false if it is malformed.</summary>
    public static bool TryParse(ReadOnlySpan<byte> body, out SubmitView submit)
    {
        submit = default;
        ReadOnlySpan<byte> documentId = default, operation = default;
        ulong baseVersion = 0, clientSequence = 0;
        var reader = new WireReader(body);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                return false;
            var read = (field, type) switch
            {
                // Checked each time: of a field given twice the last counts, but all have to be valid.
                (Submit.DocumentIdFieldNumber, WireType.Bytes) => reader.TryReadBytes(out documentId) && Utf8.IsValid(documentId),
                (Submit.BaseVersionFieldNumber, WireType.Varint) => reader.TryReadUInt64(out baseVersion),
                (Submit.ClientSeqFieldNumber, WireType.Varint) => reader.TryReadUInt64(out clientSequence),
                (Submit.OperationFieldNumber, WireType.Bytes) => reader.TryReadBytes(out operation),
                _ => reader.TrySkip(type),
            };
            if (!read)
                return false;
        }

        submit = new SubmitView(documentId, baseVersion, clientSequence, operation);
        return true;
    }
}
