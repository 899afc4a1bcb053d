// The reader of frames against the generated parser: what it takes, the generated parser takes too and reads the same;
// what an encoder writes, it takes; nothing makes it throw.

using CloudSync.Protocol;
using CloudSync.Protocol.V1;
using CsCheck;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class ClientFrameReaderTests
{
    private static readonly Gen<string> GenText = Gen.String[Gen.Char.AlphaNumeric, 0, 70];

    private static readonly Gen<ClientMessage> GenMessage = Gen.OneOf(
        Gen.Select(GenText, Gen.ULong, Gen.ULong, Gen.Byte.Array[0, 300], (id, version, sequence, operation) =>
            Messages.Submit(id, version, sequence, operation)),
        Gen.Select(GenText, Gen.ULong, Gen.Bool, (id, version, has) => Messages.Open(id, has ? version : null)),
        GenText.Select(Messages.Close),
        Gen.Const(Messages.Ping),
        Gen.Select(Gen.ULong, Gen.UInt, GenText, (client, version, name) => Messages.Hello(client, version, name)),
        Gen.Select(GenText, GenText, (id, name) => Messages.SetPresence(id, new User { Name = name })),
        GenText.Select(Messages.Authenticate),
        Gen.Const(new ClientMessage()));

    private static readonly Gen<ClientFrame> GenFrame = GenMessage.Array[0, 8].Select(Messages.Frame);

    [Fact]
    public void What_an_encoder_writes_is_read_as_it_was_written() => GenFrame.Sample(frame =>
    {
        Assert.True(TryRead(frame.ToByteArray(), out var read));
        Assert.Equal(frame, read);
    });

    [Fact]
    public void Arbitrary_bytes_never_throw_and_what_is_taken_the_generated_parser_reads_alike() =>
        Gen.Byte.Array[0, 200].Sample(Agrees, iter: 20_000);

    [Fact]
    public void A_frame_with_any_bytes_changed_never_throws_and_what_is_taken_the_generated_parser_reads_alike() =>
        Gen.Select(GenFrame, Gen.Select(Gen.Int[0, 10_000], Gen.Byte).Array[1, 4], (frame, changes) =>
        {
            var bytes = frame.ToByteArray();
            foreach (var (at, value) in changes)
            {
                if (bytes.Length > 0)
                    bytes[at % bytes.Length] = value;
            }

            return bytes;
        }).Sample(Agrees, iter: 20_000);

    [Fact]
    public void A_frame_cut_anywhere_never_throws_and_what_is_taken_the_generated_parser_reads_alike() =>
        Gen.Select(GenFrame, Gen.Int[0, 10_000], (frame, cut) =>
        {
            var bytes = frame.ToByteArray();
            return bytes[..(cut % (bytes.Length + 1))];
        }).Sample(Agrees, iter: 20_000);

    [Fact]
    public void A_submit_with_two_document_ids_is_malformed_if_either_is_not_utf8()
    {
        byte[] valid = [0x0A, 1, (byte)'d'], invalid = [0x0A, 1, 0xFF];
        Assert.True(SubmitView.TryParse([.. valid, .. valid], out _));
        Assert.False(SubmitView.TryParse([.. valid, .. invalid], out _));
        Assert.False(SubmitView.TryParse([.. invalid, .. valid], out _));
    }

    [Fact]
    public void A_chunk_is_a_server_frame_of_its_own_and_chunks_in_a_row_are_one_frame()
    {
        var messages = new[]
        {
            new ServerMessage { Pong = new Pong() },
            new ServerMessage { Error = new Error { Code = ErrorCode.Internal, Message = new string('x', 20_000) } },
            new ServerMessage { Committed = new Committed { DocumentId = "doc", BaseVersion = 300 } },
        };
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        foreach (var message in messages)
        {
            var before = output.WrittenCount;
            ServerFrameWriter.Write(output, message);
            Assert.Equal(ServerFrameWriter.Measure(message), output.WrittenCount - before);
        }

        Assert.Equal(new ServerFrame { Messages = { messages } }, ServerFrame.Parser.ParseFrom(output.WrittenSpan));
    }

    private static void Agrees(byte[] bytes)
    {
        if (TryRead(bytes, out var read))
            Assert.Equal(WithoutUnknown(ClientFrame.Parser, ClientFrame.Parser.ParseFrom(bytes)), read);
    }

    // What the gateway makes of a frame: null if any part is malformed.
    private static bool TryRead(byte[] bytes, out ClientFrame? frame)
    {
        frame = new ClientFrame();
        var reader = new ClientFrameReader(bytes);
        while (true)
        {
            switch (reader.Read(out var view))
            {
                case FrameRead.End:
                    return true;
                case FrameRead.Malformed:
                    return false;
            }

            try
            {
                var message = new ClientMessage();
                switch (view.Body)
                {
                    case ClientMessage.BodyOneofCase.Submit:
                        if (!SubmitView.TryParse(view.Bytes, out var submit))
                            return false;
                        message.Submit = new Submit
                        {
                            DocumentId = System.Text.Encoding.UTF8.GetString(submit.DocumentId),
                            BaseVersion = submit.BaseVersion,
                            ClientSeq = submit.ClientSequence,
                            Operation = ByteString.CopyFrom(submit.Operation),
                        };
                        break;
                    case ClientMessage.BodyOneofCase.Open:
                        message.Open = WithoutUnknown(Open.Parser, Open.Parser.ParseFrom(view.Bytes));
                        break;
                    case ClientMessage.BodyOneofCase.Close:
                        message.Close = WithoutUnknown(Close.Parser, Close.Parser.ParseFrom(view.Bytes));
                        break;
                    case ClientMessage.BodyOneofCase.Hello:
                        message.Hello = WithoutUnknown(Hello.Parser, Hello.Parser.ParseFrom(view.Bytes));
                        break;
                    case ClientMessage.BodyOneofCase.SetPresence:
                        message.SetPresence = WithoutUnknown(SetPresence.Parser, SetPresence.Parser.ParseFrom(view.Bytes));
                        break;
                    case ClientMessage.BodyOneofCase.Authenticate:
                        message.Authenticate = WithoutUnknown(Authenticate.Parser, Authenticate.Parser.ParseFrom(view.Bytes));
                        break;
                    case ClientMessage.BodyOneofCase.Ping:
                        message.Ping = WithoutUnknown(Ping.Parser, Ping.Parser.ParseFrom(view.Bytes));
                        break;
                }

                frame.Messages.Add(message);
            }
            catch (InvalidProtocolBufferException)
            {
                return false;
            }
        }
    }

    // A message without the fields that this version does not know: how the frame reader, which passes over them, sees it.
    private static T WithoutUnknown<T>(MessageParser<T> parser, T message)
        where T : IMessage<T> => parser.WithDiscardUnknownFields(true).ParseFrom(message.ToByteArray());
}
