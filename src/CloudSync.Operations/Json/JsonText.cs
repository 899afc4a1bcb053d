// A text within JSON. A long one is kept in parts, so that an edit costs one part and the row of parts. Never changed: an
// edit gives another text, which shares the parts that stay.

using System.Text;

namespace CloudSync.Operations;

internal sealed class JsonText : JsonValue
{
    // A part is cut in pieces of the half when it grows longer than this.
    private const int PartLength = 2048;

    private readonly string[] _parts;
    private readonly long _utf8Length;

    public JsonText(string value) : this(Cut(value), value.Length, Encoding.UTF8.GetByteCount(value))
    {
    }

    private JsonText(string[] parts, int length, long utf8Length)
    {
        _parts = parts;
        Length = length;
        _utf8Length = utf8Length;
    }

    /// <summary>UTF-16 code units.</summary>
    public int Length { get; }

    public override long Bytes => OwnBytes + _utf8Length;

    /// <summary>The parts in order. None ends within a surrogate pair.</summary>
    public ReadOnlySpan<string> Parts => _parts;

    public override string ToString() => _parts.Length == 1 ? _parts[0] : string.Concat(_parts.AsSpan());

    public bool Equals(JsonText other)
    {
        if (Length != other.Length || _utf8Length != other._utf8Length)
            return false;
        return ReferenceEquals(_parts, other._parts) || ToString() == other.ToString();
    }

    /// <summary>The text after an edit.</summary>
    /// <exception cref="OperationException">Another text stands there, or a surrogate pair would be split.</exception>
    public JsonText After(TextEdit edit)
    {
        // As JavaScript's slice: past the end is at the end.
        var at = (int)Math.Min(edit.Position, Length);
        if (!edit.IsInsert && !StandsAt(at, edit.Text))
            throw JsonLimits.DoesNotFit($"at {edit.Position} of the text stands another text than the one to delete");
        if (edit.Text.Length == 0)
            return this;

        // What stands left and right of a delete may be the halves of two pairs that make a new one.
        var end = edit.IsInsert ? at : at + edit.Text.Length;
        var high = at > 0 && char.IsHighSurrogate(CharAt(at - 1));
        var low = end < Length && char.IsLowSurrogate(CharAt(end));
        if (edit.IsInsert ? (high && low) || !Text0.IsWhole(edit.Text) : high != low)
            throw Utf8Text.SplitsSurrogatePair();
        return Replace(at, end, edit.IsInsert ? edit.Text : "");
    }

    private JsonText Replace(int start, int end, string inserted)
    {
        // The parts between the one where it begins and the one where it ends become one, or as many as that is cut into.
        var (first, offset) = Locate(start);
        var (last, rest) = start == end ? (first, offset) : Locate(end);
        var changed = string.Concat(_parts[first].AsSpan(0, offset), inserted, _parts[last].AsSpan(rest));
        // What has become short is joined with the next part, and nothing at all with the one before.
        long removed = 0;
        for (var i = first; i <= last; i++)
            removed += Encoding.UTF8.GetByteCount(_parts[i]);
        while (changed.Length < PartLength / 4 && last + 1 < _parts.Length)
        {
            last++;
            removed += Encoding.UTF8.GetByteCount(_parts[last]);
            changed += _parts[last];
        }

        if (changed.Length == 0 && first > 0)
        {
            changed = _parts[--first];
            removed += Encoding.UTF8.GetByteCount(changed);
        }

        string[] parts = [.. _parts.AsSpan(0, first), .. Cut(changed), .. _parts.AsSpan(last + 1)];
        return new(parts, Length - (end - start) + inserted.Length, _utf8Length - removed + Encoding.UTF8.GetByteCount(changed));
    }

    // The part in which a position is, and where in it; a position between two is at the end of the first.
    private (int Part, int Offset) Locate(int position)
    {
        var part = 0;
        while (position > _parts[part].Length)
            position -= _parts[part++].Length;
        return (part, position);
    }

    private char CharAt(int position)
    {
        var (part, offset) = Locate(position + 1);
        return _parts[part][offset - 1];
    }

    private bool StandsAt(int position, string text)
    {
        if (text.Length > Length - position)
            return false;
        var (part, offset) = Locate(position);
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var here = _parts[part++].AsSpan(offset);
            var length = Math.Min(here.Length, rest.Length);
            if (!rest[..length].SequenceEqual(here[..length]))
                return false;
            rest = rest[length..];
            offset = 0;
        }

        return true;
    }

    private static string[] Cut(string text)
    {
        if (text.Length <= PartLength)
            return [text];
        var parts = new List<string>((text.Length / (PartLength / 2)) + 1);
        for (var start = 0; start < text.Length;)
        {
            var length = Math.Min(PartLength / 2, text.Length - start);
            if (start + length < text.Length && char.IsHighSurrogate(text[start + length - 1]))
                length++;
            parts.Add(text.Substring(start, length));
            start += length;
        }

        return [.. parts];
    }
}
