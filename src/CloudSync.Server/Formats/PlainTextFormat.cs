// The text alone.

using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal sealed class PlainTextFormat : DocumentFormat
{
    public override string Name => "text";

    public override string ContentType => "text/plain; charset=utf-8";

    public override string FileExtension => ".txt";

    public override bool CanHoldPlainText => true;

    public override string Write(Delta document, string title) => document.ToPlainText();

    public override Delta Read(string file, string documentType)
    {
        var text = file.ReplaceLineEndings("\n");
        // Rich text is made of lines that end: its editors count on the last newline.
        if (documentType == DocumentType.RichText.Name && !text.EndsWith('\n'))
            text += "\n";
        return text.Length == 0 ? Delta.Empty : Delta.Build().Insert(text).ToDelta();
    }
}
