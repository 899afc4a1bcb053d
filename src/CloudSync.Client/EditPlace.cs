// Where in a document an edit was made, as far as it takes to tell whether two edits belong to one burst of typing.

using System.Text.Json;
using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>
/// The place of an edit: in text, the stretch that it changed; in JSON, the path of the one value that it changed.
/// </summary>
/// <param name="Start">In text: where what it changed begins.</param>
/// <param name="EndBefore">In text: where that ended before the edit.</param>
/// <param name="EndAfter">In text: where it ends after the edit.</param>
/// <param name="Path">In JSON: the path of the value; null in text, and if the edit changed several values.</param>
internal readonly record struct EditPlace(int Start, int EndBefore, int EndAfter, string? Path)
{
    // Touches nothing: an edit of several values.
    private static readonly EditPlace _several = new(-1, -1, -1, null);

    public static EditPlace Of(DocumentType type, ReadOnlyMemory<byte> operation) =>
        type.HasPositions ? OfText(operation) : OfJson(operation);

    /// <summary>Whether an edit here goes on where the one before, whose place that is, left off.</summary>
    public bool Touches(in EditPlace former) => Start < 0 || former.Start < 0
        ? Path is not null && Path == former.Path
        : Start <= former.EndAfter && EndBefore >= former.Start;

    /// <summary>Where it is after a change by somebody else.</summary>
    public EditPlace Move(DocumentType type, ReadOnlySpan<byte> change)
    {
        if (Start < 0)
            return this;
        var end = type.TransformPosition(EndAfter, change, Side.Left);
        return new(type.TransformPosition(Start, change, Side.Left), end, end, null);
    }

    private static EditPlace OfText(ReadOnlyMemory<byte> operation)
    {
        int before = 0, after = 0, start = -1, endBefore = 0, endAfter = 0;
        foreach (var component in Delta.FromBytes(operation).Components)
        {
            var inserts = component.Kind is DeltaKind.InsertText or DeltaKind.InsertEmbed;
            var keeps = component is { Kind: DeltaKind.Retain, Attributes: null };
            if (!keeps && start < 0)
                start = before;
            before += inserts ? 0 : component.Length;
            after += component.Kind == DeltaKind.Delete ? 0 : component.Length;
            if (!keeps)
                (endBefore, endAfter) = (before, after);
        }

        return new(Math.Max(start, 0), endBefore, endAfter, null);
    }

    private static EditPlace OfJson(ReadOnlyMemory<byte> operation)
    {
        using var json = JsonDocument.Parse(operation, new() { MaxDepth = 512 });
        string? path = null;
        foreach (var component in json.RootElement.EnumerateArray())
        {
            // Items that come, go or move are each a matter of their own.
            if (component.TryGetProperty("lm", out _)
                || component.TryGetProperty("li", out _) != component.TryGetProperty("ld", out _))
            {
                return _several;
            }

            var keys = component.GetProperty("p");
            // The last of a text's path says where in the text.
            var isText = component.TryGetProperty("si", out _) || component.TryGetProperty("sd", out _);
            var here = string.Join(',', keys.EnumerateArray()
                .Take(keys.GetArrayLength() - (isText ? 1 : 0)).Select(static key => key.GetRawText()));
            if (path is not null && path != here)
                return _several;
            path = here;
        }

        return _several with { Path = path };
    }
}
