// Writes rich text as a page of semantic HTML. Made of known elements and escaped text only, so nothing in a document,
// whoever wrote it, can run.

using System.Text;

namespace CloudSync.Server.Formats;

internal sealed class HtmlWriter
{
    private readonly StringBuilder _html = new();

    // The lists that are open, outermost first, each with an open item.
    private readonly Stack<string> _lists = new();

    private HtmlWriter()
    {
    }

    public static string Write(IReadOnlyList<Line> lines, string title)
    {
        var writer = new HtmlWriter();
        writer._html.Append("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
        writer.Text(title);
        writer._html.Append("</title>\n</head>\n<body>\n");
        for (var i = 0; i < lines.Count;)
            i = writer.Block(lines, i);
        writer.CloseLists(0);
        writer._html.Append("</body>\n</html>\n");
        return writer._html.ToString();
    }

    // Writes the block that begins at a line; returns the line after it.
    private int Block(IReadOnlyList<Line> lines, int start)
    {
        var format = lines[start].Format;
        if (format.List is not null)
        {
            ListItem(lines[start]);
            return start + 1;
        }

        CloseLists(0);
        var end = start + 1;
        if (format.CodeBlock is { } language)
        {
            while (end < lines.Count && lines[end].Format.CodeBlock == language)
                end++;
            _html.Append("<pre><code");
            Attribute("class", language.Length == 0 ? null : "language-" + language);
            _html.Append('>');
            for (var i = start; i < end; i++)
            {
                Text(lines[i].Text);
                _html.Append('\n');
            }

            _html.Append("</code></pre>\n");
            return end;
        }

        if (format.Blockquote)
        {
            while (end < lines.Count && lines[end].Format.Blockquote)
                end++;
            _html.Append("<blockquote>\n");
            for (var i = start; i < end; i++)
                Block("p", lines[i]);
            _html.Append("</blockquote>\n");
            return end;
        }

        Block(format.Header > 0 ? $"h{format.Header}" : "p", lines[start]);
        return end;
    }

    private void Block(string tag, Line line)
    {
        OpenLine(tag, line, line.Format.Indent);
        _html.Append("</").Append(tag).Append(">\n");
    }

    private void ListItem(Line line)
    {
        var list = line.Format.List!;
        var tag = list == "ordered" ? "ol" : "ul";
        // An item can only stand one level below another; where it is deeper, an attribute says so.
        var level = Math.Min(line.Format.Indent, _lists.Count);
        CloseLists(level + 1);
        if (_lists.Count == level + 1)
        {
            if (_lists.Peek() == tag)
                _html.Append("</li>\n");
            else
                CloseLists(level);
        }

        if (_lists.Count == level)
        {
            _lists.Push(tag);
            _html.Append(level == 0 ? "<" : "\n<").Append(tag).Append(">\n");
        }

        OpenLine("li", line, indent: 0, [
            ("data-list", list is "checked" or "unchecked" ? list : null),
            ("data-indent", level == line.Format.Indent ? null : line.Format.Indent.ToString()),
        ]);
    }

    private void CloseLists(int depth)
    {
        while (_lists.Count > depth)
            _html.Append("</li>\n</").Append(_lists.Pop()).Append('>').Append(_lists.Count == 0 ? "\n" : "");
    }

    private void OpenLine(string tag, Line line, int indent, params ReadOnlySpan<(string, string?)> attributes)
    {
        _html.Append('<').Append(tag);
        foreach (var (name, value) in attributes)
            Attribute(name, value);
        Attribute("class", indent > 0 ? $"ql-indent-{indent}" : null);
        Attribute("dir", line.Format.RightToLeft ? "rtl" : null);
        Attribute("style", Joined(
            line.Format.Align is { } align ? $"text-align: {align}" : null,
            KeepsSpaces(line) ? "white-space: pre-wrap" : null));
        _html.Append('>');
        if (line.Format.List is "checked" or "unchecked")
            _html.Append("<input type=\"checkbox\" disabled").Append(line.Format.List == "checked" ? " checked>" : ">");
        foreach (var run in line.Runs)
            Run(run);
        // Without it, an empty line has no height.
        if (line.Runs.Count == 0)
            _html.Append("<br>");
    }

    private void Run(LineRun run)
    {
        var format = run.Format;
        var closing = new StringBuilder();
        if (format.Link is not null)
            Open("a", ("href", format.Link), ("rel", "noopener noreferrer"));
        if (format.Bold)
            Open("strong");
        if (format.Italic)
            Open("em");
        if (format.Underline)
            Open("u");
        if (format.Strike)
            Open("s");
        if (format.Script is not null)
            Open(format.Script == "sub" ? "sub" : "sup");
        var style = Joined(
            format.Color is null ? null : $"color: {format.Color}",
            format.Background is null ? null : $"background-color: {format.Background}");
        var classes = string.Join(' ', new[]
        {
            format.Font is null ? null : $"ql-font-{format.Font}",
            format.Size is null ? null : $"ql-size-{format.Size}",
        }.OfType<string>());
        if (style is not null || classes.Length > 0)
            Open("span", ("class", classes.Length > 0 ? classes : null), ("style", style));
        if (format.Code)
            Open("code");
        if (run.Image is not null)
        {
            _html.Append("<img");
            Attribute("src", run.Image);
            Attribute("alt", run.Alternative ?? "");
            _html.Append('>');
        }

        Text(run.Text);
        _html.Append(closing);

        void Open(string tag, params ReadOnlySpan<(string, string?)> attributes)
        {
            _html.Append('<').Append(tag);
            foreach (var (name, value) in attributes)
                Attribute(name, value);
            _html.Append('>');
            closing.Insert(0, $"</{tag}>");
        }
    }

    private void Attribute(string name, string? value)
    {
        if (value is null)
            return;
        _html.Append(' ').Append(name).Append("=\"");
        Text(value);
        _html.Append('"');
    }

    private void Text(string text)
    {
        foreach (var c in text)
        {
            _ = c switch
            {
                '&' => _html.Append("&amp;"),
                '<' => _html.Append("&lt;"),
                '>' => _html.Append("&gt;"),
                '"' => _html.Append("&quot;"),
                '\u00A0' => _html.Append("&nbsp;"),
                // HTML has no control characters.
                < ' ' and not '\t' => _html,
                _ => _html.Append(c),
            };
        }
    }

    // HTML takes any white space for one space and none at the ends; where that would change the line, it is told not to.
    private static bool KeepsSpaces(Line line)
    {
        var previous = ' ';
        foreach (var run in line.Runs)
        {
            foreach (var c in run.Text)
            {
                if (c == '\t' || (c == ' ' && previous == ' '))
                    return true;
                previous = c;
            }

            if (run.Image is not null)
                previous = '\uFFFC';
        }

        return previous == ' ' && line.Runs.Count > 0;
    }

    private static string? Joined(params ReadOnlySpan<string?> declarations)
    {
        var joined = string.Join("; ", declarations.ToArray().OfType<string>());
        return joined.Length == 0 ? null : joined;
    }
}
