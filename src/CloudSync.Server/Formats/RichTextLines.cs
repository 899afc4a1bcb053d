// Rich text as lines of runs, which is how files see it; a delta sees one long text with newlines in it.

using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Server.Formats;

/// <summary>A piece of a line that looks alike, or one image.</summary>
/// <param name="Text">The text; empty for an image.</param>
/// <param name="Image">The address of an image that <see cref="Links.SafeImage"/> let through, or null.</param>
/// <param name="Alternative">What to read instead of the image.</param>
/// <param name="Format">How it looks.</param>
internal sealed record LineRun(string Text, string? Image, string? Alternative, InlineFormat Format);

internal sealed record Line(IReadOnlyList<LineRun> Runs, LineFormat Format)
{
    public string Text => string.Concat(Runs.Select(static run => run.Text));
}

internal static class RichTextLines
{
    /// <summary>Cuts a document into lines. The last newline ends the last line; it doesn't begin another.</summary>
    public static List<Line> Of(Delta document)
    {
        var lines = new List<Line>();
        var runs = new List<LineRun>();
        foreach (var part in document.Components)
        {
            if (part.Kind == DeltaKind.InsertEmbed)
            {
                if (RunOf(part.Embed!, part.Attributes) is { } embed)
                    runs.Add(embed);
                continue;
            }

            var rest = part.Text.AsSpan();
            for (int end; (end = rest.IndexOf('\n')) >= 0; rest = rest[(end + 1)..])
            {
                AddText(rest[..end]);
                lines.Add(new Line(runs, LineFormat.Of(part.Attributes)));
                runs = [];
            }

            AddText(rest);

            void AddText(ReadOnlySpan<char> text)
            {
                if (!text.IsEmpty)
                    runs.Add(new LineRun(text.ToString(), null, null, InlineFormat.Of(part.Attributes)));
            }
        }

        if (runs.Count > 0)
            lines.Add(new Line(runs, LineFormat.Paragraph));
        return lines;
    }

    // What files have no embed for is written as what it says: a formula as its source, a video as a link to it.
    private static LineRun? RunOf(JsonObject embed, JsonObject? attributes)
    {
        var format = InlineFormat.Of(attributes);
        if (Links.SafeImage(InlineFormat.TextOf(embed["image"])) is { } image)
            return new LineRun("", image, InlineFormat.TextOf(attributes?["alt"]), format);
        if (InlineFormat.TextOf(embed["formula"]) is { Length: > 0 } formula)
            return new LineRun(formula.ReplaceLineEndings(" "), null, null, format with { Code = true });
        if (Links.Safe(InlineFormat.TextOf(embed["video"])) is { } video)
            return new LineRun(video, null, null, format with { Link = video });
        return null;
    }
}

/// <summary>Gathers lines into a document, keeping to what is safe whatever the file says.</summary>
internal sealed class RichTextBuilder
{
    private readonly DeltaBuilder _delta = Delta.Build();
    private bool _isEmpty = true;

    /// <summary>Whether something stands in the line that hasn't ended yet.</summary>
    public bool IsInLine { get; private set; }

    /// <summary>How many lines have ended.</summary>
    public int Lines { get; private set; }

    public void Text(string text, InlineFormat format)
    {
        if (text.Length == 0)
            return;
        _delta.Insert(text, format.ToAttributes());
        IsInLine = true;
        _isEmpty = false;
    }

    public void Image(string? address, string? alternative, InlineFormat format)
    {
        if (Links.SafeImage(address) is not { } image)
            return;
        var attributes = format.ToAttributes() ?? [];
        if (!string.IsNullOrEmpty(alternative))
            attributes["alt"] = alternative;
        _delta.InsertEmbed(new JsonObject { ["image"] = image }, attributes.Count == 0 ? null : attributes);
        IsInLine = true;
        _isEmpty = false;
    }

    public void EndLine(LineFormat format)
    {
        _delta.Insert("\n", format.ToAttributes());
        IsInLine = false;
        _isEmpty = false;
        Lines++;
    }

    public Delta ToDelta()
    {
        // Rich text is made of lines that end, and there is at least one.
        if (IsInLine || _isEmpty)
            EndLine(LineFormat.Paragraph);
        return _delta.ToDelta();
    }
}
