// What comes over the wire: client frames as the gateway reads them, server frames as the .NET client reads them.

using System.Text;
using CloudSync.Protocol;
using CloudSync.Protocol.V1;
using CloudSync.Verification;
using Google.Protobuf;

namespace CloudSync.Fuzzing.Targets;

internal sealed class ClientFrameTarget : IFuzzTarget
{
    public string Name => "client-frame";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary => Frames.Dictionary;

    public byte[] Make(SeededRandom random)
    {
        var frame = new ClientFrame();
        for (var i = random.Next(5); i >= 0; i--)
        {
            var id = random.Next(3) == 0 ? "é😀" : "document";
            frame.Messages.Add(random.Next(8) switch
            {
                0 => new ClientMessage { Hello = new() { ProtocolVersion = 1, ClientId = random.NextBits(), Agent = "a", User = new() { Name = id } } },
                1 => new ClientMessage { Ping = new() },
                2 => new ClientMessage { Open = new() { DocumentId = id, FromVersion = (ulong)random.Next(300) } },
                3 => new ClientMessage { Close = new() { DocumentId = id } },
                4 => new ClientMessage { SetPresence = new() { DocumentId = id, Version = 3, Selection = new() { Anchor = 1, Focus = 300 }, State = "{}" } },
                5 => new ClientMessage(),
                6 => new ClientMessage { Authenticate = new() { Token = id } },
                _ => new ClientMessage { Submit = new() { DocumentId = id, BaseVersion = random.NextBits(), ClientSeq = 7, Operation = ByteString.CopyFrom(10, 18, 104, 105) } },
            });
        }

        return frame.ToByteArray();
    }

    // The generated parser reads everything that ours reads, and reads it the same.
    public void Run(byte[] input, FuzzTrace trace)
    {
        var reader = new ClientFrameReader(input);
        var read = new ClientFrame();
        FrameRead step;
        while ((step = reader.Read(out var message)) == FrameRead.Message)
        {
            trace.Add(message.Body.ToString());
            if (!TryParse(message, trace, out var parsed))
                return;
            read.Messages.Add(parsed);
        }

        trace.Add(step.ToString());
        trace.Add("messages", read.Messages.Count);
        if (step == FrameRead.Malformed)
            return;
        ClientFrame generated;
        try
        {
            generated = Frames.Parse(ClientFrame.Parser, input);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new FuzzFailureException($"the generated parser refuses what was read: {e.Message}");
        }

        Oracles.Holds(generated.Equals(read), "the generated parser reads something else", generated, read);
        Oracles.Holds(Frames.Parse(ClientFrame.Parser, generated.ToByteArray()).Equals(generated), "a frame isn't stable");
    }

    private static bool TryParse(in ClientMessageView message, FuzzTrace trace, out ClientMessage parsed)
    {
        parsed = new();
        var bytes = message.Bytes;
        try
        {
            switch (message.Body)
            {
                case ClientMessage.BodyOneofCase.Hello: parsed.Hello = Frames.Parse(Hello.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.Ping: parsed.Ping = Frames.Parse(Ping.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.Open: parsed.Open = Frames.Parse(Open.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.Close: parsed.Close = Frames.Parse(Close.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.Authenticate: parsed.Authenticate = Frames.Parse(Authenticate.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.SetPresence: parsed.SetPresence = Frames.Parse(SetPresence.Parser, bytes); break;
                case ClientMessage.BodyOneofCase.Submit:
                    if (!SubmitView.TryParse(bytes, out var submit))
                    {
                        trace.Add("malformed Submit");
                        return false;
                    }

                    parsed.Submit = new()
                    {
                        DocumentId = Encoding.UTF8.GetString(submit.DocumentId),
                        BaseVersion = submit.BaseVersion,
                        ClientSeq = submit.ClientSequence,
                        Operation = ByteString.CopyFrom(submit.Operation),
                    };
                    break;
            }

            return true;
        }
        catch (InvalidProtocolBufferException e)
        {
            trace.Add($"{message.Body}: {e.Message}");
            return false;
        }
    }
}

internal sealed class ServerFrameTarget : IFuzzTarget
{
    public string Name => "server-frame";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i)));

    public IReadOnlyList<byte[]> Dictionary => Frames.Dictionary;

    public byte[] Make(SeededRandom random)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        for (var i = random.Next(4); i >= 0; i--)
        {
            ServerFrameWriter.Write(output, random.Next(7) switch
            {
                0 => new ServerMessage { Welcome = new() { ProtocolVersion = 1, Limits = new() { MessageBytes = 1 }, ServerTimeMs = 1 } },
                1 => new ServerMessage { Opened = new() { DocumentId = "d", Type = "rich-text", Version = 1, Snapshot = ByteString.CopyFrom(18, 104, 105) } },
                2 => new ServerMessage { Committed = new() { DocumentId = "d", Operations = { new CommittedOperation { ClientId = 1, Count = 2, Operation = ByteString.CopyFrom(9) } } } },
                3 => new ServerMessage { Ack = new() { DocumentId = "d", ClientSeq = 1, Version = random.NextBits() } },
                4 => new ServerMessage { Error = new() { Code = ErrorCode.OperationMalformed, Message = "é", Retry = Retry.Reopen } },
                5 => new ServerMessage { PresenceChanged = new() { Left = { 1, 2 }, Entries = { new PresenceEntry { State = "{}" } } } },
                _ => new ServerMessage { GoingAway = new() { Reason = "r" } },
            });
        }

        return output.WrittenSpan.ToArray();
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        ServerFrame frame;
        try
        {
            frame = Frames.Parse(ServerFrame.Parser, input);
        }
        catch (InvalidProtocolBufferException e)
        {
            trace.Add(e.Message);
            return;
        }

        var output = new System.Buffers.ArrayBufferWriter<byte>();
        foreach (var message in frame.Messages)
        {
            trace.Add(message.BodyCase.ToString());
            var before = output.WrittenCount;
            ServerFrameWriter.Write(output, message);
            Oracles.Holds(output.WrittenCount - before == ServerFrameWriter.Measure(message), "a message is longer than measured");
        }

        trace.Add("messages", frame.Messages.Count);
        Oracles.Holds(Frames.Parse(ServerFrame.Parser, output.WrittenSpan).Equals(frame), "a frame isn't stable");
    }
}

internal static class Frames
{
    public static IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [0x0A, 0x00], [0x0A, 0x02, 0x12, 0x00], [0x2A, 0x04, 0x0A, 0x02], [0x10, 0x80, 0x80, 0x01], [0x22, 0x02, 0x12, 0x00], [0x08, 0x01], [0x0B, 0x0C],
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x09, 1, 2, 3, 4, 5, 6, 7, 8], [0xED, 0xA0, 0x80],
    ];

    /// <summary>Reads a message without the fields of later versions, which our own reader passes over.</summary>
    public static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> bytes)
        where T : IMessage<T> => parser.WithDiscardUnknownFields(true).ParseFrom(bytes);
}
