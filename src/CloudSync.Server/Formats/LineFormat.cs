// What kind of line a line is: the attributes that Quill keeps at its newline, checked.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CloudSync.Server.Formats;

/// <summary>A paragraph, unless one of the first four says otherwise; only one of them does.</summary>
internal sealed partial record LineFormat
{
    public const int DeepestIndent = 8;

    public static readonly LineFormat Paragraph = new();

    /// <summary>1 to 6, or 0.</summary>
    public int Header { get; init; }

    /// <summary>"ordered", "bullet", "checked" or "unchecked".</summary>
    public string? List { get; init; }

    public bool Blockquote { get; init; }

    /// <summary>The language of a line of code; empty if there is none; null if it isn't a line of code.</summary>
    public string? CodeBlock { get; init; }

    /// <summary>0 to 8.</summary>
    public int Indent { get; init; }

    /// <summary>"center", "right" or "justify".</summary>
    public string? Align { get; init; }

    public bool RightToLeft { get; init; }

    public static LineFormat Of(JsonObject? attributes)
    {
        if (attributes is null)
            return Paragraph;
        var format = new LineFormat
        {
            Indent = Number(attributes["indent"], DeepestIndent),
            Align = InlineFormat.OneOf(InlineFormat.TextOf(attributes["align"]), "center", "right", "justify"),
            RightToLeft = InlineFormat.TextOf(attributes["direction"]) == "rtl",
        };
        if (InlineFormat.IsTrue(attributes["code-block"]))
            return format with { CodeBlock = "" };
        if (SafeLanguage(InlineFormat.TextOf(attributes["code-block"])) is { } language)
            return format with { CodeBlock = language };
        if (SafeList(InlineFormat.TextOf(attributes["list"])) is { } list)
            return format with { List = list };
        if (Number(attributes["header"], 6) is > 0 and var header)
            return format with { Header = header };
        return InlineFormat.IsTrue(attributes["blockquote"]) ? format with { Blockquote = true } : format;
    }

    public JsonObject? ToAttributes()
    {
        var attributes = new JsonObject();
        if (CodeBlock is not null)
            attributes["code-block"] = CodeBlock.Length == 0 ? true : CodeBlock;
        InlineFormat.Add(attributes, "list", List);
        if (Header > 0)
            attributes["header"] = Header;
        InlineFormat.Add(attributes, "blockquote", Blockquote);
        if (Indent > 0)
            attributes["indent"] = Indent;
        InlineFormat.Add(attributes, "align", Align);
        InlineFormat.Add(attributes, "direction", RightToLeft ? "rtl" : null);
        return attributes.Count == 0 ? null : attributes;
    }

    public static string? SafeList(string? list) =>
        InlineFormat.OneOf(list, "ordered", "bullet", "checked", "unchecked");

    /// <summary>The name of a programming language; null if it is not one.</summary>
    public static string? SafeLanguage(string? language) =>
        language is not null && LanguagePattern().IsMatch(language) ? language : null;

    private static int Number(JsonNode? node, int most) =>
        node is JsonValue value && value.TryGetValue(out double number) && number >= 1 && number <= most ? (int)number : 0;

    [GeneratedRegex("^[a-zA-Z0-9][a-zA-Z0-9+#_.-]{0,39}$")]
    private static partial Regex LanguagePattern();
}
