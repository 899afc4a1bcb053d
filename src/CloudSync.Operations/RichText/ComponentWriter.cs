// Writes the binary form of an operation in its canonical shape, whatever order the components come in: equal
// neighbours merged, inserts before deletes at one place, no plain retain at the end. As quill-delta's push and chop.
// Only where it is told to keep the order, an insert stays behind the delete that it came after.

using System.Buffers;

namespace CloudSync.Operations;

/// <summary>
/// Collects an operation and writes it out at <see cref="Finish()"/>, so that an output never sees half of one.
/// </summary>
/// <param name="initial">Where it writes at first.</param>
/// <param name="keepsOrder">Whether inserts and deletes at one place stay in the order in which they come.</param>
internal ref struct ComponentWriter(Span<byte> initial, bool keepsOrder = false)
{
    private readonly bool _keepsOrder = keepsOrder;
    private ByteBuffer _buffer = new(initial);

    // The last component written, while more may be merged into it. A pending delete stands after it.
    private bool _open;
    private DeltaKind _openKind;
    private int _openStart;
    private int _openHeaderLength;
    private long _openValue;
    private int _openAttributesStart;
    private int _openAttributesLength;
    private long _pendingDelete;

    public void Retain(int length, scoped ReadOnlySpan<byte> attributes)
    {
        FlushDelete();
        if (CanMerge(DeltaKind.Retain, attributes))
            GrowOpen(length, default);
        else
            Begin(DeltaKind.Retain, (uint)length, WireKind.Retain, attributes);
    }

    public void Delete(int length) => _pendingDelete += length;

    public void InsertText(scoped ReadOnlySpan<byte> text, scoped ReadOnlySpan<byte> attributes)
    {
        if (_keepsOrder)
            FlushDelete();
        if (CanMerge(DeltaKind.InsertText, attributes))
        {
            GrowOpen(text.Length, text);
            return;
        }

        Begin(DeltaKind.InsertText, (uint)text.Length, WireKind.Text, attributes);
        _buffer.Write(text);
    }

    public void InsertEmbed(scoped ReadOnlySpan<byte> json, scoped ReadOnlySpan<byte> attributes)
    {
        if (_keepsOrder)
            FlushDelete();
        Embed(DeltaKind.InsertEmbed, json, attributes);
    }

    public void RetainEmbed(scoped ReadOnlySpan<byte> json, scoped ReadOnlySpan<byte> attributes)
    {
        FlushDelete();
        Embed(DeltaKind.RetainEmbed, json, attributes);
    }

    /// <summary>Writes what the reader stands on, as far as <paramref name="length"/>, with these attributes.</summary>
    public void Push(scoped in ComponentReader reader, int length, scoped ReadOnlySpan<byte> attributes)
    {
        switch (reader.Kind)
        {
            case DeltaKind.Retain: Retain(length, attributes); break;
            case DeltaKind.Delete: Delete(length); break;
            case DeltaKind.InsertText: InsertText(reader.Head(length), attributes); break;
            case DeltaKind.InsertEmbed: InsertEmbed(reader.Payload, attributes); break;
            default: RetainEmbed(reader.Payload, attributes); break;
        }
    }

    /// <summary>The whole operation. Nothing may be added after it.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        if (_pendingDelete > 0)
            FlushDelete();
        else if (_open && _openKind == DeltaKind.Retain && _openAttributesLength == 0)
            _buffer.Length = _openStart;
        return _buffer.Written;
    }

    public void Finish(IBufferWriter<byte> output) => output.Write(Finish());

    public void Dispose() => _buffer.Dispose();

    private void Embed(DeltaKind kind, scoped ReadOnlySpan<byte> json, scoped ReadOnlySpan<byte> attributes)
    {
        Begin(kind, kind == DeltaKind.InsertEmbed ? 0u : 1u, WireKind.Embed, attributes);
        _buffer.WriteVarint((uint)json.Length);
        _buffer.Write(json);
    }

    private bool CanMerge(DeltaKind kind, scoped ReadOnlySpan<byte> attributes) =>
        _open && _openKind == kind
        && (_openAttributesLength | attributes.Length) switch
        {
            0 => true,
            _ => AttributeSet.AreEqual(
                _buffer.Written.Slice(_openAttributesStart, _openAttributesLength), attributes),
        };

    private void Begin(DeltaKind kind, uint value, int wireKind, scoped ReadOnlySpan<byte> attributes)
    {
        _open = true;
        _openKind = kind;
        _openStart = _buffer.Length;
        _openValue = value;
        var header = (ulong)value << 3 | (uint)wireKind;
        if (!attributes.IsEmpty)
            header |= WireKind.Attributed;
        _openHeaderLength = ByteBuffer.VarintLength(header);
        _buffer.WriteVarint(header);
        _openAttributesLength = attributes.Length;
        if (attributes.IsEmpty)
            return;
        _buffer.WriteVarint((uint)attributes.Length);
        _openAttributesStart = _buffer.Length;
        _buffer.Write(attributes);
    }

    private void GrowOpen(int value, scoped ReadOnlySpan<byte> text)
    {
        _openValue += value;
        if (_openValue > int.MaxValue)
            throw ComponentReader.Malformed("a length grows larger than 2,147,483,647");
        _buffer.Write(text);
        var header = (ulong)_openValue << 3 | (uint)(_openKind == DeltaKind.Retain ? WireKind.Retain : WireKind.Text);
        if (_openAttributesLength > 0)
            header |= WireKind.Attributed;
        var more = ByteBuffer.VarintLength(header) - _openHeaderLength;
        if (more > 0)
        {
            var rest = _openStart + _openHeaderLength;
            _buffer.Take(more);
            _buffer.Written[rest..^more].CopyTo(_buffer.Written[(rest + more)..]);
            _openHeaderLength += more;
            _openAttributesStart += more;
        }

        ByteBuffer.PutVarint(_buffer.Written[_openStart..], header);
    }

    private void FlushDelete()
    {
        if (_pendingDelete == 0)
            return;
        if (_pendingDelete > int.MaxValue)
            throw ComponentReader.Malformed("a length grows larger than 2,147,483,647");
        _buffer.WriteVarint((ulong)_pendingDelete << 3 | WireKind.Delete);
        _pendingDelete = 0;
        _open = false;
    }
}
