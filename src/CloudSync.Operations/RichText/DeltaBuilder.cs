// Building a delta by hand.

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CloudSync.Operations;

/// <summary>Builds a <see cref="Delta"/>, merging neighbours as quill-delta's push does.</summary>
/// <remarks>
/// Components that cover nothing are left out, as quill-delta leaves them out. Not thread-safe. Every method throws
/// <see cref="OperationException"/> for text that is not valid UTF-16 and for JSON that an operation can't hold.
/// </remarks>
public sealed class DeltaBuilder
{
    private static readonly JsonWriterOptions _json = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = JsonRules.MaxDepth,
    };

    // Components one after the other as they were called for; ToDelta brings them into canonical shape.
    private readonly ArrayBufferWriter<byte> _components = new();

    internal DeltaBuilder()
    {
    }

    /// <summary>Keeps <paramref name="length"/> code units, formatting them if attributes are given.</summary>
    public DeltaBuilder Retain(int length, JsonObject? attributes = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > 0)
            Add((ulong)length << 3 | WireKind.Retain, attributes, default, isEmbed: false);
        return this;
    }

    /// <summary>Adds text.</summary>
    public DeltaBuilder Insert(string text, JsonObject? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var utf8 = Utf16.ToUtf8(text, "The text");
        if (utf8.Length > 0)
            Add((ulong)utf8.Length << 3 | WireKind.Text, attributes, utf8, isEmbed: false);
        return this;
    }

    /// <summary>Adds an embed.</summary>
    public DeltaBuilder InsertEmbed(JsonObject embed, JsonObject? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(embed);
        Add(WireKind.Embed, attributes, Write(embed), isEmbed: true);
        return this;
    }

    /// <summary>Changes an embed: an object with one member, whose name is the type of the embed that is there.</summary>
    public DeltaBuilder RetainEmbed(JsonObject change, JsonObject? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(change);
        Add(1 << 3 | WireKind.Embed, attributes, Write(change), isEmbed: true);
        return this;
    }

    /// <summary>Removes <paramref name="length"/> code units.</summary>
    public DeltaBuilder Delete(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > 0)
            Add((ulong)length << 3 | WireKind.Delete, null, default, isEmbed: false);
        return this;
    }

    /// <summary>The delta, without trailing plain retains. Building may go on afterwards.</summary>
    /// <exception cref="OperationException">Lengths add up to too much, or JSON can't stand in an operation.</exception>
    public Delta ToDelta()
    {
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            var bytes = Canonical.Rewrite(_components.WrittenSpan, ref writer);
            DocumentType.RichText.Measure(bytes);
            return Delta.Of(bytes);
        }
        finally
        {
            writer.Dispose();
        }
    }

    private void Add(ulong header, JsonObject? attributes, ReadOnlySpan<byte> payload, bool isEmbed)
    {
        if (attributes is { Count: > 0 })
        {
            AddVarint(header | WireKind.Attributed);
            var json = Write(attributes);
            AddVarint((uint)json.Length);
            _components.Write(json);
        }
        else
        {
            AddVarint(header);
        }

        if (isEmbed)
            AddVarint((uint)payload.Length);
        _components.Write(payload);
    }

    private void AddVarint(ulong value)
    {
        var length = ByteBuffer.VarintLength(value);
        ByteBuffer.PutVarint(_components.GetSpan(length), value);
        _components.Advance(length);
    }

    private static ReadOnlySpan<byte> Write(JsonObject json)
    {
        var output = new ArrayBufferWriter<byte>();
        try
        {
            using var writer = new Utf8JsonWriter(output, _json);
            json.WriteTo(writer);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw ComponentReader.Malformed(
                $"the JSON of attributes or an embed can't be written, or is nested deeper than {JsonRules.MaxDepth}");
        }

        return output.WrittenSpan;
    }
}
