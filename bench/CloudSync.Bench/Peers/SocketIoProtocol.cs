// Socket.IO over a WebSocket: packets of Engine.IO (their first digit), in them events of Socket.IO. Its server here does nothing
// but pass on; so nothing waits for anything. Written from the protocols' own descriptions (socket.io/docs).

using System.Text;
using CloudSync.Bench.Generator;

namespace CloudSync.Bench.Peers;

internal sealed class SocketIoProtocol : LoadProtocol
{
    // Of which thread an author is.
    private readonly long _thread = (long)Random.Shared.Next(1, 1 << 20) << 20;

    public override bool IsText => true;

    public override int InFlightMax => int.MaxValue;

    public override bool Composes => false;

    public override bool JoinsOperations => false;

    public override string PathOf(LoadClient client) => "/socket.io/?EIO=4&transport=websocket";

    // The server speaks first.
    public override int Greet(LoadClient client, Span<byte> buffer) => 0;

    public override int Type(LoadClient client, int keystrokes, Span<byte> buffer)
    {
        var length = JsonScan.Append(buffer, 0, "42[\"op\",\""u8);
        length += Encoding.ASCII.GetBytes(client.Document.Id, buffer[length..]);
        length = JsonScan.Append(buffer, length, "\","u8);
        length += JsonScan.Write(buffer[length..], _thread | (uint)client.Index);
        length = JsonScan.Append(buffer, length, ","u8);
        length += JsonScan.Write(buffer[length..], (long)client.Sequence);
        return JsonScan.Append(buffer, length, ",\"x\"]"u8);
    }

    public override int MoveSelection(LoadClient client, Span<byte> buffer) => 0;

    public override int Beat(LoadClient client, Span<byte> buffer) => 0;

    public override void Receive(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        if (message.StartsWith("42[\"op\","u8))
        {
            var author = JsonScan.Number(message[8..]);
            var sequence = JsonScan.Number(message[(8 + message[8..].IndexOf((byte)',') + 1)..]);
            events.Delivered(client, (author & ~0xFFFFFL) == _thread ? author & 0xFFFFF : -1, (ulong)sequence, 0);
        }
        else if (message.SequenceEqual("2"u8))
        {
            events.Send(client, "3"u8);
        }
        else if (message.StartsWith("0"u8))
        {
            events.Welcomed(client, "");
            events.Send(client, "40"u8);
        }
        else if (message.StartsWith("40"u8))
        {
            events.Send(client, Encoding.ASCII.GetBytes($"42[\"open\",\"{client.Document.Id}\"]"));
        }
        else if (message.StartsWith("42[\"opened\""u8))
        {
            events.Opened(client);
        }
        else
        {
            events.Failed(client, "The server sent what can't be read.");
        }
    }
}
