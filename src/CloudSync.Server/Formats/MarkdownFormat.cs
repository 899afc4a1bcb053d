// Markdown: CommonMark with strikethrough and task lists.

using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal sealed class MarkdownFormat : DocumentFormat
{
    public override string Name => "markdown";

    public override string ContentType => "text/markdown; charset=utf-8";

    public override string FileExtension => ".md";

    public override string Write(Delta document, string title) => MarkdownWriter.Write(RichTextLines.Of(document));

    public override Delta Read(string file, string documentType)
    {
        var builder = new RichTextBuilder();
        MarkdownReader.Read(file, builder);
        return builder.ToDelta();
    }
}
