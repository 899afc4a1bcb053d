// CloudSync's protocol (docs/protocol.md). What comes and goes thousands of times a second is written and read by hand, where
// it stands; the rest is left to the generated classes.

using System.Buffers.Binary;
using System.Text;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Bench.Generator;

/// <param name="settings">What the clients do.</param>
internal sealed class CloudSyncProtocol(CloudSyncProtocolSettings settings) : LoadProtocol
{
    private const int VarintBytesMax = 10;
    private const int LongestName = 64;
    private const int LettersMax = GeneratorThread.ComposedMax;

    // ClientFrame { messages { ping {} } }
    private static ReadOnlySpan<byte> PingFrame => [0x0A, 0x02, 0x12, 0x00];

    // Half of a client id is the thread's, half the client's number: who typed something is found without a look-up.
    private readonly ulong _thread = (ulong)Random.Shared.NextInt64(1, uint.MaxValue) << 32;
    private readonly Random _random = new(1);

    public override string PathOf(LoadClient client)
    {
        var id = client.Document.Id;
        // Behind a load balancer, writers are brought together by their document's name. Whoever is to watch from another
        // gateway gives it another name, until that leads to one.
        var hint = settings.Spread && client.Writer is null ? $"{id}-{client.Number}-{client.Attempts}" : id;
        return "/sync?document=" + hint;
    }

    public override int Greet(LoadClient client, Span<byte> buffer)
    {
        var frame = new ClientFrame
        {
            Messages =
            {
                new ClientMessage
                {
                    Hello = new Hello
                    {
                        ProtocolVersion = 1, ClientId = ClientIdOf(client), Agent = "cloudsync-bench",
                        User = new User { Name = settings.Presence ? $"Person {client.Number + 1}" : "" },
                    },
                },
            },
        };
        if (settings.OpenDocuments)
            frame.Messages.Add(OpenOf(client));
        frame.WriteTo(buffer[..frame.CalculateSize()]);
        return frame.CalculateSize();
    }

    public override int Open(LoadClient client, Span<byte> buffer)
    {
        var frame = new ClientFrame { Messages = { OpenOf(client) } };
        frame.WriteTo(buffer[..frame.CalculateSize()]);
        return frame.CalculateSize();
    }

    public override int Type(LoadClient client, int keystrokes, Span<byte> buffer)
    {
        // Letters somewhere in the text. The document held nothing before, so it has at least as many as versions.
        Span<byte> operation = stackalloc byte[(2 * VarintBytesMax) + LettersMax];
        var position = (uint)_random.NextInt64(client.Version + 1);
        var size = position == 0 ? 0 : WriteVarint(operation, (ulong)position << 3);
        size += WriteVarint(operation[size..], ((ulong)keystrokes << 3) | 2);
        operation.Slice(size, keystrokes).Fill((byte)('a' + (int)(client.Sequence % 26)));
        size += keystrokes;

        Span<byte> body = stackalloc byte[(3 * VarintBytesMax) + LongestName + operation.Length + 8];
        var length = WriteDocumentId(body, client);
        body[length++] = (Submit.BaseVersionFieldNumber << 3) | 0;
        length += WriteVarint(body[length..], (ulong)client.Version);
        body[length++] = (Submit.ClientSeqFieldNumber << 3) | 0;
        length += WriteVarint(body[length..], client.Sequence);
        body[length++] = (Submit.OperationFieldNumber << 3) | 2;
        length += WriteVarint(body[length..], (ulong)size);
        operation[..size].CopyTo(body[length..]);
        return WriteMessage(buffer, ClientMessage.SubmitFieldNumber, body[..(length + size)]);
    }

    public override int MoveSelection(LoadClient client, Span<byte> buffer)
    {
        Span<byte> selection = stackalloc byte[(2 * VarintBytesMax) + 2];
        var position = (ulong)_random.NextInt64(client.Version + 1);
        selection[0] = (Selection.AnchorFieldNumber << 3) | 0;
        var size = 1 + WriteVarint(selection[1..], position);
        selection[size++] = (Selection.FocusFieldNumber << 3) | 0;
        size += WriteVarint(selection[size..], position);

        Span<byte> body = stackalloc byte[(3 * VarintBytesMax) + LongestName + selection.Length + 8];
        var length = WriteDocumentId(body, client);
        body[length++] = (SetPresence.VersionFieldNumber << 3) | 0;
        length += WriteVarint(body[length..], (ulong)client.Version);
        body[length++] = (SetPresence.SelectionFieldNumber << 3) | 2;
        length += WriteVarint(body[length..], (ulong)size);
        selection[..size].CopyTo(body[length..]);
        return WriteMessage(buffer, ClientMessage.SetPresenceFieldNumber, body[..(length + size)]);
    }

