// HTML: a whole page when writing, anything from a page to a fragment when reading.

using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal sealed class HtmlFormat : DocumentFormat
{
    public override string Name => "html";

    public override string ContentType => "text/html; charset=utf-8";

    public override string FileExtension => ".html";

    public override string Write(Delta document, string title) => HtmlWriter.Write(RichTextLines.Of(document), title);

    public override Delta Read(string file, string documentType)
    {
        var builder = new RichTextBuilder();
        HtmlReader.Read(file, builder, LineFormat.Paragraph);
        return builder.ToDelta();
    }
}
