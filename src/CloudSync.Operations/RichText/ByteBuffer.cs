// Bytes in the making: on the stack while they are few, in a pooled array when they grow.

using System.Buffers;
using System.Runtime.CompilerServices;

// Buffers on the stack are read only where they were written; clearing them first would cost more than merging does.
[module: SkipLocalsInit]

namespace CloudSync.Operations;

internal ref struct ByteBuffer(Span<byte> initial)
{
    /// <summary>How many bytes a caller gives it from the stack.</summary>
    public const int StackBytes = 512;

    private Span<byte> _bytes = initial;
    private byte[]? _rented;

    public int Length { get; set; }

    public readonly Span<byte> Written => _bytes[..Length];

    /// <summary>Room for <paramref name="length"/> more bytes, which then count as written.</summary>
    public Span<byte> Take(int length)
    {
        if (length > _bytes.Length - Length)
            Grow(length);
        var span = _bytes.Slice(Length, length);
        Length += length;
        return span;
    }

    public void Write(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    public void WriteByte(byte value) => Take(1)[0] = value;

    public void WriteVarint(ulong value)
    {
        var length = VarintLength(value);
        PutVarint(Take(length), value);
    }

    public static void PutVarint(Span<byte> to, ulong value)
    {
        var i = 0;
        for (; value >= 0x80; value >>= 7)
            to[i++] = (byte)(value | 0x80);
        to[i] = (byte)value;
    }

    public static int VarintLength(ulong value)
    {
        var length = 1;
        for (; value >= 0x80; value >>= 7)
            length++;
        return length;
    }

    public void Dispose()
    {
        if (_rented != null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
        _bytes = default;
        Length = 0;
    }

    private void Grow(int length)
    {
        var needed = (long)Length + length;
        if (needed > Array.MaxLength)
            throw ComponentReader.Malformed("it is larger than two gigabytes");
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Max(needed, Math.Min(2L * _bytes.Length, Array.MaxLength)));
        _bytes[..Length].CopyTo(larger);
        if (_rented != null)
            ArrayPool<byte>.Shared.Return(_rented);
        _rented = larger;
        _bytes = larger;
    }
}
