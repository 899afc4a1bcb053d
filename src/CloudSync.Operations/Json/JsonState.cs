// The content of a JSON document, and how operations change it.

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class JsonState : DocumentState
{
    private JsonValue _root;
    private long _bytes;

    // Lists and objects that carry it are changed in place. Forking takes it away.
    private object _owner;

    public JsonState() : this(JsonValue.Null, JsonValue.Null.Bytes, new object())
    {
    }

    private JsonState(JsonValue root, long bytes, object owner)
    {
        _root = root;
        _bytes = bytes;
        _owner = owner;
    }

    public override DocumentType Type => DocumentType.Json;

    /// <summary>Always 0: positions in JSON are paths.</summary>
    public override int Length => 0;

    public override long Bytes => _bytes;

    /// <summary>The content; for tests.</summary>
    internal JsonValue Root => _root;

    public static JsonState Decode(ReadOnlySpan<byte> snapshot)
    {
        var owner = new object();
        var root = JsonReading.ReadDocument(snapshot, owner);
        return new(root, root.Bytes, owner);
    }

    public override void Apply(ReadOnlySpan<byte> operation, long maxBytes = long.MaxValue) =>
        Apply(JsonOperation.Read(operation), Math.Max(maxBytes, _bytes));

    public override DocumentState Fork()
    {
        _owner = new();
        return new JsonState(_root, _bytes, new());
    }

    public override void EncodeSnapshot(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        Write(_root, output);
    }

    /// <summary>Writes a value.</summary>
    public static void Write(JsonValue value, IBufferWriter<byte> output)
    {
        var json = new JsonWriter(stackalloc byte[ByteBuffer.StackBytes], output);
        json.Write(value);
        json.PassTo(output);
        json.Dispose();
    }

    public override void Invert(ReadOnlySpan<byte> operation, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        JsonOperation.Write(JsonInversion.Invert(_root, JsonOperation.Read(operation)), output);
    }

    private void Apply(List<JsonComponent> components, long maxBytes)
    {
        // One component is checked completely before its first change. Of several the last may be the one that doesn't
        // fit: they change copies, and the end decides how large the document is.
        var isOne = components.Count == 1;
        var owner = isOne ? _owner : new object();
        var editing = new JsonEditing(_root, owner) { MaxGrowth = isOne ? maxBytes - _bytes : long.MaxValue };
        foreach (var component in components)
            editing.Apply(component);
        if (_bytes + editing.Growth > maxBytes)
        {
            throw new OperationException(
                OperationError.TooLarge,
                $"The operation would make the document {_bytes + editing.Growth - maxBytes} bytes larger than is allowed.");
        }

        _root = editing.Root;
        _bytes += editing.Growth;
        _owner = owner;
    }
}
