// The columns of a segment. Each holds one field of all operations, so that like stands beside like.

using System.Numerics;

namespace CloudSync.Log;

/// <summary>The columns in the order in which a segment has them.</summary>
internal enum SegmentColumn
{
    /// <summary>Each client id with its author once: 8 bytes, varint n, n bytes of UTF-8.</summary>
    Writers,

    /// <summary>Varints in pairs: an index into the writers, for so many operations.</summary>
    WriterRuns,

    /// <summary>By how much a client's sequence differs from its previous one plus 1.</summary>
    Sequences,

    /// <summary>By how much the base is older than the version before the operation.</summary>
    BaseVersions,

    /// <summary>How many bytes the distance to the previous time has, 0 to 8.</summary>
    TimeWidths,

    /// <summary>Its lowest byte, for each that has one.</summary>
    TimeLow,

    /// <summary>Its second byte.</summary>
    TimeMiddle,

    /// <summary>Its third byte.</summary>
    TimeHigh,

    /// <summary>All further ones, the lower first.</summary>
    TimeRest,

    /// <summary>A byte for each component: <see cref="OperationSplitter"/>.</summary>
    Components,

    /// <summary>An operation's first retain, from where the previous operation ended.</summary>
    Positions,

    /// <summary>Further retains.</summary>
    Retains,

    /// <summary>Bytes of each text.</summary>
    TextLengths,

    /// <summary>Code units of each delete.</summary>
    Deletes,

    /// <summary>All texts.</summary>
    Text,

    /// <summary>Bytes of each JSON.</summary>
    JsonLengths,

    /// <summary>All JSON: attributes and embeds.</summary>
    Json,

    /// <summary>Bytes of each operation that was left as it is.</summary>
    RawLengths,

    /// <summary>Those operations.</summary>
    Raw,
}

/// <summary>All columns of a segment in the making.</summary>
internal sealed class SegmentColumns
{
    public const int Count = (int)SegmentColumn.Raw + 1;

    private readonly ColumnWriter[] _columns = [.. Enumerable.Range(0, Count).Select(static _ => new ColumnWriter())];

    public ColumnWriter this[SegmentColumn column] => _columns[(int)column];

    public void WriteTime(ulong distance)
    {
        var width = (64 - BitOperations.LeadingZeroCount(distance) + 7) / 8;
        this[SegmentColumn.TimeWidths].WriteByte((byte)width);
        for (var i = 0; i < width; i++)
            this[SegmentColumn.TimeLow + Math.Min(i, 3)].WriteByte((byte)(distance >> (8 * i)));
    }
}

/// <summary>One column in the making.</summary>
internal sealed class ColumnWriter
{
    private byte[] _bytes = [];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public void WriteByte(byte value) => Take(1)[0] = value;

    public void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void WriteFixed(ulong value, int bytes)
    {
        for (var i = 0; i < bytes; i++)
            WriteByte((byte)(value >> (8 * i)));
    }

    public void WriteVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            WriteByte((byte)(value | 0x80));
        WriteByte((byte)value);
    }

    /// <summary>A number that may be negative but is mostly small: 0, -1, 1, -2 … are written as 0, 1, 2, 3 …</summary>
    public void WriteSigned(long value) => WriteVarint((ulong)((value << 1) ^ (value >> 63)));

    private Span<byte> Take(int length)
    {
        if (length > _bytes.Length - _length)
            Array.Resize(ref _bytes, Math.Max(checked(_length + length), Math.Max(256, (int)Math.Min(2L * _length, Array.MaxLength))));
        var span = _bytes.AsSpan(_length, length);
        _length += length;
        return span;
    }
}

/// <summary>One column that is read from its beginning to its end.</summary>
internal struct ColumnReader(byte[] bytes)
{
    private int _position;

    public readonly bool AtEnd => _position == bytes.Length;

    public byte ReadByte() => _position < bytes.Length ? bytes[_position++] : throw Short();

    public ReadOnlySpan<byte> Read(int length)
    {
        if ((uint)length > (uint)(bytes.Length - _position))
            throw Short();
        var span = bytes.AsSpan(_position, length);
        _position += length;
        return span;
    }

    public ulong ReadFixed(int length)
    {
        ulong value = 0;
        var read = Read(length);
        for (var i = 0; i < length; i++)
            value |= (ulong)read[i] << (8 * i);
        return value;
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = ReadByte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw SegmentEnvelope.Damaged("a number is longer than ten bytes");
    }

    public long ReadSigned()
    {
        var value = ReadVarint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>A varint that is no larger than an array.</summary>
    public int ReadLength()
    {
        var value = ReadVarint();
        return value <= int.MaxValue ? (int)value : throw SegmentEnvelope.Damaged("a length is too large");
    }

    private static InvalidDataException Short() => SegmentEnvelope.Damaged("a column ends early");
}

/// <summary>The times of a segment, in microseconds since 1970-01-01 UTC.</summary>
internal struct TimeReader(SegmentEnvelope envelope)
{
    private ColumnReader _widths = new(envelope.Unpack(SegmentColumn.TimeWidths));
    private ColumnReader _low = new(envelope.Unpack(SegmentColumn.TimeLow));
    private ColumnReader _middle = new(envelope.Unpack(SegmentColumn.TimeMiddle));
    private ColumnReader _high = new(envelope.Unpack(SegmentColumn.TimeHigh));
    private ColumnReader _rest = new(envelope.Unpack(SegmentColumn.TimeRest));
    private long _time;

    public readonly bool AtEnd => _widths.AtEnd && _low.AtEnd && _middle.AtEnd && _high.AtEnd && _rest.AtEnd;

    public long Next()
    {
        var width = _widths.ReadByte();
        if (width > 8)
            throw SegmentEnvelope.Damaged("a time is longer than eight bytes");
        ulong distance = 0;
        if (width > 0)
            distance = _low.ReadByte();
        if (width > 1)
            distance |= (ulong)_middle.ReadByte() << 8;
        if (width > 2)
            distance |= (ulong)_high.ReadByte() << 16;
        if (width > 3)
            distance |= _rest.ReadFixed(width - 3) << 24;
        return _time = unchecked(_time + ((long)distance * envelope.TimeUnit));
    }
}
