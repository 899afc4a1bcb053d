// ShareDB's protocol: JSON, one message an operation. A client has one operation under way, as ShareDB's own client; the server
// tells it when that is committed, and the others what it was. Written from the package sharedb's lib/agent.js.

using System.Globalization;
using System.Text;
using CloudSync.Bench.Generator;

namespace CloudSync.Bench.Peers;

internal sealed class ShareDbProtocol : LoadProtocol
{
    // A client may choose the name by which others hear of it; this thread's begin with it.
    private readonly byte[] _thread = Encoding.ASCII.GetBytes($"\"src\":\"{Random.Shared.Next():x}-");
    private readonly Random _random = new(1);

    public override bool IsText => true;

    public override bool JoinsOperations => false;

    public override string PathOf(LoadClient client) => "/";

    public override int Greet(LoadClient client, Span<byte> buffer) => Encoding.ASCII.GetBytes(
        string.Create(
            CultureInfo.InvariantCulture,
            $"{{\"a\":\"hs\",\"protocol\":1,\"protocolMinor\":1,\"id\":\"{Encoding.ASCII.GetString(_thread.AsSpan(7))}{client.Index}\"}}"),
        buffer);

    public override int Type(LoadClient client, int keystrokes, Span<byte> buffer)
    {
        var length = JsonScan.Append(buffer, 0, "{\"a\":\"op\",\"c\":\"docs\",\"d\":\""u8);
        length += Encoding.ASCII.GetBytes(client.Document.Id, buffer[length..]);
        length = JsonScan.Append(buffer, length, "\",\"v\":"u8);
        length += JsonScan.Write(buffer[length..], client.Version);
        length = JsonScan.Append(buffer, length, ",\"seq\":"u8);
        length += JsonScan.Write(buffer[length..], (long)client.Sequence);
        length = JsonScan.Append(buffer, length, ",\"x\":{},\"op\":[{\"p\":[\"text\","u8);
        // Its first version made the document; each since has put a letter in at least.
        length += JsonScan.Write(buffer[length..], _random.NextInt64(Math.Max(1, client.Version)));
        length = JsonScan.Append(buffer, length, "],\"si\":\""u8);
        buffer.Slice(length, keystrokes).Fill((byte)'x');
        return JsonScan.Append(buffer, length + keystrokes, "\"}]}"u8);
    }

    public override int MoveSelection(LoadClient client, Span<byte> buffer) => 0;

    public override int Beat(LoadClient client, Span<byte> buffer) => 0;

    public override void Receive(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        var action = JsonScan.After(message, "\"a\":\""u8);
        if (JsonScan.After(message, "\"error\":"u8) is { IsEmpty: false } error)
            events.Failed(client, "The server refused: " + Encoding.UTF8.GetString(error[..Math.Min(error.Length, 100)]));
        else if (action.StartsWith("op\""u8))
            TakeOperation(client, message, events);
        else if (action.StartsWith("hs\""u8))
            Subscribe(client, events);
        else if (action.StartsWith("s\""u8))
            TakeDocument(client, message, events);
    }

    private static void Subscribe(LoadClient client, ILoadEvents events)
    {
        events.Welcomed(client, "");
        events.Send(client, Encoding.ASCII.GetBytes($"{{\"a\":\"s\",\"c\":\"docs\",\"d\":\"{client.Document.Id}\"}}"));
    }

    private static void TakeDocument(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        client.Version = JsonScan.Number(JsonScan.After(message, "\"v\":"u8));
        events.Opened(client);
    }

    private void TakeOperation(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        var version = JsonScan.Number(JsonScan.After(message, "\"v\":"u8)) + 1;
        // What a client may have missed when it submits, it is sent once more. Its own client passes over it likewise.
        if (version <= client.Version)
            return;
        client.Version = version;
        var author = JsonScan.Number(JsonScan.After(message, _thread));
        var sequence = JsonScan.Number(JsonScan.After(message, "\"seq\":"u8));
        events.Delivered(client, author, (ulong)sequence, 0);
    }
}
