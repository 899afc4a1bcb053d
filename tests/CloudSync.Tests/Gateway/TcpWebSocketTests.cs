// The gateway's own end of a WebSocket, frame by frame: what RFC 6455 allows it takes, however it is cut up on the way; what
// it forbids ends the connection with the status the RFC gives.

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using CloudSync.Gateway.Sockets;
using CsCheck;
using Xunit;

namespace CloudSync.Tests.Gateway;

public sealed class TcpWebSocketTests : IDisposable, ITcpWebSocketOwner
{
    private const int Text = 1;
    private const int Binary = 2;
    private const int Close = 8;
    private const int Ping = 9;
    private const int Final = 0x80;

    private readonly Socket _client;
    private readonly TcpWebSocket _socket;
    private int _pongsDue;

    public TcpWebSocketTests()
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _client.Connect(listening.LocalEndPoint!);
        var accepted = listening.Accept();
        accepted.Blocking = false;
        _socket = new TcpWebSocket(accepted) { Owner = this };
    }

    public static TheoryData<string> ViolationNames => [.. Violations.Keys];

    private static Dictionary<string, (byte[] Bytes, WebSocketCloseStatus Status)> Violations => new()
    {
        ["not masked"] = ([Final | Binary, 1, 0], WebSocketCloseStatus.ProtocolError),
        ["a reserved bit"] = (Frame(Final | 0x40 | Binary, [1]), WebSocketCloseStatus.ProtocolError),
        ["an unknown opcode"] = (Frame(Final | 3, [1]), WebSocketCloseStatus.ProtocolError),
        ["an unknown control opcode"] = (Frame(Final | 11, [1]), WebSocketCloseStatus.ProtocolError),
        ["a ping in parts"] = (Frame(Ping, [1]), WebSocketCloseStatus.ProtocolError),
        ["a long ping"] = (Frame(Final | Ping, new byte[126]), WebSocketCloseStatus.ProtocolError),
        ["a continuation of nothing"] = (Frame(Final, [1]), WebSocketCloseStatus.ProtocolError),
        ["a message within a message"] = ([.. Frame(Binary, [1]), .. Frame(Final | Binary, [2])], WebSocketCloseStatus.ProtocolError),
        ["a length below zero"] =
            ([Final | Binary, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], WebSocketCloseStatus.ProtocolError),
        ["a close of one byte"] = (Frame(Final | Close, [1]), WebSocketCloseStatus.ProtocolError),
        ["a close with a status that is never sent"] = (Frame(Final | Close, [0x03, 0xEE]), WebSocketCloseStatus.ProtocolError),
        ["a close whose reason is not UTF-8"] = (Frame(Final | Close, [0x03, 0xE8, 0xFF]), WebSocketCloseStatus.ProtocolError),
        ["pings without end"] =
            ([.. Enumerable.Repeat(Frame(Final | Ping, [7]), 100).SelectMany(static frame => frame)], WebSocketCloseStatus.PolicyViolation),
        ["pieces without end"] =
            ([.. Frame(Binary, []), .. Enumerable.Repeat(Frame(0, []), 5_000).SelectMany(static frame => frame)],
            WebSocketCloseStatus.PolicyViolation),
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(ViolationNames))]
    public async Task What_RFC_6455_forbids_has_its_status(string name)
    {
        var (bytes, status) = Violations[name];
        await _client.SendAsync(bytes, Cancellation);
        await Assert.ThrowsAsync<WebSocketException>(async () =>
        {
            while (true)
                await _socket.ReceiveAsync(new byte[16].AsMemory(), Cancellation);
        });
        Assert.Equal(status, _socket.Failure);
    }

    [Fact]
    public async Task Messages_come_whole_however_they_are_cut_up()
    {
        // Sizes on both sides of every border: of lengths in the header, of what is received at once.
        int[] sizes = [0, 1, 125, 126, 4_000, 4_095, 4_096, 9_000, 65_535, 65_536, 200_000];
        int[] rooms = [1, 3, 100, 4_096, 70_000];
        await Gen.Select(Gen.OneOf([.. sizes.Select(Gen.Const)]), Gen.Int[1, 4], Gen.Int[1, 5_000], Gen.OneOf([.. rooms.Select(Gen.Const)]), Gen.Bool, Gen.ULong)
            .List[1, 6].SampleAsync(
            async messages =>
            {
                foreach (var (size, frames, chunk, room, withPing, seed) in messages)
                {
                    var payload = new byte[size];
                    new Random((int)seed).NextBytes(payload);
                    var sending = SendAsync(Message(payload, frames, withPing), chunk);
                    Assert.Equal(payload, await ReceiveMessageAsync(room));
                    await sending;
                }
            },
            iter: 30, threads: 1);
    }

    [Fact]
    public async Task Messages_that_come_together_are_taken_one_by_one()
    {
        await _client.SendAsync((byte[])[.. Frame(Final | Binary, [1, 2]), .. Frame(Final | Ping, [9]), .. Frame(Final | Text, [3])], Cancellation);
        var first = await _socket.ReceiveAsync(Memory<byte>.Empty, Cancellation);
        Assert.Equal((0, WebSocketMessageType.Binary, false), (first.Count, first.MessageType, first.EndOfMessage));
        Assert.Equal([1, 2], await ReceiveMessageAsync(10));
        Assert.Equal(WebSocketMessageType.Text, (await _socket.ReceiveAsync(Memory<byte>.Empty, Cancellation)).MessageType);
        Assert.Equal([3], await ReceiveMessageAsync(10));
    }

    [Fact]
    public async Task The_newest_ping_is_answered()
    {
        await _client.SendAsync((byte[])[.. Frame(Final | Ping, [1]), .. Frame(Final | Ping, [2, 3]), .. Frame(Final | Binary, [4])], Cancellation);
        Assert.Equal([4], await ReceiveMessageAsync(10));
        Assert.Equal(2, _pongsDue);
        Assert.True(_socket.PongIsDue);
        await _socket.SendPongAsync();
        Assert.Equal([Final | 10, 2, 2, 3], await ReadAsync(4));
        Assert.False(_socket.PongIsDue);
    }

    [Fact]
    public async Task A_close_says_why_and_is_answered()
    {
        await _client.SendAsync(Frame(Final | Close, [0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e']), Cancellation);
        var result = await _socket.ReceiveAsync(new byte[10].AsMemory(), Cancellation);
        Assert.Equal(WebSocketMessageType.Close, result.MessageType);
        Assert.Equal(WebSocketMessageType.Close, (await _socket.ReceiveAsync(Memory<byte>.Empty, Cancellation)).MessageType);
        Assert.Equal(((WebSocketCloseStatus)4000, "bye"), (_socket.CloseStatus, _socket.CloseStatusDescription));
        Assert.Equal(WebSocketState.CloseReceived, _socket.State);
        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "so long", Cancellation);
        Assert.Equal(WebSocketState.Closed, _socket.State);
        Assert.Equal([Final | Close, 9, 0x03, 0xE8, .. "so long"u8], await ReadAsync(11));
    }

    [Fact]
    public async Task What_is_sent_has_the_shortest_header_also_when_the_other_side_reads_late()
    {
        foreach (var size in (int[])[0, 125, 126, 65_535, 65_536, 8_000_000])
        {
            var room = new byte[TcpWebSocket.HeaderBytes];
            var header = room[^TcpWebSocket.WriteHeader(room, size)..];
            var payload = new byte[size];
            Random.Shared.NextBytes(payload);
            byte[] frame = [.. header, .. payload];
            var sending = _socket.SendFramedAsync(frame);
            Assert.Equal(size >= 8_000_000, !sending.IsCompleted);
            Assert.Equal(frame, await ReadAsync(frame.Length));
            await sending;
            Assert.Equal(size <= 125 ? 2 : size <= 65_535 ? 4 : 10, header.Length);
        }
    }

    [Fact]
    public async Task What_came_behind_the_request_is_read_first()
    {
        var bytes = Message([1, 2, 3], 2, withPing: false);
        _socket.Unread(bytes.AsSpan(0, 5));
        await _client.SendAsync(bytes.AsMemory(5), Cancellation);
        Assert.Equal([1, 2, 3], await ReceiveMessageAsync(10));
    }

    [Fact]
    public async Task A_client_that_is_gone_ends_the_wait()
    {
        var receiving = _socket.ReceiveAsync(Memory<byte>.Empty, Cancellation);
        _client.Close(0);
        await Assert.ThrowsAnyAsync<Exception>(async () => await receiving);
    }

    void ITcpWebSocketOwner.PongIsDue() => _pongsDue++;

    public void Dispose()
    {
        _client.Dispose();
        _socket.Dispose();
    }

    private async Task SendAsync(byte[] bytes, int chunk)
    {
        for (var i = 0; i < bytes.Length; i += chunk)
            await _client.SendAsync(bytes.AsMemory(i, Math.Min(chunk, bytes.Length - i)), Cancellation);
    }

    private async Task<byte[]> ReceiveMessageAsync(int room)
    {
        var message = new MemoryStream();
        var buffer = new byte[room];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer.AsMemory(), Cancellation);
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return message.ToArray();
        }
    }

    private async Task<byte[]> ReadAsync(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count;)
        {
            var received = await _client.ReceiveAsync(bytes.AsMemory(i), Cancellation);
            Assert.NotEqual(0, received);
            i += received;
        }

        return bytes;
    }

    private static byte[] Message(byte[] payload, int frames, bool withPing)
    {
        var bytes = new List<byte>();
        var size = (payload.Length / frames) + 1;
        for (var i = 0; i < frames; i++)
        {
            var part = payload.Skip(i * size).Take(size).ToArray();
            bytes.AddRange(Frame((i == 0 ? Binary : 0) | (i == frames - 1 ? Final : 0), part));
            if (withPing && i < frames - 1)
                bytes.AddRange(Frame(Final | Ping, [(byte)i]));
        }

        return [.. bytes];
    }

    private static byte[] Frame(int first, byte[] payload)
    {
        byte[] mask = [0x12, 0x34, 0x56, 0x78];
        byte[] length = payload.Length switch
        {
            <= 125 => [(byte)(0x80 | payload.Length)],
            <= 65_535 => [0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length],
            _ => [0x80 | 127, .. BigEndian(payload.Length)],
        };
        return [(byte)first, .. length, .. mask, .. payload.Select((value, i) => (byte)(value ^ mask[i & 3]))];
    }

    private static byte[] BigEndian(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
