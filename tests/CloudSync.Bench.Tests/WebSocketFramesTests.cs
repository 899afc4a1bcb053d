// The generator's frames against the framework's WebSocket: what one writes, the other reads.

using System.Net.WebSockets;
using CloudSync.Bench.Generator;
using CsCheck;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class WebSocketFramesTests
{
    private static readonly Gen<byte[]> GenPayload = Gen.OneOf(
        Gen.Byte.Array[0, 130], Gen.Byte.Array[120, 130], Gen.Byte.Array[65_530, 65_540]);

    [Fact]
    public void What_is_sealed_another_server_reads() => Gen.Select(GenPayload, Gen.UInt).Sample((payload, mask) =>
    {
        var buffer = new byte[WebSocketFrames.HeaderBytesMax + payload.Length];
        payload.CopyTo(buffer, WebSocketFrames.HeaderBytesMax);
        var start = WebSocketFrames.Seal(buffer, Opcode.Binary, mask);

        using var socket = WebSocket.CreateFromStream(
            new MemoryStream(buffer[start..]), new WebSocketCreationOptions { IsServer = true });
        var read = new byte[payload.Length + 1];
        var count = 0;
        WebSocketReceiveResult part;
        do
        {
            part = socket.ReceiveAsync(new ArraySegment<byte>(read, count, read.Length - count), CancellationToken.None).Result;
            count += part.Count;
        }
        while (!part.EndOfMessage);
        Assert.Equal(WebSocketMessageType.Binary, part.MessageType);
        Assert.Equal(payload, read[..count]);
    }, iter: 100);

    [Fact]
    public void What_another_server_writes_is_read_whole_and_never_before_it_is() =>
        Gen.Select(GenPayload, Gen.Bool, Gen.Int[0, 70_000]).Sample((payload, isLast, cut) =>
        {
            var stream = new MemoryStream();
            using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
            socket.SendAsync(payload, WebSocketMessageType.Binary, isLast, CancellationToken.None).Wait();
            var bytes = stream.ToArray();

            Assert.Equal(FrameState.Whole, WebSocketFrames.Read([.. bytes, 1, 2, 3], out var frame, out _));
            Assert.Equal((Opcode.Binary, isLast, bytes.Length), (frame.Opcode, frame.IsLast, frame.Length));
            Assert.Equal(payload, frame.Payload.ToArray());

            var some = bytes.AsSpan(0, cut % bytes.Length);
            Assert.Equal(FrameState.Partial, WebSocketFrames.Read(some, out _, out var needed));
            Assert.InRange(needed, some.Length + 1, bytes.Length);
        }, iter: 100);

    [Theory]
    [InlineData(0x82, 0x80)] // masked
    [InlineData(0xC2, 0x00)] // a reserved bit
    [InlineData(0x83, 0x00)] // an opcode that there isn't
    [InlineData(0x09, 0x00)] // a ping in pieces
    [InlineData(0x89, 0x7E)] // a ping of more than 125 bytes
    public void What_no_server_may_send_is_broken(byte first, byte second) =>
        Assert.Equal(FrameState.Broken, WebSocketFrames.Read([first, second, 0, 0, 0, 0, 0, 0, 0, 0], out _, out _));

    [Fact]
    public void A_frame_without_end_is_broken_before_it_is_received() =>
        Assert.Equal(FrameState.Broken, WebSocketFrames.Read([0x82, 127, 0xFF, 0, 0, 0, 0, 0, 0, 0], out _, out _));
}
