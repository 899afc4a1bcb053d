// What the elements around a place in a page say about the text there.

using AngleSharp.Dom;

namespace CloudSync.Server.Formats;

/// <param name="Inline">How text looks.</param>
/// <param name="Line">What kind of line it stands in.</param>
/// <param name="KeepsSpaces">Whether white space is kept as it is.</param>
/// <param name="ListDepth">How many lists it is in.</param>
/// <param name="List">The kind of the innermost one.</param>
internal sealed record HtmlContext(
    InlineFormat Inline, LineFormat Line, bool KeepsSpaces = false, int ListDepth = 0, string List = "bullet")
{
    public HtmlContext Inside(IElement element)
    {
        var style = Declarations(element.GetAttribute("style"));
        var classes = element.GetAttribute("class") is { } names ? names.Split(' ') : [];
        return this with
        {
            Inline = InlineInside(element, style, classes),
            Line = LineInside(element, style, classes),
            KeepsSpaces = style.GetValueOrDefault("white-space") is { } space
                ? space is "pre" or "pre-wrap" or "break-spaces"
                : KeepsSpaces || element.LocalName == "pre",
            ListDepth = element.LocalName is "ul" or "ol" or "menu" or "dir" ? ListDepth + 1 : ListDepth,
            List = element.LocalName switch
            {
                "ol" => "ordered",
                "ul" or "menu" or "dir" => "bullet",
                _ => List,
            },
        };
    }

    private InlineFormat InlineInside(IElement element, Dictionary<string, string> style, string[] classes)
    {
        var inline = element.LocalName switch
        {
            "b" or "strong" => Inline with { Bold = true },
            "i" or "em" or "cite" or "var" => Inline with { Italic = true },
            "u" or "ins" => Inline with { Underline = true },
            "s" or "strike" or "del" => Inline with { Strike = true },
            "code" or "tt" or "kbd" or "samp" => Inline with { Code = true },
            "sub" => Inline with { Script = "sub" },
            "sup" => Inline with { Script = "super" },
            "a" => Inline with { Link = Links.Safe(element.GetAttribute("href")) ?? Inline.Link },
            _ => Inline,
        };
        foreach (var (property, value) in style)
        {
            inline = property switch
            {
                // Editors write <b style="font-weight: normal"> around what is not bold.
                "font-weight" => inline with
                {
                    Bold = value is "bold" or "bolder" || (int.TryParse(value, out var weight) && weight >= 600),
                },
                "font-style" => inline with { Italic = value is "italic" or "oblique" },
                "text-decoration" or "text-decoration-line" => inline with
                {
                    Underline = inline.Underline || value.Contains("underline", StringComparison.Ordinal),
                    Strike = inline.Strike || value.Contains("line-through", StringComparison.Ordinal),
                },
                "color" => inline with { Color = InlineFormat.SafeColor(value) ?? inline.Color },
                "background-color" => inline with { Background = InlineFormat.SafeColor(value) ?? inline.Background },
                _ => inline,
            };
        }

        return inline with
        {
            Font = InlineFormat.OneOf(Suffix(classes, "ql-font-"), "serif", "monospace") ?? inline.Font,
            Size = InlineFormat.OneOf(Suffix(classes, "ql-size-"), "small", "large", "huge") ?? inline.Size,
        };
    }

    // A line is of one kind. The inner element decides, except that what stands in a list item or in code is part of it.
    private LineFormat LineInside(IElement element, Dictionary<string, string> style, string[] classes)
    {
        var line = Line;
        var name = element.LocalName;
        if (line.CodeBlock is null && (name == "pre" || classes.Contains("ql-code-block")))
            return new LineFormat { CodeBlock = LanguageOf(element, classes) ?? "" };
        if (name == "li")
        {
            line = line with
            {
                Header = 0,
                Blockquote = false,
                List = LineFormat.SafeList(element.GetAttribute("data-list")) ?? CheckboxOf(element) ?? List,
                Indent = Math.Clamp(ListDepth - 1, 0, LineFormat.DeepestIndent),
            };
        }
        else if (line.List is null && line.CodeBlock is null)
        {
            if (name is ['h', >= '1' and <= '6'])
                line = line with { Header = name[1] - '0', Blockquote = false };
            else if (name == "blockquote")
                line = line with { Blockquote = true, Header = 0 };
        }

        if (int.TryParse(element.GetAttribute("data-indent") ?? Suffix(classes, "ql-indent-"), out var indent))
            line = line with { Indent = Math.Clamp(indent, 0, LineFormat.DeepestIndent) };
        var align = style.GetValueOrDefault("text-align") ?? Suffix(classes, "ql-align-");
        if (align is not null)
            line = line with { Align = InlineFormat.OneOf(align, "center", "right", "justify") };
        var direction = element.GetAttribute("dir") ?? Suffix(classes, "ql-direction-");
        return direction is null ? line : line with { RightToLeft = direction == "rtl" };
    }

    // The box may stand in a label or a paragraph at the item's beginning.
    private static string? CheckboxOf(IElement item)
    {
        var element = item.FirstElementChild;
        for (var depth = 0; depth < 3 && element is not null and not { LocalName: "ul" or "ol" or "li" };
            depth++, element = element.FirstElementChild)
        {
            if (element.LocalName == "input" && element.GetAttribute("type") == "checkbox")
                return element.HasAttribute("checked") ? "checked" : "unchecked";
        }

        return null;
    }

    private static string? LanguageOf(IElement element, string[] classes)
    {
        var inner = element.FirstElementChild is { LocalName: "code" } code
            ? code.GetAttribute("class")?.Split(' ') ?? []
            : [];
        return LineFormat.SafeLanguage(
            Suffix(classes, "language-") ?? Suffix(inner, "language-") ?? element.GetAttribute("data-language"));
    }

    private static string? Suffix(string[] classes, string prefix) =>
        Array.Find(classes, name => name.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];

    private static Dictionary<string, string> Declarations(string? style)
    {
        var declarations = new Dictionary<string, string>();
        foreach (var declaration in style?.Split(';') ?? [])
        {
            var colon = declaration.IndexOf(':');
            if (colon > 0)
                declarations[declaration[..colon].Trim().ToLowerInvariant()] =
                    declaration[(colon + 1)..].Trim().ToLowerInvariant();
        }

        return declarations;
    }
}
