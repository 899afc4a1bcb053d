// Makes new inputs out of old ones.

using System.Buffers.Binary;
using CloudSync.Verification;

namespace CloudSync.Fuzzing;

/// <summary>Mutates inputs: bits, bytes, blocks, numbers, varints, pieces of a dictionary, splices of two inputs.</summary>
internal sealed class Mutator(SeededRandom random, IReadOnlyList<byte[]> dictionary, int maxLength)
{
    private static readonly ulong[] s_numbers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1023, 4096, 16383, 16384, 32767, 65535, 65536,
        int.MaxValue - 1, int.MaxValue, (ulong)int.MaxValue + 1, uint.MaxValue, (ulong)uint.MaxValue + 1, 0x3_FFFF_FFFF,
        0x7_FFFF_FFFF, long.MaxValue, ulong.MaxValue,
    ];

    public byte[] Mutate(byte[] input, IReadOnlyList<byte[]> corpus)
    {
        var bytes = new List<byte>(input);
        // Often one change, sometimes many.
        for (var i = 1 << random.Next(random.Next(4) + 1); i > 0; i--)
            MutateOnce(bytes, corpus);
        if (bytes.Count > maxLength)
            bytes.RemoveRange(maxLength, bytes.Count - maxLength);
        return [.. bytes];
    }

    private void MutateOnce(List<byte> bytes, IReadOnlyList<byte[]> corpus)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }

        var at = random.Next(bytes.Count);
        var length = 1 + random.Next(Math.Min(bytes.Count - at, 1 << random.Next(8)));
        switch (random.Next(13))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes[at] = (byte)(bytes[at] + random.Next(-8, 9));
                break;
            case 3:
                bytes.Insert(at, (byte)random.Next(256));
                break;
            case 4:
                bytes.RemoveRange(at, length);
                break;
            case 5:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 6:
                var block = bytes.GetRange(at, length);
                bytes.RemoveRange(at, length);
                bytes.InsertRange(random.Next(bytes.Count + 1), block);
                break;
            case 7:
                bytes.InsertRange(at, Varint(s_numbers[random.Next(s_numbers.Length)]));
                break;
            case 8:
                ChangeVarint(bytes, at);
                break;
            case 9:
                ChangeFixed(bytes, at);
                break;
            case 10 when dictionary.Count > 0:
                bytes.InsertRange(at, dictionary[random.Next(dictionary.Count)]);
                break;
            case 11 when dictionary.Count > 0:
                var piece = dictionary[random.Next(dictionary.Count)];
                bytes.RemoveRange(at, Math.Min(piece.Length, bytes.Count - at));
                bytes.InsertRange(at, piece);
                break;
            default:
                var other = corpus[random.Next(corpus.Count)];
                if (other.Length == 0)
                    break;
                var from = random.Next(other.Length);
                var count = 1 + random.Next(other.Length - from);
                if (random.Next(2) == 0)
                    bytes.RemoveRange(at, bytes.Count - at);
                bytes.InsertRange(Math.Min(at, bytes.Count), other[from..(from + count)]);
                break;
        }
    }

    // Reads the varint that begins there, and puts another in its place: near by, remarkable, or written too long.
    private void ChangeVarint(List<byte> bytes, int at)
    {
        ulong value = 0;
        var end = at;
        for (var shift = 0; end < bytes.Count && shift < 63; shift += 7)
        {
            var next = bytes[end++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                break;
        }

        var changed = random.Next(4) switch
        {
            0 => s_numbers[random.Next(s_numbers.Length)],
            1 => value + (ulong)random.Next(-9, 10),
            // A header's kind stays in the lowest bits.
            2 => (value & 7) | s_numbers[random.Next(s_numbers.Length)] << 3,
            _ => value,
        };
        var written = Varint(changed);
        if (random.Next(8) == 0)
        {
            written[^1] |= 0x80;
            written.Add(0);
        }

        bytes.RemoveRange(at, end - at);
        bytes.InsertRange(at, written);
    }

    private void ChangeFixed(List<byte> bytes, int at)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, s_numbers[random.Next(s_numbers.Length)]);
        if (random.Next(2) == 0)
            number.Reverse();
        var width = 1 << random.Next(4);
        for (var i = 0; i < width && at + i < bytes.Count; i++)
            bytes[at + i] = number[i];
    }

    private static List<byte> Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
