// Reads the protobuf wire format from bytes, without objects. Stricter than it would have to be: what no encoder writes
// (groups, field number 0, lengths over 2 GiB, varints longer than they may be) is malformed.

using System.Runtime.CompilerServices;

namespace CloudSync.Protocol;

internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>A cursor over the fields of one message. Every method is false, and changes nothing, at malformed input.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly bool AtEnd => Position == _bytes.Length;

    public bool TryReadTag(out int field, out WireType type)
    {
        field = 0;
        type = default;
        if (!TryReadVarint(5, out var tag) || tag > uint.MaxValue)
            return false;
        field = (int)(tag >> 3);
        type = (WireType)(tag & 7);
        return field != 0 && type is WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32;
    }

    public bool TryReadUInt64(out ulong value) => TryReadVarint(10, out value);

    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        value = default;
        var start = Position;
        if (!TryReadVarint(5, out var length) || length > (ulong)(_bytes.Length - Position))
        {
            Position = start;
            return false;
        }

        value = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return true;
    }

    public bool TrySkip(WireType type)
    {
        switch (type)
        {
            case WireType.Varint:
                return TryReadUInt64(out _);
            case WireType.Bytes:
                return TryReadBytes(out _);
            default:
                var width = type == WireType.Fixed64 ? 8 : 4;
                if (_bytes.Length - Position < width)
                    return false;
                Position += width;
                return true;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadVarint(int maxBytes, out ulong value)
    {
        if (Position < _bytes.Length && _bytes[Position] < 0x80)
        {
            value = _bytes[Position++];
            return true;
        }

        return TryReadLongVarint(maxBytes, out value);
    }

    private bool TryReadLongVarint(int maxBytes, out ulong value)
    {
        value = 0;
        var end = Math.Min(_bytes.Length, Position + maxBytes);
        for (int position = Position, shift = 0; position < end; position++, shift += 7)
        {
            var next = _bytes[position];
            // The tenth byte has room for one bit.
            if (shift == 63 && next > 1)
                return false;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                Position = position + 1;
                return true;
            }
        }

        return false;
    }
}
