// Writes the text of one line as Markdown, so that whatever it says reads back as the same text.
//
// Asterisks only mark emphasis where the text inside begins and ends with a letter or digit, because only there do they
// work whatever stands around them. Elsewhere, and for what Markdown has no mark for, stand the HTML tags that Markdown
// allows in text.

using System.Text;
using System.Text.RegularExpressions;

namespace CloudSync.Server.Formats;

internal static partial class MarkdownText
{
    public static string Write(Line line)
    {
        var markdown = new StringBuilder();
        for (var i = 0; i < line.Runs.Count; i++)
        {
            var run = line.Runs[i];
            if (run.Image is not null)
                Wrapped(markdown, run.Format, $"![{Escaped(run.Alternative ?? "", false, false)}]({Destination(run.Image)})", isWord: false);
            else if (WithoutControls(run.Text) is { Length: > 0 } text)
                Run(markdown, text, run.Format, isFirst: markdown.Length == 0, isLast: i == line.Runs.Count - 1);
        }

        return Opening(markdown.ToString(), line.Format.Header > 0);
    }

    /// <summary>Without the characters that no file of text has.</summary>
    public static string WithoutControls(string text) =>
        text.Any(static c => c < ' ' && c != '\t')
            ? string.Concat(text.Where(static c => c >= ' ' || c == '\t'))
            : text;

    private static void Run(StringBuilder markdown, string text, InlineFormat format, bool isFirst, bool isLast)
    {
        if (format.Code)
        {
            Wrapped(markdown, format, CodeSpan(text), isWord: false);
            return;
        }

        var isWord = char.IsLetterOrDigit(text[0]) && char.IsLetterOrDigit(text[^1]);
        Wrapped(markdown, format, Escaped(text, isFirst, isLast), isWord);
    }

    private static void Wrapped(StringBuilder markdown, InlineFormat format, string inner, bool isWord)
    {
        // Marks of two runs that touch would be read as one.
        var touches = markdown.Length > 0 && markdown[^1] is '*' or '~';
        var marks = isWord && !touches;
        var emphasised = format.Bold || format.Italic;
        if (format.Italic)
            inner = marks ? $"*{inner}*" : $"<em>{inner}</em>";
        if (format.Bold)
            inner = marks ? $"**{inner}**" : $"<strong>{inner}</strong>";
        if (format.Strike)
            inner = marks && !emphasised ? $"~~{inner}~~" : $"<del>{inner}</del>";
        if (format.Underline)
            inner = $"<u>{inner}</u>";
        if (format.Script is not null)
            inner = format.Script == "sub" ? $"<sub>{inner}</sub>" : $"<sup>{inner}</sup>";
        if (format.Link is not null)
            inner = $"[{inner}]({Destination(format.Link)})";
        markdown.Append(inner);
    }

    private static string CodeSpan(string text)
    {
        var longest = Backticks().Matches(text).Select(static match => match.Length).DefaultIfEmpty().Max();
        var fence = new string('`', longest + 1);
        // One space at each side is taken off again, unless there is nothing but spaces.
        var isPadded = text[0] == '`' || text[^1] == '`' || (text[0] == ' ' && text[^1] == ' ' && text.Trim(' ').Length > 0);
        return isPadded ? $"{fence} {text} {fence}" : fence + text + fence;
    }

    private static string Destination(string address)
    {
        var escaped = Entity().Replace(address, "&amp;$1").Replace("\\", "\\\\");
        return escaped.Any(static c => c is ' ' or '(' or ')' or '<' or '>' || c > '~')
            ? "<" + escaped.Replace("<", "\\<").Replace(">", "\\>") + ">"
            : escaped;
    }

    private static string Escaped(string text, bool isFirst, bool isLast)
    {
        var escaped = new StringBuilder();
        var begin = isFirst ? text.Length - text.AsSpan().TrimStart(" \t").Length : 0;
        var end = isLast ? text.AsSpan().TrimEnd(" \t").Length : text.Length;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            // Space at either end of a line is not text to Markdown, unless it is written as an entity.
            var isAtEnd = i < begin || i >= end;
            _ = c switch
            {
                ' ' when isAtEnd => escaped.Append("&#32;"),
                '\t' when isAtEnd => escaped.Append("&#9;"),
                // Before a code span it would be taken for part of its fence, escaped or not.
                '`' when !isLast && i == text.Length - 1 => escaped.Append("&#96;"),
                '\\' or '`' or '*' or '[' or ']' or '<' or '~' => escaped.Append('\\').Append(c),
                // Within a word it means nothing.
                '_' when i == 0 || i == text.Length - 1
                    || !char.IsLetterOrDigit(text[i - 1]) || !char.IsLetterOrDigit(text[i + 1]) => escaped.Append("\\_"),
                // Before a link it would make an image of it.
                '!' when !isLast && i == text.Length - 1 => escaped.Append("\\!"),
                '&' when EntityHere().IsMatch(text, i) => escaped.Append("&amp;"),
                _ => escaped.Append(c),
            };
        }

        return escaped.ToString();
    }

    // What would make another kind of block of a line.
    private static string Opening(string markdown, bool isHeader)
    {
        if (isHeader)
            return ClosingHashes().Replace(markdown, static match => match.Value.Replace("#", "\\#"));
        if (BlockMark().IsMatch(markdown))
            return "\\" + markdown;
        // A link that begins the line, with code in it that says "]:", would define a reference and show nothing.
        if (Definition().IsMatch(markdown))
            return "<b></b>" + markdown;
        var number = NumberMark().Match(markdown);
        return number.Success ? $"{number.Groups[1].Value}\\{markdown[number.Groups[1].Length..]}" : markdown;
    }

    [GeneratedRegex("`+")]
    private static partial Regex Backticks();

    [GeneratedRegex(@"\G&(#?[a-zA-Z0-9]+;)")]
    private static partial Regex EntityHere();

    [GeneratedRegex("&(#?[a-zA-Z0-9]+;)")]
    private static partial Regex Entity();

    [GeneratedRegex(@"^(#{1,6}([ \t]|$)|>|[-+]([ \t]|$)|-[- \t]*$|=+$)")]
    private static partial Regex BlockMark();

    [GeneratedRegex(@"^(\d{1,9})[.)]([ \t]|$)")]
    private static partial Regex NumberMark();

    [GeneratedRegex(@"^\[[^\]]*\]:")]
    private static partial Regex Definition();

    [GeneratedRegex(@"(^|[ \t])#+$")]
    private static partial Regex ClosingHashes();
}
