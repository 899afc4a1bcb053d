// What is kept of a document between two lives of a program, and its form on disk. Pure.
//
// It is the content at some version, the operations committed since, and this client's pending operations. The content
// is large and changes little, so unless it is small it is kept under a name of its own, and named here by its hash. There
// are two such names, used in turn: what is written last never overwrites what is still needed.
//
//   "CSOB" · form (1) · payload · SHA-256 of everything before

using System.Security.Cryptography;
using System.Text;
using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>Where the content of a kept document is.</summary>
internal enum ContentPlace
{
    /// <summary>Nowhere: the document was given up; only its last number is kept.</summary>
    None,

    /// <summary>In the state itself.</summary>
    Inside,

    /// <summary>Under the first of two names.</summary>
    First,

    /// <summary>Under the second.</summary>
    Second,
}

/// <summary>A document as it is kept.</summary>
internal sealed record KeptState
{
    private const byte Form = 1;
    private const int HashBytes = SHA256.HashSizeInBytes;

    public required ulong ClientId { get; init; }

    public ulong Sequence { get; init; }

    public ContentPlace Place { get; init; }

    public string Type { get; init; } = "";

    public string Title { get; init; } = "";

    /// <summary>The version of the content.</summary>
    public long ContentVersion { get; init; }

    /// <summary>The content's snapshot if it is inside, or else its hash.</summary>
    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>What was committed since, with the versions that each covers.</summary>
    public IReadOnlyList<(ReadOnlyMemory<byte> Operation, long Count)> Since { get; init; } = [];

    /// <summary>Whether the first pending operation may have been sent, under the number <see cref="Sequence"/>.</summary>
    public bool InFlight { get; init; }

    /// <summary>The size up to which edits are composed.</summary>
    public int ComposeBytes { get; init; }

    public IReadOnlyList<(ReadOnlyMemory<byte> Operation, int Edits)> Pending { get; init; } = [];

    public static string EditsName(string documentId) => documentId + ".edits";

    public static string ContentName(string documentId, ContentPlace place) =>
        documentId + (place == ContentPlace.First ? ".content-1" : ".content-2");

    public static byte[] HashOf(ReadOnlySpan<byte> content) => SHA256.HashData(content);

    public static byte[] EncodeClient(ulong clientId) => Seal(writer => writer.Write(clientId));

    public static ulong DecodeClient(string name, ReadOnlyMemory<byte> bytes) =>
        Unseal(name, bytes, static reader => reader.ReadUInt64());

    public byte[] Encode() => Seal(writer =>
    {
        writer.Write(ClientId);
        writer.Write(Sequence);
        writer.Write((byte)Place);
        if (Place == ContentPlace.None)
            return;
        writer.Write(Type);
        writer.Write(Title);
        writer.Write(ContentVersion);
        Write(writer, Content);
        writer.Write7BitEncodedInt(Since.Count);
        foreach (var (operation, count) in Since)
        {
            writer.Write7BitEncodedInt64(count);
            Write(writer, operation);
        }

        writer.Write(InFlight);
        writer.Write(ComposeBytes);
        writer.Write7BitEncodedInt(Pending.Count);
        foreach (var (operation, edits) in Pending)
        {
            writer.Write7BitEncodedInt(edits);
            Write(writer, operation);
        }
    });

    /// <exception cref="OutboxUnreadableException">The bytes are not what was written.</exception>
    public static KeptState Decode(string name, ReadOnlyMemory<byte> bytes) => Unseal(name, bytes, static reader =>
    {
        KeptState state = new()
        {
            ClientId = reader.ReadUInt64(),
            Sequence = reader.ReadUInt64(),
            Place = (ContentPlace)reader.ReadByte(),
        };
        if (state.Place == ContentPlace.None)
            return state;
        return state with
        {
            Type = reader.ReadString(),
            Title = reader.ReadString(),
            ContentVersion = reader.ReadInt64(),
            Content = ReadBytes(reader),
            Since = ReadList(reader, static reader =>
            {
                var count = reader.Read7BitEncodedInt64();
                return (ReadBytes(reader), count);
            }),
            InFlight = reader.ReadBoolean(),
            ComposeBytes = reader.ReadInt32(),
            Pending = ReadList(reader, static reader =>
            {
                var edits = reader.Read7BitEncodedInt();
                return (ReadBytes(reader), edits);
            }),
        };
    });

    /// <summary>Makes the document out of it again.</summary>
    /// <param name="name">For an error.</param>
    /// <param name="content">The content's snapshot, wherever it was.</param>
    /// <exception cref="OutboxUnreadableException">It doesn't add up.</exception>
    public PendingEdits Restore(string name, ReadOnlyMemory<byte> content)
    {
        if (DocumentType.Find(Type) is not { } type)
            throw new OutboxUnreadableException(name, $"this client doesn't know documents of type '{Type}'.");
        try
        {
            var committed = type.DecodeSnapshot(content.Span);
            var version = ContentVersion;
            foreach (var (operation, count) in Since)
            {
                committed.Apply(operation.Span);
                version += count;
            }

            PendingEdits edits = new(committed, version, Sequence, ComposeBytes);
            edits.Restore(Pending, InFlight);
            return edits;
        }
        catch (OperationException exception)
        {
            throw new OutboxUnreadableException(name, exception.Message, exception);
        }
    }

    private static byte[] Seal(Action<BinaryWriter> write)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("CSOB"u8);
        writer.Write(Form);
        write(writer);
        writer.Flush();
        writer.Write(SHA256.HashData(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        writer.Flush();
        return stream.ToArray();
    }

    private static T Unseal<T>(string name, ReadOnlyMemory<byte> bytes, Func<BinaryReader, T> read)
    {
        var payload = bytes.Length - HashBytes;
        if (payload < 5 || !bytes.Span.StartsWith("CSOB"u8))
            throw new OutboxUnreadableException(name, "it is no state of a client.");
        if (!SHA256.HashData(bytes.Span[..payload]).AsSpan().SequenceEqual(bytes.Span[payload..]))
            throw new OutboxUnreadableException(name, "its checksum is wrong.");
        if (bytes.Span[4] != Form)
            throw new OutboxUnreadableException(name, $"it has form {bytes.Span[4]}, and this client reads {Form}.");
        using BinaryReader reader = new(new MemoryStream(bytes[5..payload].ToArray()), Encoding.UTF8);
        try
        {
            return read(reader);
        }
        catch (Exception exception) when (exception is IOException or FormatException or ArgumentException)
        {
            throw new OutboxUnreadableException(name, exception.Message, exception);
        }
    }

    private static void Write(BinaryWriter writer, ReadOnlyMemory<byte> bytes)
    {
        writer.Write7BitEncodedInt(bytes.Length);
        writer.Write(bytes.Span);
    }

    private static ReadOnlyMemory<byte> ReadBytes(BinaryReader reader)
    {
        var length = reader.Read7BitEncodedInt();
        var bytes = reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw new EndOfStreamException("It ends too soon.");
    }

    private static List<T> ReadList<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        List<T> list = [];
        for (var left = reader.Read7BitEncodedInt(); left > 0; left--)
            list.Add(read(reader));
        return list;
    }
}