    public override int Beat(LoadClient client, Span<byte> buffer)
    {
        PingFrame.CopyTo(buffer);
        return PingFrame.Length;
    }

    public override void Receive(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        var frame = new WireReader(message);
        while (!frame.AtEnd)
        {
            if (!frame.TryReadTag(out var field, out var type))
            {
                events.Failed(client, "The server sent what is no ServerFrame.");
                return;
            }

            if (field != ServerFrame.MessagesFieldNumber || type != WireType.Bytes)
            {
                if (!frame.TrySkip(type))
                    events.Failed(client, "The server sent what is no ServerFrame.");
                continue;
            }

            if (!frame.TryReadBytes(out var bytes) || !TryTake(client, bytes, events))
            {
                events.Failed(client, "The server sent a message that can't be read, or a version twice or not at all.");
                return;
            }

            // What follows is of a connection that is closed by now.
            if (client.State is not (ClientState.Opening or ClientState.Live))
                return;
        }
    }

    private bool TryTake(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        var reader = new WireReader(message);
        if (!reader.TryReadTag(out var field, out var type) || type != WireType.Bytes || !reader.TryReadBytes(out var body))
            return false;
        switch ((ServerMessage.BodyOneofCase)field)
        {
            case ServerMessage.BodyOneofCase.Committed:
                return CommittedReader.TryRead(client, body, _thread, events);
            case ServerMessage.BodyOneofCase.PresenceChanged:
                events.PresenceReceived(body.Length);
                return true;
            case ServerMessage.BodyOneofCase.Pong:
                return true;
            default:
                TakeRare(client, ServerMessage.Parser.ParseFrom(message), events);
                return true;
        }
    }

    private void TakeRare(LoadClient client, ServerMessage message, ILoadEvents events)
    {
        switch (message.BodyCase)
        {
            case ServerMessage.BodyOneofCase.Welcome:
                HeartbeatInterval = TimeSpan.FromMilliseconds(message.Welcome.HeartbeatIntervalMs);
                HeartbeatTimeout = TimeSpan.FromMilliseconds(message.Welcome.HeartbeatTimeoutMs);
                if (events.Welcomed(client, message.Welcome.GatewayId) && !settings.OpenDocuments)
                    events.Opened(client);
                break;
            case ServerMessage.BodyOneofCase.Opened:
                client.Version = (long)message.Opened.Version;
                client.Comeback?.Opens((long)message.Opened.Head);
                events.Opened(client);
                break;
            case ServerMessage.BodyOneofCase.Error when message.Error.ClientSeq != 0:
                events.Refused(client, message.Error.ClientSeq, message.Error.Code.ToString(), message.Error.Retry != Retry.Never);
                break;
            case ServerMessage.BodyOneofCase.Error when client.Comeback is not null && message.Error is { DocumentId.Length: > 0, Retry: Retry.Later }:
                events.AskLater(client, WordsOf(message.Error), RetryAfter(message.Error));
                break;
            case ServerMessage.BodyOneofCase.Ack when client.Writer is { Outstanding: > 0 } && message.Ack.ClientSeq == client.Sequence
                && (long)message.Ack.Version <= client.Version:
                events.Failed(client, "The server acknowledged an operation that was left out.");
                break;
            case ServerMessage.BodyOneofCase.GoingAway:
                events.GoingAway(
                    client, TimeSpan.FromMilliseconds(message.GoingAway.ReconnectAfterMsMin), TimeSpan.FromMilliseconds(message.GoingAway.ReconnectAfterMsMax));
                break;
            case ServerMessage.BodyOneofCase.Error:
                events.Failed(
                    client, WordsOf(message.Error), message.Error.Retry == Retry.Later ? RetryAfter(message.Error) : null);
                break;
            case ServerMessage.BodyOneofCase.Closed:
                events.Failed(client, $"The server closed the document: {message.Closed.Reason}");
                break;
        }
    }

    // Who comes back has a version already, and wants what was committed since.
    private static ClientMessage OpenOf(LoadClient client)
    {
        var open = new Open { DocumentId = client.Document.Id };
        if (client.Comeback is not null)
            open.FromVersion = (ulong)client.Version;
        return new ClientMessage { Open = open };
    }

    private static string WordsOf(Error error) => $"The server refused: {error.Code} {error.Limit}".TrimEnd();

