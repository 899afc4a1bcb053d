// Writes rich text as Markdown: the blocks. The text within them is MarkdownText's.
//
// A paragraph ends with an empty line, so empty lines between paragraphs can't be kept. Alignment, indentation outside
// lists, colors, fonts and sizes have no form in Markdown.

using System.Text;
using System.Text.RegularExpressions;

namespace CloudSync.Server.Formats;

internal sealed partial class MarkdownWriter
{
    private readonly StringBuilder _markdown = new();

    // For each level of list that is open: the column where its items' text begins, and the number of its last item.
    private readonly List<(int Column, int Number)> _lists = [];

    private MarkdownWriter()
    {
    }

    public static string Write(IReadOnlyList<Line> lines)
    {
        var writer = new MarkdownWriter();
        for (var i = 0; i < lines.Count;)
            i = writer.Block(lines, i);
        return writer._markdown.ToString();
    }

    // Writes the block that begins at a line; returns the line after it.
    private int Block(IReadOnlyList<Line> lines, int start)
    {
        var line = lines[start];
        if (line.Format.List is not null)
        {
            if (_lists.Count == 0)
                Separate();
            ListItem(line);
            return start + 1;
        }

        _lists.Clear();
        var end = start + 1;
        if (line.Format.CodeBlock is { } language)
        {
            while (end < lines.Count && lines[end].Format.CodeBlock == language)
                end++;
            Separate();
            Code(language, [.. lines.Skip(start).Take(end - start).Select(static line => line.Text)]);
        }
        else if (line.Format.Blockquote)
        {
            while (end < lines.Count && lines[end].Format.Blockquote)
                end++;
            Separate();
            for (var i = start; i < end; i++)
            {
                if (i > start)
                    _markdown.Append(">\n");
                _markdown.Append("> ").Append(MarkdownText.Write(lines[i])).Append('\n');
            }
        }
        else if (line.Format.Header > 0)
        {
            Separate();
            _markdown.Append('#', line.Format.Header).Append(' ').Append(MarkdownText.Write(line)).Append('\n');
        }
        else if (line.Runs.Count > 0)
        {
            Separate();
            _markdown.Append(MarkdownText.Write(line)).Append('\n');
        }

        return end;
    }

    private void ListItem(Line line)
    {
        // An item can only stand one level below another.
        var level = Math.Min(line.Format.Indent, _lists.Count);
        var number = 0;
        if (level < _lists.Count)
        {
            number = _lists[level].Number;
            _lists.RemoveRange(level, _lists.Count - level);
        }

        // A bulleted item between numbered ones ends their list.
        number = line.Format.List == "ordered" ? number + 1 : 0;
        var column = level == 0 ? 0 : _lists[level - 1].Column;
        var marker = number > 0 ? $"{number}. " : "- ";
        _lists.Add((column + marker.Length, number));
        _markdown.Append(' ', column).Append(marker).Append(line.Format.List switch
        {
            "checked" => "[x] ",
            "unchecked" => "[ ] ",
            _ => "",
        }).Append(MarkdownText.Write(line)).Append('\n');
    }

    private void Code(string language, List<string> lines)
    {
        var longest = lines.SelectMany(static line => Backticks().Matches(line)).Select(static match => match.Length)
            .DefaultIfEmpty().Max();
        var fence = new string('`', Math.Max(3, longest + 1));
        _markdown.Append(fence).Append(language).Append('\n');
        foreach (var line in lines)
            _markdown.Append(MarkdownText.WithoutControls(line)).Append('\n');
        _markdown.Append(fence).Append('\n');
    }

    private void Separate()
    {
        if (_markdown.Length > 0)
            _markdown.Append('\n');
    }

    [GeneratedRegex("`+")]
    private static partial Regex Backticks();
}
