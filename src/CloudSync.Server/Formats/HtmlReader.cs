// Reads HTML as rich text. Takes known elements and the looks that Quill knows, each through the same checks as
// everything else; scripts, styles, event handlers and the rest of the page are never looked at.

using System.Text;
using AngleSharp.Dom;

namespace CloudSync.Server.Formats;

internal sealed class HtmlReader
{
    private static readonly HashSet<string> _skipped =
    [
        "script", "style", "head", "template", "noscript", "iframe", "object", "embed", "svg", "math", "textarea",
        "select", "audio", "video", "canvas", "applet", "frameset",
    ];

    private static readonly HashSet<string> _blocks =
    [
        "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "table", "caption", "tr",
        "section", "article", "header", "footer", "main", "aside", "nav", "figure", "figcaption", "address", "dl", "dt",
        "dd", "form", "fieldset", "legend", "hr", "details", "summary", "center", "body", "html", "menu", "dir",
    ];

    private readonly RichTextBuilder _builder;

    // White space that counts as one space if something follows it in the line, and how that space would look.
    private InlineFormat? _pendingSpace;

    private HtmlReader(RichTextBuilder builder) => _builder = builder;

    /// <summary>Adds what the page or fragment shows to the builder, as lines of the given format.</summary>
    /// <exception cref="FormatException">The page exceeds one of the bounds of <see cref="HtmlPage"/>.</exception>
    public static void Read(string html, RichTextBuilder builder, LineFormat line)
    {
        using var document = HtmlPage.Parse(html);
        new HtmlReader(builder).Walk(document, new HtmlContext(InlineFormat.None, line));
    }

    // With a stack of its own: a page may nest deeper than the thread's stack is.
    private void Walk(INode root, HtmlContext context)
    {
        var frames = new Stack<Frame>();
        frames.Push(new Frame(root, context, IsBlock: true, _builder.Lines));
        while (frames.TryPop(out var frame))
        {
            if (frame.Next == frame.Node.ChildNodes.Length)
            {
                Leave(frame);
                continue;
            }

            var child = frame.Node.ChildNodes[frame.Next];
            frames.Push(frame with { Next = frame.Next + 1 });
            switch (child)
            {
                case IText text:
                    Text(text.Data, frame.Context);
                    break;
                case IElement element when !_skipped.Contains(element.LocalName):
                    if (Enter(element, frame.Context) is { } entered)
                        frames.Push(entered);
                    break;
            }
        }
    }

    private Frame? Enter(IElement element, HtmlContext context)
    {
        switch (element.LocalName)
        {
            case "br":
                EndLine(context);
                return null;
            case "img":
                FlushSpace();
                _builder.Image(element.GetAttribute("src"), element.GetAttribute("alt"), context.Inline);
                return null;
            case "td" or "th" when _builder.IsInLine:
                _pendingSpace = null;
                _builder.Text("\t", InlineFormat.None);
                break;
        }

        var isBlock = _blocks.Contains(element.LocalName);
        if (isBlock && _builder.IsInLine)
            EndLine(context);
        return new Frame(element, context.Inside(element), isBlock, _builder.Lines);
    }

    private void Leave(Frame frame)
    {
        if (!frame.IsBlock)
            return;
        // An item is there even when nothing is in it.
        if (_builder.IsInLine || (frame.Node is IElement { LocalName: "li" } && _builder.Lines == frame.LinesBefore))
            EndLine(frame.Context);
        _pendingSpace = null;
    }

    private void EndLine(HtmlContext context)
    {
        _pendingSpace = null;
        _builder.EndLine(context.Line);
    }

    private void Text(string text, HtmlContext context)
    {
        if (context.Line.CodeBlock is not null)
            PreservedText(text, context with { Inline = InlineFormat.None });
        else if (!context.KeepsSpaces)
            CollapsedText(text, context);
        // Between blocks it only lays out the source.
        else if (_builder.IsInLine || !text.All(IsSpace) || !text.Contains('\n'))
            PreservedText(text, context);
    }

    private void PreservedText(string text, HtmlContext context)
    {
        FlushSpace();
        var rest = text.AsSpan();
        for (int end; (end = rest.IndexOf('\n')) >= 0; rest = rest[(end + 1)..])
        {
            _builder.Text(Clean(rest[..end]), context.Inline);
            EndLine(context);
        }

        _builder.Text(Clean(rest), context.Inline);
    }

    private void CollapsedText(string text, HtmlContext context)
    {
        var run = new StringBuilder();
        foreach (var c in text)
        {
            if (IsSpace(c))
            {
                Flush();
                if (_builder.IsInLine)
                    _pendingSpace ??= context.Inline;
            }
            else if (c >= ' ')
            {
                FlushSpace();
                run.Append(c);
            }
        }

        Flush();

        void Flush()
        {
            _builder.Text(run.ToString(), context.Inline);
            run.Clear();
        }
    }

    private void FlushSpace()
    {
        if (_pendingSpace is { } format && _builder.IsInLine)
            _builder.Text(" ", format);
        _pendingSpace = null;
    }

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\n' or '\r' or '\f';

    private static string Clean(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (c < ' ' && c != '\t')
                return string.Concat(text.ToString().Where(static c => c >= ' ' || c == '\t'));
        }

        return text.ToString();
    }

    private sealed record Frame(INode Node, HtmlContext Context, bool IsBlock, int LinesBefore, int Next = 0);
}
