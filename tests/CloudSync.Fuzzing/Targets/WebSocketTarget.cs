// WebSocket frames of strangers, read by the gateway's own socket and by the one of .NET beside it: the same messages, and an
// end at the same place.

using System.Buffers.Binary;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using CloudSync.Gateway.Sockets;
using CloudSync.Verification;

namespace CloudSync.Fuzzing.Targets;

internal sealed class WebSocketTarget : IFuzzTarget
{
    private const int Room = 37;

    public string Name => "websocket";

    public IEnumerable<byte[]> Seeds => Enumerable.Range(0, 40).Select(i => Make(new SeededRandom((ulong)i)));

    public byte[] Make(SeededRandom random)
    {
        var bytes = new List<byte>();
        for (var i = random.Next(6); i >= 0; i--)
        {
            switch (random.Next(6))
            {
                case 0:
                    bytes.AddRange(Frame(random, 0x89, random.Next(126)));
                    break;
                case 1:
                    bytes.AddRange(Frame(random, 0x02, random.Next(40)));
                    bytes.AddRange(Frame(random, random.Next(2) == 0 ? 0x8A : 0x00, random.Next(40)));
                    bytes.AddRange(Frame(random, 0x80, random.Next(40)));
                    break;
                case 2:
                    bytes.AddRange(Frame(random, 0x88, 2 + random.Next(5)));
                    break;
                default:
                    bytes.AddRange(Frame(random, 0x82, random.Next(8) == 0 ? 120 + random.Next(20) : random.Next(60)));
                    break;
            }
        }

        return [.. bytes];
    }

    public void Run(byte[] input, FuzzTrace trace)
    {
        // It isn't connected: where it would have to receive more, it breaks.
        using var nowhere = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var ours = new TcpWebSocket(nowhere);
        ours.Unread(input);
        var (messages, end) = Read(ours);
        using var stream = new Duplex(input);
        using var theirs = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        var (expected, expectedEnd) = Read(theirs);
        trace.Add("messages", messages.Count);
        trace.Add($"{end} {ours.Failure} {ours.CloseStatus}");

        // What we refuse and .NET lets pass: floods; a text message, which the gateway refuses whatever is in it, .NET looks through.
        if (ours.Failure == WebSocketCloseStatus.PolicyViolation || messages.Any(static message => message.Text))
            return;
        Oracles.Holds(
            messages.Select(static message => message.Bytes).SequenceEqual(expected.Select(static message => message.Bytes)),
            "other messages", string.Join(',', messages), string.Join(',', expected));
        Oracles.Holds(end == expectedEnd, "another end", end, expectedEnd);
        if (end == "closed")
            Oracles.Holds(ours.CloseStatus == theirs.CloseStatus, "another status", ours.CloseStatus, theirs.CloseStatus);
    }

    private static (List<(bool Text, string Bytes)> Messages, string End) Read(WebSocket socket)
    {
        var messages = new List<(bool, string)>();
        var message = new List<byte>();
        var buffer = new byte[Room];
        try
        {
            while (true)
            {
                var reading = socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                // All there is to read is in memory.
                var part = reading.IsCompleted ? reading.Result : reading.AsTask().GetAwaiter().GetResult();
                if (part.MessageType == WebSocketMessageType.Close)
                    return (messages, "closed");
                message.AddRange(buffer.AsSpan(0, part.Count));
                if (!part.EndOfMessage)
                    continue;
                messages.Add((part.MessageType == WebSocketMessageType.Text, Convert.ToHexString([.. message])));
                message.Clear();
            }
        }
        catch (Exception exception) when (exception is WebSocketException or SocketException)
        {
            // .NET's says the same of an end and of a breach.
            return (messages, "broken");
        }
    }

    private static byte[] Frame(SeededRandom random, int first, int length)
    {
        var payload = new byte[length];
        random.NextBytes(payload);
        var mask = new byte[4];
        random.NextBytes(mask);
        if (first == 0x88)
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)(random.Next(4) == 0 ? random.Next(65_536) : 1_000));
        if (first == 0x88 && length > 2)
            Encoding.ASCII.GetBytes("goodbye").AsSpan(0, length - 2).CopyTo(payload.AsSpan(2));
        byte[] header = length <= 125 ? [(byte)first, (byte)(0x80 | length)] : [(byte)first, 0xFE, (byte)(length >> 8), (byte)length];
        return [.. header, .. mask, .. payload.Select((value, i) => (byte)(value ^ mask[i & 3]))];
    }

    // Reads from the input, and takes whatever is answered.
    private sealed class Duplex(byte[] input) : MemoryStream(input, writable: false)
    {
        public override bool CanWrite => true;

        public override void Write(byte[] buffer, int offset, int count)
        {
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.CompletedTask;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => default;
    }
}
