// The operation that nearly all are: somewhere, a text without attributes is inserted, or something is deleted.

using System.Runtime.CompilerServices;

namespace CloudSync.Operations;

/// <summary>
/// What a key does. Recognised at a glance in the binary form, so that nothing that a keystroke can't contain is paid for.
/// </summary>
internal readonly ref struct Keystroke
{
    // Beyond it, what is saved doesn't matter.
    private const int MaxTextBytes = 64;

    private Keystroke(int position, int deleted, ReadOnlySpan<byte> text, int textLength)
    {
        Position = position;
        Deleted = deleted;
        Text = text;
        TextLength = textLength;
    }

    /// <summary>Where, in UTF-16 code units.</summary>
    public int Position { get; }

    /// <summary>Code units deleted; 0 if text is inserted.</summary>
    public int Deleted { get; }

    /// <summary>Valid UTF-8. Empty if something is deleted.</summary>
    public ReadOnlySpan<byte> Text { get; }

    /// <summary>The text's UTF-16 code units.</summary>
    public int TextLength { get; }

    /// <summary>
    /// Reads an operation if it is one well-formed retain without attributes, or none, and one insert of a short
    /// text without attributes or one delete. Anything else, whether well-formed or not, is left to others.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> operation, out Keystroke keystroke)
    {
        keystroke = default;
        var at = 0;
        var position = 0u;
        if (!TryReadHeader(operation, ref at, out var header))
            return false;
        if ((header & 7) == WireKind.Retain)
        {
            position = header >> 3;
            if (position == 0 || !TryReadHeader(operation, ref at, out header))
                return false;
        }

        var value = header >> 3;
        if (value == 0)
            return false;
        var rest = operation[at..];
        if ((header & 7) == WireKind.Delete)
        {
            if (!rest.IsEmpty)
                return false;
            keystroke = new((int)position, (int)value, default, 0);
            return true;
        }

        if ((header & 7) != WireKind.Text || value != (uint)rest.Length || value > MaxTextBytes)
            return false;
        if (!Utf8Text.TryCount(rest, out var length))
            return false;
        keystroke = new((int)position, 0, rest, length);
        return true;
    }

    // Four bytes at the most: a longer one is a value that no keystroke has.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadHeader(ReadOnlySpan<byte> operation, ref int at, out uint header)
    {
        header = 0;
        for (var shift = 0; shift < 28; shift += 7)
        {
            if ((uint)at >= (uint)operation.Length)
                return false;
            uint next = operation[at++];
            header |= (next & 0x7F) << shift;
            if (next < 0x80)
                return true;
        }

        return false;
    }
}
