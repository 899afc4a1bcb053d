// What is around the columns: header, checksum and compression. A segment is checked before anything in it is believed,
// and how much memory it asks for before that is taken.

using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;

namespace CloudSync.Log;

/// <summary>A segment whose checksum is right, its columns still packed.</summary>
internal sealed class SegmentEnvelope
{
    // In microseconds.
    public const int Microsecond = 1;
    public const int Millisecond = 1_000;

    private const byte FormatVersion = 1;
    private const int PrefixBytes = 1 + sizeof(uint);
    private const int BestQuality = 11;
    private const int QuickQuality = 5;
    private const int Window = 22;

    private readonly (ReadOnlyMemory<byte> Packed, int Length)[] _columns = new (ReadOnlyMemory<byte>, int)[SegmentColumns.Count];

    private SegmentEnvelope(long firstVersion, int count, int timeUnit) =>
        (FirstVersion, Count, TimeUnit) = (firstVersion, count, timeUnit);

    public long FirstVersion { get; }

    public int Count { get; }

    /// <summary>What its times count in: <see cref="Microsecond"/> or <see cref="Millisecond"/>.</summary>
    public int TimeUnit { get; }

    /// <summary>Packs the columns and puts the header before them.</summary>
    public static byte[] Seal(
        long firstVersion, int count, int timeUnit, SegmentColumns columns, SegmentEffort effort)
    {
        var header = new ColumnWriter();
        header.WriteVarint((ulong)firstVersion);
        header.WriteVarint((ulong)count);
        header.WriteVarint((ulong)timeUnit);
        var packed = new byte[SegmentColumns.Count][];
        long length = 0, unpacked = 0;
        for (var i = 0; i < packed.Length; i++)
        {
            var column = columns[(SegmentColumn)i].Written;
            packed[i] = Pack(column, effort, count);
            header.WriteVarint((ulong)column.Length);
            header.WriteVarint((ulong)packed[i].Length);
            length += packed[i].Length;
            if (count > 1 || packed[i].Length < column.Length)
                unpacked += column.Length;
        }

        if (unpacked > UnpackedBytesMax(count))
            throw new ArgumentException($"The operations are too large for one segment: {unpacked} bytes.");
        var segment = new byte[PrefixBytes + header.Written.Length + length];
        segment[0] = FormatVersion;
        header.Written.CopyTo(segment.AsSpan(PrefixBytes));
        var position = PrefixBytes + header.Written.Length;
        foreach (var column in packed)
        {
            column.CopyTo(segment.AsSpan(position));
            position += column.Length;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(segment.AsSpan(1), Checksum(segment));
        return segment;
    }

    /// <exception cref="InvalidDataException">The segment is damaged, or of a format that isn't known.</exception>
    public static SegmentEnvelope Open(ReadOnlyMemory<byte> segment)
    {
        var bytes = segment.Span;
        if (bytes.Length < PrefixBytes)
            throw Damaged("it is too short");
        if (bytes[0] != FormatVersion)
            throw new InvalidDataException($"The segment has format {bytes[0]}; this version knows {FormatVersion}.");
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[1..]) != Checksum(bytes))
            throw Damaged("its checksum is wrong");

        var position = PrefixBytes;
        var first = ReadVarint(bytes, ref position);
        var count = ReadVarint(bytes, ref position);
        if (first is 0 or > long.MaxValue - HistorySegment.OperationsMax || count is 0 or > HistorySegment.OperationsMax)
            throw Damaged("it has impossible versions");
        var unit = ReadVarint(bytes, ref position);
        if (unit is not (Microsecond or Millisecond))
            throw Damaged("its times are in an unknown unit");
        var envelope = new SegmentEnvelope((long)first, (int)count, (int)unit);
        Span<(ulong Length, ulong Packed)> lengths = stackalloc (ulong, ulong)[SegmentColumns.Count];
        ulong unpacked = 0;
        foreach (ref var column in lengths)
        {
            column = (ReadVarint(bytes, ref position), ReadVarint(bytes, ref position));
            if (column.Length > int.MaxValue || column.Packed > column.Length)
                throw Damaged("it has columns of impossible lengths");
            if (count > 1 || column.Packed < column.Length)
                unpacked += column.Length;
        }

        if (unpacked > (ulong)UnpackedBytesMax((int)count))
            throw Damaged("it would unpack to more than a segment can hold");
        for (var i = 0; i < lengths.Length; i++)
        {
            if (lengths[i].Packed > (ulong)(bytes.Length - position))
                throw Damaged("it is cut off");
            envelope._columns[i] = (segment.Slice(position, (int)lengths[i].Packed), (int)lengths[i].Length);
            position += (int)lengths[i].Packed;
        }

        return position == bytes.Length ? envelope : throw Damaged("something stands behind its end");
    }

    public byte[] Unpack(SegmentColumn column)
    {
        var (packed, length) = _columns[(int)column];
        if (packed.Length == length)
            return packed.ToArray();
        var bytes = new byte[length];
        if (!BrotliDecoder.TryDecompress(packed.Span, bytes, out var written) || written != length)
            throw Damaged("a column can't be unpacked");
        return bytes;
    }

    public static InvalidDataException Damaged(string what) => new($"The segment is damaged: {what}.");

    // What does not become smaller is left as it is; equal lengths say so. And so is what is so large that it would not be
    // unpacked: a single operation may be, and asks for no more memory than it really has.
    private static byte[] Pack(ReadOnlySpan<byte> column, SegmentEffort effort, int count)
    {
        if (column.Length < 2 || (count == 1 && column.Length > HistorySegment.BytesMax))
            return column.ToArray();
        var packed = new byte[column.Length - 1];
        var quality = effort == SegmentEffort.Best ? BestQuality : QuickQuality;
        return BrotliEncoder.TryCompress(column, packed, out var written, quality, Window)
            ? packed[..written]
            : column.ToArray();
    }

    // Two bytes for each of an operation's at the most, and its numbers. Of a single operation, what isn't packed doesn't
    // count.
    private static long UnpackedBytesMax(int count) => (2L * HistorySegment.BytesMax) + (64L * count);

    // CRC-32C (Castagnoli) over everything but itself.
    private static uint Checksum(ReadOnlySpan<byte> segment)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, segment[0]);
        var rest = segment[PrefixBytes..];
        for (; rest.Length >= sizeof(ulong); rest = rest[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(rest));
        foreach (var value in rest)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private static ulong ReadVarint(ReadOnlySpan<byte> bytes, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (position == bytes.Length)
                throw Damaged("its header is cut off");
            var next = bytes[position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw Damaged("a number is longer than ten bytes");
    }
}
