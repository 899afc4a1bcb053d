// A rich-text operation as people handle it: built with Insert, Retain and Delete, read and written as Quill's JSON.

using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;

namespace CloudSync.Operations;

/// <summary>
/// A rich-text operation, or, if it holds nothing but inserts, a rich-text document. Immutable; it wraps the binary form,
/// with equal neighbours merged and no plain retain at the end.
/// </summary>
public sealed class Delta : IEquatable<Delta>
{
    private readonly byte[] _bytes;
    private DeltaComponent[]? _components;

    /// <summary>Bytes that are checked and canonical, and that nobody else will change.</summary>
    internal Delta(byte[] bytes) => _bytes = bytes;

    /// <summary>The operation that does nothing, and the empty document.</summary>
    public static Delta Empty { get; } = new([]);

    /// <summary>The binary form.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The components in order. Made at the first use; the JSON objects in them are not to be changed.</summary>
    public IReadOnlyList<DeltaComponent> Components => _components ??= ReadComponents();

    /// <summary>Starts building.</summary>
    public static DeltaBuilder Build() => new();

    /// <summary>Checks bytes and copies them. An insert after a delete stays there.</summary>
    /// <exception cref="OperationException">They are not an operation on rich text.</exception>
    public static Delta FromBytes(ReadOnlyMemory<byte> bytes)
    {
        DocumentType.RichText.Measure(bytes.Span);
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes], keepsOrder: true);
        try
        {
            return Of(Canonical.Rewrite(bytes.Span, ref writer));
        }
        finally
        {
            writer.Dispose();
        }
    }

    /// <summary>The document that holds this text, without attributes.</summary>
    /// <exception cref="OperationException">The text is not valid UTF-16.</exception>
    public static Delta FromPlainText(string text) => Build().Insert(text).ToDelta();

    /// <summary>The content of a text document of either type.</summary>
    public static Delta FromState(DocumentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        return Of(output.WrittenSpan);
    }

    /// <summary>Reads Quill's JSON: an object with "ops", or the bare array.</summary>
    /// <exception cref="OperationException">It is not a delta; the message says which component is wrong.</exception>
    public static Delta ParseJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return DeltaJson.Read(Utf16.ToUtf8(json, "The JSON"));
    }

    /// <summary>Reads Quill's JSON in UTF-8: an object with "ops", or the bare array.</summary>
    /// <exception cref="OperationException">It is not a delta; the message says which component is wrong.</exception>
    public static Delta ParseJson(ReadOnlyMemory<byte> json) => DeltaJson.Read(json);

    /// <summary>Writes {"ops":[…]}.</summary>
    public string ToJson()
    {
        var output = new ArrayBufferWriter<byte>(256);
        WriteJson(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes {"ops":[…]} in UTF-8.</summary>
    public void WriteJson(IBufferWriter<byte> output) => DeltaJson.Write(_bytes, output);

    /// <summary>The text of a document, or what an operation inserts; embeds left out.</summary>
    public string ToPlainText()
    {
        var text = new StringBuilder();
        for (var reader = new ComponentReader(_bytes); !reader.Ended; reader.MoveNext())
        {
            if (reader.Kind == DeltaKind.InsertText)
                text.Append(Encoding.UTF8.GetString(reader.Payload));
        }

        return text.ToString();
    }

    /// <summary>This, then <paramref name="next"/>.</summary>
    /// <exception cref="OperationException">
    /// The second doesn't fit what the first leaves: it cuts a surrogate pair of its text, or changes another embed.
    /// </exception>
    public Delta Compose(Delta next)
    {
        ArgumentNullException.ThrowIfNull(next);
        var output = new ArrayBufferWriter<byte>();
        Composition.Compose(_bytes, next._bytes, keepsOrder: false, output);
        return Of(output.WrittenSpan);
    }

    /// <summary>This, rewritten to be applied after <paramref name="over"/>.</summary>
    public Delta Transform(Delta over, Side side)
    {
        ArgumentNullException.ThrowIfNull(over);
        var output = new ArrayBufferWriter<byte>();
        Transformation.Transform(_bytes, over._bytes, side, output);
        return Of(output.WrittenSpan);
    }

    /// <summary>The operation that takes this back from a document it was applied to.</summary>
    /// <param name="document">The document before it: inserts only.</param>
    /// <exception cref="OperationException">This doesn't fit the document, or that is not a document.</exception>
    public Delta Invert(Delta document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var output = new ArrayBufferWriter<byte>();
        DocumentType.RichText.DecodeSnapshot(document._bytes).Invert(_bytes, output);
        return Of(output.WrittenSpan);
    }

    /// <summary>
    /// Moves a position (UTF-16 code units) past this. With <see cref="Side.Right"/> an insert exactly there pushes it.
    /// </summary>
    public int TransformPosition(int position, Side side) =>
        Transformation.TransformPosition(position, _bytes, side);

    /// <summary>
    /// Whether both do the same to every document: neither the order of attributes nor that of an insert and a delete at
    /// one place matters.
    /// </summary>
    public bool Equals(Delta? other)
    {
        if (other is null)
            return false;
        if (_bytes.AsSpan().SequenceEqual(other._bytes))
            return true;

        var a = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        var b = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            return Canonical.AreEqual(Canonical.Rewrite(_bytes, ref a), Canonical.Rewrite(other._bytes, ref b));
        }
        finally
        {
            a.Dispose();
            b.Dispose();
        }
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Delta);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        // Only of what is inserted and how much is deleted: the rest can be written in more ways than one.
        var hash = new HashCode();
        var deleted = 0;
        for (var reader = new ComponentReader(_bytes); !reader.Ended; reader.MoveNext())
        {
            if (reader.Kind == DeltaKind.Delete)
                deleted += reader.Length;
            else if (reader.Kind == DeltaKind.InsertText)
                hash.AddBytes(reader.Payload);
        }

        hash.Add(deleted);
        return hash.ToHashCode();
    }

    /// <summary>The JSON.</summary>
    public override string ToString() => ToJson();

    internal static Delta Of(ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? Empty : new(bytes.ToArray());

    private DeltaComponent[] ReadComponents()
    {
        var components = new List<DeltaComponent>();
        for (var reader = new ComponentReader(_bytes); !reader.Ended; reader.MoveNext())
        {
            var isEmbed = reader.Kind is DeltaKind.InsertEmbed or DeltaKind.RetainEmbed;
            components.Add(new(
                reader.Kind,
                reader.Length,
                reader.Kind == DeltaKind.InsertText ? Encoding.UTF8.GetString(reader.Payload) : null,
                isEmbed ? JsonNode.Parse(reader.Payload) as JsonObject : null,
                reader.Attributes.IsEmpty ? null : JsonNode.Parse(reader.Attributes) as JsonObject));
        }

        return [.. components];
    }
}
