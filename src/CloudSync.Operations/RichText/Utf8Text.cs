// Counting and cutting UTF-8 text by UTF-16 code units.

using System.Numerics;
using System.Text;
using System.Text.Unicode;

namespace CloudSync.Operations;

internal static class Utf8Text
{
    /// <summary>Counts the UTF-16 code units of a text; false if it is not valid UTF-8.</summary>
    public static bool TryCount(ReadOnlySpan<byte> text, out int length)
    {
        if (text.Length == 1)
        {
            length = 1;
            return text[0] < 0x80;
        }

        if (Ascii.IsValid(text))
        {
            length = text.Length;
            return true;
        }

        if (!Utf8.IsValid(text))
        {
            length = 0;
            return false;
        }

        length = Encoding.UTF8.GetCharCount(text);
        return true;
    }

    /// <summary>
    /// The byte offset at which <paramref name="at"/> of a valid text's <paramref name="length"/> code units have passed.
    /// </summary>
    /// <exception cref="OperationException">That is within a surrogate pair.</exception>
    public static int Cut(ReadOnlySpan<byte> text, int length, int at)
    {
        var offset = Offset(text, length, at);
        return offset >= 0 ? offset : throw SplitsSurrogatePair();
    }

    /// <summary>Like <see cref="Cut"/>, but -1 within a surrogate pair.</summary>
    public static int Offset(ReadOnlySpan<byte> text, int length, int at)
    {
        if (length == text.Length)
            return at;

        var offset = 0;
        // Whole vectors first: a code unit for each byte that is no continuation, and one more for each 4-byte lead.
        while (at >= Vector<byte>.Count && text.Length - offset >= Vector<byte>.Count)
        {
            var block = new Vector<byte>(text[offset..]);
            var continuations = Vector.Equals(block & new Vector<byte>(0xC0), new Vector<byte>(0x80));
            var leads = Vector.GreaterThanOrEqual(block, new Vector<byte>(0xF0));
            // Each comparison is 255 (that is, -1) where it holds.
            var units = Vector<byte>.Count + Sum(Vector.Subtract(continuations, leads));
            if (units > at)
                break;
            at -= units;
            offset += Vector<byte>.Count;
        }

        // The last vector may have ended within a character, whose lead was counted: its rest belongs to it.
        while (offset < text.Length && (text[offset] & 0xC0) == 0x80)
            offset++;
        while (at > 0)
        {
            var lead = text[offset];
            if (lead < 0x80)
            {
                offset++;
            }
            else if (lead < 0xF0)
            {
                offset += lead < 0xE0 ? 2 : 3;
            }
            else
            {
                if (at == 1)
                    return -1;
                offset += 4;
                at--;
            }

            at--;
        }

        return offset;
    }

    private static int Sum(Vector<byte> bytes) => Sum(Vector.AsVectorSByte(bytes));

    private static int Sum(Vector<sbyte> bytes)
    {
        Vector.Widen(bytes, out var low, out var high);
        return Vector.Sum(low + high);
    }

    public static OperationException SplitsSurrogatePair() => new(
        OperationError.SplitsSurrogatePair,
        "The operation would leave half a surrogate pair behind: no component may begin or end within one.");
}
