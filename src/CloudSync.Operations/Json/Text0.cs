// text0, the string edits within json0: components that insert or delete a text at a position, done one after the other.

namespace CloudSync.Operations;

/// <param name="Position">UTF-16 code units from the beginning.</param>
/// <param name="Text">What is inserted, or stands there and is deleted.</param>
/// <param name="IsInsert">Whether it inserts.</param>
internal readonly record struct TextEdit(long Position, string Text, bool IsInsert)
{
    public long End => Position + Text.Length;
}

internal static class Text0
{
    /// <summary>Whether there is no half surrogate pair in a text.</summary>
    public static bool IsWhole(string text)
    {
        for (var i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                return false;
            i++;
        }

        return true;
    }

    /// <summary>Adds an edit to those before it, merged with the last one where both do the same at one place.</summary>
    public static void Append(List<TextEdit> edits, TextEdit edit, ref JsonWork work)
    {
        if (edit.Text.Length == 0)
            return;
        if (edits.Count > 0 && TryMerge(edits[^1], edit, ref work) is { } merged)
            edits[^1] = merged;
        else
            edits.Add(edit);
    }

    /// <summary>The one edit that does what two do, if there is one.</summary>
    public static TextEdit? TryMerge(TextEdit last, TextEdit next, ref JsonWork work)
    {
        if (last.IsInsert && next.IsInsert && last.Position <= next.Position && next.Position <= last.End)
            return last with { Text = Insert(last.Text, next.Position - last.Position, next.Text, ref work) };
        if (!last.IsInsert && !next.IsInsert && next.Position <= last.Position && last.Position <= next.End)
            return next with { Text = Insert(next.Text, last.Position - next.Position, last.Text, ref work) };
        return null;
    }

    /// <summary>Adds what becomes of an edit after a concurrent one.</summary>
    public static void Transform(List<TextEdit> to, TextEdit edit, TextEdit over, Side side, ref JsonWork work)
    {
        if (edit.IsInsert)
        {
            Append(to, edit with { Position = Moved(edit.Position, over, side == Side.Right) }, ref work);
            return;
        }

        if (over.IsInsert)
        {
            var rest = edit.Text;
            if (edit.Position < over.Position)
            {
                work.CountMerge(rest.Length);
                var before = (int)Math.Min(over.Position - edit.Position, rest.Length);
                Append(to, edit with { Text = rest[..before] }, ref work);
                rest = rest[before..];
            }

            Append(to, new(edit.Position + over.Text.Length, rest, IsInsert: false), ref work);
            return;
        }

        if (edit.Position >= over.End)
            Append(to, edit with { Position = edit.Position - over.Text.Length }, ref work);
        else if (edit.End <= over.Position)
            Append(to, edit, ref work);
        else
            DeleteTheRest(to, edit, over, ref work);
    }

    // Both delete, and what they delete overlaps.
    private static void DeleteTheRest(List<TextEdit> to, TextEdit edit, TextEdit over, ref JsonWork work)
    {
        var start = Math.Max(edit.Position, over.Position);
        var end = Math.Min(edit.End, over.End);
        var mine = edit.Text.AsSpan((int)(start - edit.Position), (int)(end - start));
        var theirs = over.Text.AsSpan((int)(start - over.Position), (int)(end - start));
        if (!mine.SequenceEqual(theirs))
            throw JsonLimits.DoesNotFit("two operations delete different texts at one place");

        work.CountMerge(edit.Text.Length);
        var rest = string.Concat(
            edit.Position < over.Position ? edit.Text.AsSpan(0, (int)(over.Position - edit.Position)) : "",
            edit.End > over.End ? edit.Text.AsSpan((int)(over.End - edit.Position)) : "");
        Append(to, new(Moved(edit.Position, over, goesAfter: false), rest, IsInsert: false), ref work);
    }

    private static long Moved(long position, TextEdit over, bool goesAfter)
    {
        if (over.IsInsert)
        {
            return over.Position < position || (over.Position == position && goesAfter)
                ? position + over.Text.Length
                : position;
        }

        return position <= over.Position ? position
            : position <= over.End ? over.Position
            : position - over.Text.Length;
    }

    private static string Insert(string text, long at, string inserted, ref JsonWork work)
    {
        work.CountMerge(text.Length + inserted.Length);
        return text.Insert((int)at, inserted);
    }
}
