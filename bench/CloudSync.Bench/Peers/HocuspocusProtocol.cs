// Hocuspocus' protocol: a document's name, the kind of message, and for edits an update of Yjs in its first encoding. A client
// types at the end of its own letters, which is Yjs' best case. Written from the encoders in the packages
// @hocuspocus/provider, y-protocols and yjs.

using System.Text;
using CloudSync.Bench.Generator;

namespace CloudSync.Bench.Peers;

internal sealed class HocuspocusProtocol : LoadProtocol
{
    private const int Sync = 0;
    private const int Auth = 2;
    private const int SyncStep1 = 0;
    private const int Update = 2;
    private const int Permitted = 2;

    // The kinds of struct in an update, and what its first byte says besides.
    private const int Collected = 0;
    private const int ContentString = 4;
    private const int Skip = 10;
    private const int KindBits = 0x1F;
    private const int HasOrigin = 0x80;
    private const int HasRightOrigin = 0x40;

    private const int IndexBits = 18;

    // Yjs' client ids have 32 bits: the thread's, and the client's number.
    private readonly uint _thread = (uint)Random.Shared.Next(1, 1 << (31 - IndexBits)) << IndexBits;

    // Nothing is acknowledged before the next may be sent.
    public override int InFlightMax => int.MaxValue;

    public override bool Composes => false;

    public override bool JoinsOperations => false;

    public override string PathOf(LoadClient client) => "/";

    public override int Greet(LoadClient client, Span<byte> buffer)
    {
        var writer = new YjsWriter(buffer);
        writer.Text(client.Document.Id);
        writer.Number(Auth);
        writer.Number(0);
        writer.Text("");
        return writer.Length;
    }

    public override int Type(LoadClient client, int keystrokes, Span<byte> buffer)
    {
        var clock = client.Sequence - 1;
        Span<byte> update = stackalloc byte[64];
        var item = new YjsWriter(update);
        // One client's structs, and of them one.
        item.Number(1);
        item.Number(1);
        item.Number(_thread | (uint)client.Index);
        item.Number(clock);
        if (clock == 0)
        {
            item.Byte(ContentString);
            // Its parent is the document's text of that name.
            item.Number(1);
            item.Text("t");
        }
        else
        {
            item.Byte(ContentString | HasOrigin);
            item.Number(_thread | (uint)client.Index);
            item.Number(clock - 1);
        }

        item.Text("x");
        // Nothing is deleted.
        item.Number(0);

        var writer = new YjsWriter(buffer);
        writer.Text(client.Document.Id);
        writer.Number(Sync);
        writer.Number(Update);
        writer.Number((ulong)item.Length);
        writer.Bytes(update[..item.Length]);
        return writer.Length;
    }

    public override int MoveSelection(LoadClient client, Span<byte> buffer) => 0;

    // Its WebSocket pings, and is answered.
    public override int Beat(LoadClient client, Span<byte> buffer) => 0;

    public override void Receive(LoadClient client, ReadOnlySpan<byte> message, ILoadEvents events)
    {
        var reader = new YjsReader(message);
        reader.Skip((int)reader.Number());
        switch (reader.Number())
        {
            case Auth when reader.Number() == Permitted:
                events.Welcomed(client, "");
                AskForDocument(client, events);
                break;
            case Auth:
                events.Failed(client, "The server refused.");
                break;
            case Sync when reader.Number() is var kind && kind != SyncStep1:
                if (client.State == ClientState.Opening)
                    events.Opened(client);
                else if (kind == Update)
                    ReadUpdate(client, ref reader, events);
                break;
        }

        if (reader.IsBroken)
            events.Failed(client, "The server sent what can't be read.");
    }

    private static void AskForDocument(LoadClient client, ILoadEvents events)
    {
        Span<byte> buffer = stackalloc byte[128];
        var writer = new YjsWriter(buffer);
        writer.Text(client.Document.Id);
        writer.Number(Sync);
        writer.Number(SyncStep1);
        // An empty state vector: nothing is here yet.
        writer.Number(1);
        writer.Number(0);
        events.Send(client, buffer[..writer.Length]);
    }

    // What was typed within a moment comes in one update: letters of several clients, each client's in runs.
    private void ReadUpdate(LoadClient client, ref YjsReader reader, ILoadEvents events)
    {
        reader.Number();
        for (var clients = reader.Number(); clients > 0 && !reader.IsBroken; clients--)
        {
            var structs = reader.Number();
            var id = reader.Number();
            var clock = reader.Number();
            for (; structs > 0 && !reader.IsBroken; structs--)
                clock += ReadStruct(client, id, clock, ref reader, events);
        }
    }

    private ulong ReadStruct(LoadClient client, ulong id, ulong clock, ref YjsReader reader, ILoadEvents events)
    {
        var info = reader.Byte();
        if ((info & KindBits) is Collected or Skip)
            return reader.Number();
        if ((info & KindBits) != ContentString)
        {
            events.Failed(client, "The server sent what nobody has typed.");
            return 0;
        }

        if ((info & HasOrigin) != 0)
            (_, _) = (reader.Number(), reader.Number());
        if ((info & HasRightOrigin) != 0)
            (_, _) = (reader.Number(), reader.Number());
        if ((info & (HasOrigin | HasRightOrigin)) == 0 && reader.Number() == 1)
            reader.Skip((int)reader.Number());
        // Of one byte each.
        var letters = reader.Number();
        reader.Skip((int)letters);
        var author = (id & ~((1UL << IndexBits) - 1)) == _thread ? (long)(id - _thread) : -1;
        for (var i = 0UL; i < letters; i++)
            events.Delivered(client, author, clock + i + 1, 0);
        return letters;
    }
}

/// <summary>Writes numbers and texts as lib0 does.</summary>
internal ref struct YjsWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    public int Length { get; private set; }

    public void Byte(int value) => _buffer[Length++] = (byte)value;

    public void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            Byte((int)(value & 0x7F) | 0x80);
        Byte((int)value);
    }

    public void Text(string text)
    {
        Number((ulong)Encoding.UTF8.GetByteCount(text));
        Length += Encoding.UTF8.GetBytes(text, _buffer[Length..]);
    }

    public void Bytes(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer[Length..]);
        Length += bytes.Length;
    }
}

/// <summary>Reads numbers as lib0 writes them. What isn't there is 0, and it is broken from then on.</summary>
internal ref struct YjsReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    public bool IsBroken { get; private set; }

    public int Byte()
    {
        if (_position < _bytes.Length)
            return _bytes[_position++];
        IsBroken = true;
        return 0;
    }

    public ulong Number()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        IsBroken = true;
        return 0;
    }

    public void Skip(int count)
    {
        IsBroken |= count < 0 || count > _bytes.Length - _position;
        if (!IsBroken)
            _position += count;
    }
}
