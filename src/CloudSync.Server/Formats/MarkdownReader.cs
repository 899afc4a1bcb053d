// Reads Markdown as rich text, from the syntax tree that Markdig makes.

using Markdig;
using Markdig.Extensions.EmphasisExtras;
using Markdig.Extensions.TaskLists;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace CloudSync.Server.Formats;

internal sealed class MarkdownReader
{
    private static readonly MarkdownPipeline _pipeline = new MarkdownPipelineBuilder()
        .UseEmphasisExtras(EmphasisExtraOptions.Strikethrough)
        .UseTaskLists()
        .Build();

    // The HTML tags that say something about the text between them, by what they say.
    private static readonly Dictionary<string, Func<InlineFormat, InlineFormat>> _tags = new()
    {
        ["b"] = static format => format with { Bold = true },
        ["strong"] = static format => format with { Bold = true },
        ["i"] = static format => format with { Italic = true },
        ["em"] = static format => format with { Italic = true },
        ["u"] = static format => format with { Underline = true },
        ["ins"] = static format => format with { Underline = true },
        ["s"] = static format => format with { Strike = true },
        ["del"] = static format => format with { Strike = true },
        ["sub"] = static format => format with { Script = "sub" },
        ["sup"] = static format => format with { Script = "super" },
    };

    private readonly RichTextBuilder _builder;

    // How many of each are open at this place of the text.
    private readonly Dictionary<string, int> _openTags = [];

    private MarkdownReader(RichTextBuilder builder) => _builder = builder;

    /// <exception cref="FormatException">It is nested too deeply, or made to keep the parser busy.</exception>
    public static void Read(string markdown, RichTextBuilder builder)
    {
        MarkdownCost.Check(markdown);
        MarkdownDocument document;
        try
        {
            document = Markdown.Parse(markdown, _pipeline);
        }
        catch (ArgumentException exception)
        {
            // Markdig's own bound on nesting.
            throw new FormatException("The Markdown nests quotes, lists or emphasis too deeply.", exception);
        }

        new MarkdownReader(builder).Blocks(document, LineFormat.Paragraph, listDepth: 0);
    }

    private void Blocks(ContainerBlock container, LineFormat line, int listDepth)
    {
        foreach (var block in container)
            Block(block, line, listDepth);
    }

    private void Block(Block block, LineFormat line, int listDepth)
    {
        switch (block)
        {
            case HeadingBlock heading:
                Text(heading, line.List is null ? line with { Header = heading.Level, Blockquote = false } : line);
                break;
            case CodeBlock code:
                Code(code);
                break;
            case HtmlBlock html:
                HtmlReader.Read(html.Lines.ToString(), _builder, line);
                break;
            case LeafBlock { Inline: not null } leaf:
                Text(leaf, line);
                break;
            case QuoteBlock quote:
                Blocks(quote, line.List is null ? line with { Blockquote = true } : line, listDepth);
                break;
            case ListBlock list:
                foreach (var item in list.OfType<ListItemBlock>())
                    Item(item, list.IsOrdered ? "ordered" : "bullet", listDepth);
                break;
            case ContainerBlock other:
                Blocks(other, line, listDepth);
                break;
        }
    }

    private void Item(ListItemBlock item, string list, int depth)
    {
        var line = new LineFormat
        {
            List = TaskOf(item) is { } task ? task.Checked ? "checked" : "unchecked" : list,
            Indent = Math.Min(depth, LineFormat.DeepestIndent),
        };
        // An item is there even when nothing is in it.
        if (item.Count == 0 || item[0] is ListBlock)
            _builder.EndLine(line);
        Blocks(item, line, depth + 1);
    }

    private static TaskList? TaskOf(ListItemBlock item) =>
        item.Count > 0 && item[0] is ParagraphBlock { Inline.FirstChild: TaskList task } ? task : null;

    private void Code(CodeBlock code)
    {
        var language = LineFormat.SafeLanguage((code as FencedCodeBlock)?.Info) ?? "";
        var line = new LineFormat { CodeBlock = language };
        for (var i = 0; i < code.Lines.Count; i++)
        {
            _builder.Text(MarkdownText.WithoutControls(code.Lines.Lines[i].ToString()), InlineFormat.None);
            _builder.EndLine(line);
        }
    }

    private void Text(LeafBlock leaf, LineFormat line)
    {
        _openTags.Clear();
        if (leaf.Inline is not null)
            Inlines(leaf.Inline, InlineFormat.None, line);
        _builder.EndLine(line);
    }

    private void Inlines(ContainerInline container, InlineFormat format, LineFormat line)
    {
        foreach (var inline in container)
            Inline(inline, format, line);
    }

    private void Inline(Inline inline, InlineFormat format, LineFormat line)
    {
        switch (inline)
        {
            case TaskList:
                break;
            case LiteralInline literal:
                // The space after a task's box is part of the box.
                var text = literal.Content.ToString();
                Add(literal.PreviousSibling is TaskList && text.StartsWith(' ') ? text[1..] : text, format);
                break;
            case HtmlEntityInline entity:
                Add(entity.Transcoded.ToString(), format);
                break;
            case CodeInline code:
                Add(code.Content, format with { Code = true });
                break;
            case AutolinkInline link:
                Add(link.Url, format with { Link = Links.Safe(link.IsEmail ? "mailto:" + link.Url : link.Url) ?? format.Link });
                break;
            case LineBreakInline { IsHard: true }:
                _builder.EndLine(line);
                break;
            case LineBreakInline:
                Add(" ", format);
                break;
            case HtmlInline html:
                Tag(html.Tag, line);
                break;
            case LinkInline { IsImage: true } image:
                _builder.Image(image.Url, TextOf(image), WithTags(format));
                break;
            case LinkInline link:
                Inlines(link, format with { Link = Links.Safe(link.Url) ?? format.Link }, line);
                break;
            case EmphasisInline { DelimiterChar: '~' } strike:
                Inlines(strike, format with { Strike = true }, line);
                break;
            case EmphasisInline { DelimiterCount: 2 } strong:
                Inlines(strong, format with { Bold = true }, line);
                break;
            case EmphasisInline emphasis:
                Inlines(emphasis, format with { Italic = true }, line);
                break;
            case ContainerInline other:
                Inlines(other, format, line);
                break;
        }
    }

    private void Add(string text, InlineFormat format) =>
        // A newline in text can only come from an entity; it is white space there.
        _builder.Text(MarkdownText.WithoutControls(text.Replace('\n', ' ')), WithTags(format));

    private static string TextOf(ContainerInline container) =>
        string.Concat(container.Descendants().Select(static inline => inline switch
        {
            LiteralInline literal => literal.Content.ToString(),
            HtmlEntityInline entity => entity.Transcoded.ToString(),
            CodeInline code => code.Content,
            _ => "",
        }));

    // HTML within text: tags for what Markdown has no mark for. Others are left out; what is between them stays.
    private void Tag(string tag, LineFormat line)
    {
        var isClosing = tag.StartsWith("</", StringComparison.Ordinal);
        var name = new string([.. tag.Skip(isClosing ? 2 : 1).TakeWhile(char.IsAsciiLetterOrDigit)]).ToLowerInvariant();
        if (name == "br")
            _builder.EndLine(line);
        else if (_tags.ContainsKey(name))
            _openTags[name] = Math.Max(0, _openTags.GetValueOrDefault(name) + (isClosing ? -1 : 1));
    }

    private InlineFormat WithTags(InlineFormat format) =>
        _openTags.Where(static open => open.Value > 0)
            .Aggregate(format, static (format, open) => _tags[open.Key](format));
}
