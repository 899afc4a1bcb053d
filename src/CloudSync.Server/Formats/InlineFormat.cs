// How a run of text looks: the inline attributes that Quill knows, checked, so that nothing else gets into a file or out
// of one.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CloudSync.Server.Formats;

internal sealed partial record InlineFormat
{
    public static readonly InlineFormat None = new();

    public bool Bold { get; init; }

    public bool Italic { get; init; }

    public bool Underline { get; init; }

    public bool Strike { get; init; }

    public bool Code { get; init; }

    /// <summary>An address that <see cref="Links.Safe"/> let through.</summary>
    public string? Link { get; init; }

    /// <summary>"sub" or "super".</summary>
    public string? Script { get; init; }

    public string? Color { get; init; }

    public string? Background { get; init; }

    /// <summary>"serif" or "monospace".</summary>
    public string? Font { get; init; }

    /// <summary>"small", "large" or "huge".</summary>
    public string? Size { get; init; }

    public static InlineFormat Of(JsonObject? attributes) => attributes is null ? None : new()
    {
        Bold = IsTrue(attributes["bold"]),
        Italic = IsTrue(attributes["italic"]),
        Underline = IsTrue(attributes["underline"]),
        Strike = IsTrue(attributes["strike"]),
        Code = IsTrue(attributes["code"]),
        Link = Links.Safe(TextOf(attributes["link"])),
        Script = OneOf(TextOf(attributes["script"]), "sub", "super"),
        Color = SafeColor(TextOf(attributes["color"])),
        Background = SafeColor(TextOf(attributes["background"])),
        Font = OneOf(TextOf(attributes["font"]), "serif", "monospace"),
        Size = OneOf(TextOf(attributes["size"]), "small", "large", "huge"),
    };

    public JsonObject? ToAttributes()
    {
        var attributes = new JsonObject();
        Add(attributes, "bold", Bold);
        Add(attributes, "italic", Italic);
        Add(attributes, "underline", Underline);
        Add(attributes, "strike", Strike);
        Add(attributes, "code", Code);
        Add(attributes, "link", Link);
        Add(attributes, "script", Script);
        Add(attributes, "color", Color);
        Add(attributes, "background", Background);
        Add(attributes, "font", Font);
        Add(attributes, "size", Size);
        return attributes.Count == 0 ? null : attributes;
    }

    /// <summary>A color as CSS has them and nothing else: "red", "#aabbcc", "rgb(1, 2, 3)".</summary>
    public static string? SafeColor(string? color) => color is not null && ColorPattern().IsMatch(color) ? color : null;

    internal static bool IsTrue(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool set) && set;

    internal static string? TextOf(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    internal static string? OneOf(string? value, params ReadOnlySpan<string> allowed) =>
        value is not null && allowed.Contains(value) ? value : null;

    internal static void Add(JsonObject attributes, string name, bool set)
    {
        if (set)
            attributes[name] = true;
    }

    internal static void Add(JsonObject attributes, string name, string? value)
    {
        if (value is not null)
            attributes[name] = value;
    }

    [GeneratedRegex("""^(#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,30}|(rgb|rgba|hsl|hsla)\([0-9.,%/ ]{1,40}\))$""")]
    private static partial Regex ColorPattern();
}
