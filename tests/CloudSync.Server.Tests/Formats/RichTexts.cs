// Generates rich-text documents for the round trips: lines, as Quill makes them.

using System.Text.Json.Nodes;
using CloudSync.Operations;
using CsCheck;

namespace CloudSync.Server.Tests.Formats;

internal static class RichTexts
{
    // Letters, and everything that means something to Markdown or HTML, white space at odd places included.
    private static readonly Gen<string> Text = Gen.OneOf(
            "a", "b", "é", "日", "😀", " ", "  ", "\t", "1", "9. ", "2) ", "*", "**", "_", "~", "~~", "`", "``", "[", "]", "(",
            ")", "<", ">", "<b>", "</u>", "&", "&amp;", "&#32;", "#", "##", "- ", "+ ", "= ", "---", "===", "!", "![", "|",
            "\\", "\"", "'", ".", ":", "\u00A0", "word", "snake_case", "http://x.y", "[x] ", "[ ]", "<!--", "{", "}", "$", "^")
        .Array[1, 6].Select(string.Concat);

    private static readonly Gen<string> Link = Gen.OneOf(
        "https://example.org/", "http://a.b/c?d=1&e=2&amp;f", "mailto:a@b.c", "/here", "#there", "https://a.b/(x)", "https://a.b/<x> y",
        "https://a.b/\\x", "https://a.b/日");

    /// <summary>A document with everything that HTML keeps.</summary>
    public static readonly Gen<Delta> ForHtml = Documents(
        Gen.Select(Gen.Int[0, 10], Gen.Bool, Inline(forMarkdown: false)),
        Gen.OneOf(
            Gen.OneOf("ordered", "bullet", "checked", "unchecked").Select(Gen.Int[0, 8], List),
            Gen.Int[1, 6].Select(level => new JsonObject { ["header"] = level }),
            Gen.Const(() => new JsonObject { ["blockquote"] = true }),
            Gen.OneOf("csharp", "c++", "plain").Select(language => new JsonObject { ["code-block"] = language }),
            Gen.Const(() => new JsonObject { ["code-block"] = true }),
            Gen.OneOf("center", "right", "justify").Select(align => new JsonObject { ["align"] = align }),
            Gen.Int[1, 8].Select(indent => new JsonObject { ["indent"] = indent }),
            Gen.Const(() => new JsonObject { ["direction"] = "rtl", ["align"] = "right" }),
            Gen.Const(() => new JsonObject())),
        keepsEmptyLines: true);

    /// <summary>A document with what Markdown keeps.</summary>
    public static readonly Gen<Delta> ForMarkdown = Documents(
        Gen.Select(Gen.Int[0, 10], Gen.Bool, Inline(forMarkdown: true)),
        Gen.OneOf(
            Gen.OneOf("ordered", "bullet", "checked", "unchecked").Select(Gen.Const(0), List),
            Gen.Int[1, 6].Select(level => new JsonObject { ["header"] = level }),
            Gen.Const(() => new JsonObject { ["blockquote"] = true }),
            Gen.OneOf("csharp", "c++", "plain").Select(language => new JsonObject { ["code-block"] = language }),
            Gen.Const(() => new JsonObject { ["code-block"] = true }),
            Gen.Const(() => new JsonObject())),
        keepsEmptyLines: false);

    /// <summary>The document as JSON with the attributes of each part in alphabetical order, which means nothing.</summary>
    public static string Normal(Delta document) => string.Join('\n', document.Components.Select(static part =>
    {
        var attributes = part.Attributes?.OrderBy(static attribute => attribute.Key, StringComparer.Ordinal)
            .Select(static attribute => KeyValuePair.Create(attribute.Key, attribute.Value?.DeepClone()));
        return $"{part.Kind} {JsonValue.Create(part.Text)?.ToJsonString()} {part.Embed?.ToJsonString()} "
            + (attributes is null ? "" : new JsonObject(attributes).ToJsonString());
    }));

    private static JsonObject List(string list, int indent) =>
        indent == 0 ? new JsonObject { ["list"] = list } : new JsonObject { ["list"] = list, ["indent"] = indent };

    private static Gen<JsonObject> Inline(bool forMarkdown) => Gen.Select(Gen.Int[0, 1023], Link, (bits, link) =>
    {
        var attributes = new JsonObject();
        // Most text has few attributes.
        if ((bits & 3) == 0)
            return attributes;
        if ((bits & 4) != 0)
            attributes["bold"] = true;
        if ((bits & 8) != 0)
            attributes["italic"] = true;
        if ((bits & 16) != 0)
            attributes["underline"] = true;
        if ((bits & 32) != 0)
            attributes["strike"] = true;
        if ((bits & 64) != 0)
            attributes["code"] = true;
        if ((bits & 384) == 384)
            attributes["link"] = link;
        if ((bits & 768) == 768)
            attributes["script"] = (bits & 1) == 0 ? "sub" : "super";
        if (!forMarkdown && (bits & 640) == 640)
        {
            attributes["color"] = "#ff0000";
            attributes["background"] = "rgb(1, 2, 3)";
            attributes["font"] = "serif";
            attributes["size"] = "huge";
        }

        return attributes;
    });

    private static Gen<Delta> Documents(
        Gen<(int, bool, JsonObject)> looks, Gen<JsonObject> lines, bool keepsEmptyLines) =>
        Gen.Select(Text, looks).Array[keepsEmptyLines ? 0 : 1, 4].Select(lines).Array[1, 8].Select(parts =>
        {
            var delta = Delta.Build();
            foreach (var (runs, line) in parts)
            {
                var isCode = line.ContainsKey("code-block");
                foreach (var (text, (kind, hasAlternative, attributes)) in runs)
                {
                    var look = (JsonObject)attributes.DeepClone();
                    if (isCode)
                        delta.Insert(text);
                    else if (kind != 0)
                        delta.Insert(text, look);
                    else
                        delta.InsertEmbed(new JsonObject { ["image"] = "https://example.org/a.png" }, WithAlternative(look, hasAlternative));
                }

                delta.Insert("\n", (JsonObject)line.DeepClone());
            }

            return delta.ToDelta();
        });

    private static JsonObject WithAlternative(JsonObject look, bool hasAlternative)
    {
        look.Remove("code");
        if (hasAlternative)
            look["alt"] = "a [nice] *picture*";
        return look;
    }
}
