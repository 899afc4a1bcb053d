// Reads the binary form of an operation, component by component, without making objects. docs/operations.md has the
// form byte by byte.

using System.Runtime.CompilerServices;

namespace CloudSync.Operations;

/// <summary>
/// Stands on one component of an operation. Past the last one it stands on an endless plain retain, as an operation
/// leaves alone whatever it doesn't reach.
/// </summary>
/// <remarks>Texts are checked to be valid UTF-8 on the way. JSON is not: <see cref="JsonRules"/> does that.</remarks>
internal ref struct ComponentReader
{
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    public ComponentReader(ReadOnlySpan<byte> operation)
    {
        _bytes = operation;
        MoveNext();
    }

    /// <summary>Whether all components were passed.</summary>
    public bool Ended { get; private set; }

    public DeltaKind Kind { get; private set; }

    /// <summary>UTF-16 code units left of this component.</summary>
    public int Length { get; private set; }

    /// <summary>What is left of a text, or the JSON of an embed; else empty.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>The attributes' JSON; empty if there are none.</summary>
    public ReadOnlySpan<byte> Attributes { get; private set; }

    public readonly bool IsInsert => Kind is DeltaKind.InsertText or DeltaKind.InsertEmbed;

    /// <summary>Where the next component begins.</summary>
    public readonly int Position => _position;

    /// <summary>Goes to the next component.</summary>
    public void MoveNext()
    {
        if (_position == _bytes.Length)
        {
            Ended = true;
            Kind = DeltaKind.Retain;
            Length = int.MaxValue;
            Attributes = default;
            Payload = default;
            return;
        }

        var header = ReadVarint();
        var value = header >> 3;
        if (value > int.MaxValue)
            throw Malformed("a length is larger than 2,147,483,647");
        var kind = (int)(header & 3);
        Attributes = default;
        if ((header & 4) != 0)
        {
            if (kind == WireKind.Delete)
                throw Malformed("a delete can't have attributes");
            var attributes = ReadBlock("attributes");
            if (attributes.IsEmpty)
                throw Malformed("attributes are no JSON object");
            if (!JsonRules.IsEmptyObject(attributes))
                Attributes = attributes;
        }

        if (kind == WireKind.Embed)
        {
            if (value > 1)
                throw Malformed("an embed's value must be 0 (insert) or 1 (retain)");
            Kind = value == 0 ? DeltaKind.InsertEmbed : DeltaKind.RetainEmbed;
            Length = 1;
            Payload = ReadBlock("an embed");
            return;
        }

        if (value == 0)
            throw Malformed("a component covers nothing");
        if (kind == WireKind.Text)
        {
            Kind = DeltaKind.InsertText;
            if (value > (uint)(_bytes.Length - _position))
                throw Malformed("a text reaches past the end of the operation");
            var text = _bytes.Slice(_position, (int)value);
            _position += (int)value;
            if (!Utf8Text.TryCount(text, out var length))
                throw Malformed("a text is not valid UTF-8");
            Payload = text;
            Length = length;
            return;
        }

        Kind = kind == WireKind.Retain ? DeltaKind.Retain : DeltaKind.Delete;
        Length = (int)value;
        Payload = default;
    }

    /// <summary>Passes over <paramref name="length"/> code units, at most <see cref="Length"/>, of this component.</summary>
    /// <exception cref="OperationException">A text would be cut within a surrogate pair.</exception>
    public void Skip(int length)
    {
        if (Ended)
            return;
        if (length == Length)
        {
            MoveNext();
            return;
        }

        if (Kind == DeltaKind.InsertText)
            Payload = Payload[Utf8Text.Cut(Payload, Length, length)..];
        Length -= length;
    }

    /// <summary>The first <paramref name="length"/> code units of the text.</summary>
    /// <exception cref="OperationException">It would be cut within a surrogate pair.</exception>
    public readonly ReadOnlySpan<byte> Head(int length) =>
        length == Length ? Payload : Payload[..Utf8Text.Cut(Payload, Length, length)];

    private ReadOnlySpan<byte> ReadBlock(string what)
    {
        var length = ReadVarint();
        if (length > (ulong)(_bytes.Length - _position))
            throw Malformed($"the JSON of {what} reaches past the end of the operation");
        var block = _bytes.Slice(_position, (int)length);
        _position += (int)length;
        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong ReadVarint()
    {
        if ((uint)_position < (uint)_bytes.Length && _bytes[_position] < 0x80)
            return _bytes[_position++];
        return ReadLongVarint();
    }

    private ulong ReadLongVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            if (_position == _bytes.Length)
                throw Malformed("a varint is cut off");
            var next = _bytes[_position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw Malformed("a varint is longer than five bytes");
    }

    internal static OperationException Malformed(string what) =>
        new(OperationError.Malformed, $"The operation is malformed: {what}.");
}

/// <summary>The kinds of component as they stand in the lowest two bits of a header.</summary>
internal static class WireKind
{
    public const int Retain = 0;
    public const int Delete = 1;
    public const int Text = 2;
    public const int Embed = 3;
    public const int Attributed = 4;
}