    private static TimeSpan RetryAfter(Error error) => TimeSpan.FromMilliseconds(Math.Max(error.RetryAfterMs, 100));

    private ulong ClientIdOf(LoadClient client) => _thread | ((uint)client.Index + 1);

    private static int WriteDocumentId(Span<byte> buffer, LoadClient client)
    {
        buffer[0] = (1 << 3) | 2;
        var length = Encoding.ASCII.GetBytes(client.Document.Id, buffer[2..]);
        buffer[1] = (byte)length;
        return 2 + length;
    }

    // A ClientFrame is nothing but its messages one behind the other.
    private static int WriteMessage(Span<byte> buffer, int field, ReadOnlySpan<byte> body)
    {
        Span<byte> header = stackalloc byte[1 + VarintBytesMax];
        header[0] = (byte)((field << 3) | 2);
        var size = 1 + WriteVarint(header[1..], (ulong)body.Length);
        buffer[0] = (ClientFrame.MessagesFieldNumber << 3) | 2;
        var position = 1 + WriteVarint(buffer[1..], (ulong)(size + body.Length));
        header[..size].CopyTo(buffer[position..]);
        body.CopyTo(buffer[(position + size)..]);
        return position + size + body.Length;
    }

    private static int WriteVarint(Span<byte> buffer, ulong value)
    {
        var position = 0;
        for (; value >= 0x80; value >>= 7)
            buffer[position++] = (byte)(value | 0x80);
        buffer[position++] = (byte)value;
        return position;
    }
}

/// <summary>What the clients of CloudSync's protocol do.</summary>
/// <param name="Presence">Whether they have a name, and so are shown to each other.</param>
/// <param name="Spread">Whether those who only watch give a load balancer a name of their own, and not their document's.</param>
/// <param name="OpenDocuments">False: they say Hello and nothing more.</param>
internal sealed record CloudSyncProtocolSettings(bool Presence, bool Spread, bool OpenDocuments = true);

/// <summary>Reads the body of a Committed where it stands.</summary>
internal static class CommittedReader
{
    /// <summary>Tells of each operation in it, and moves the client's version on.</summary>
    /// <param name="client">Whom it came to.</param>
    /// <param name="body">The encoded Committed.</param>
    /// <param name="thread">The upper half of the client ids of the client's thread.</param>
    /// <param name="events">Whom to tell.</param>
    /// <returns>False if it is malformed, or there is a gap.</returns>
    public static bool TryRead(LoadClient client, ReadOnlySpan<byte> body, ulong thread, ILoadEvents events)
    {
        // The number is not written if it is 0.
        var follows = client.Version == 0;
        var reader = new WireReader(body);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                return false;
            switch (field)
            {
                case Committed.BaseVersionFieldNumber when type == WireType.Varint:
                    if (!reader.TryReadUInt64(out var version) || (long)version != client.Version)
                        return false;
                    follows = true;
                    break;
                case Committed.OperationsFieldNumber when type == WireType.Bytes:
                    if (!follows || !reader.TryReadBytes(out var operation) || !TryReadOperation(client, operation, thread, events))
                        return false;
                    break;
                default:
                    if (!reader.TrySkip(type))
                        return false;
                    break;
            }
        }

        return true;
    }

    private static bool TryReadOperation(LoadClient client, ReadOnlySpan<byte> bytes, ulong thread, ILoadEvents events)
    {
        ulong author = 0, sequence = 0, count = 0;
        var reader = new WireReader(bytes);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out var field, out var type))
                return false;
            switch (field)
            {
                case CommittedOperation.ClientIdFieldNumber when type == WireType.Fixed64:
                    var start = reader.Position;
                    if (!reader.TrySkip(type))
                        return false;
                    author = BinaryPrimitives.ReadUInt64LittleEndian(bytes[start..]);
                    break;
                case CommittedOperation.ClientSeqFieldNumber when type == WireType.Varint:
                    if (!reader.TryReadUInt64(out sequence))
                        return false;
                    break;
                case CommittedOperation.CountFieldNumber when type == WireType.Varint:
                    if (!reader.TryReadUInt64(out count))
                        return false;
                    break;
                default:
                    if (!reader.TrySkip(type))
                        return false;
                    break;
            }
        }

        if (count > 1)
        {
            var first = client.Version + 1;
            client.Version += (long)count;
            events.DeliveredRun(client, first, (long)count);
            return true;
        }

        client.Version++;
        events.Delivered(client, (author & 0xFFFFFFFF_00000000) == thread ? (long)(uint)author - 1 : -1, sequence, client.Version);
        return true;
    }
}
