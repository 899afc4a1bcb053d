// A file format that documents are exported to and imported from.

using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal abstract class DocumentFormat
{
    private static readonly DocumentFormat[] _all =
        [new PlainTextFormat(), new MarkdownFormat(), new HtmlFormat(), new DeltaFormat()];

    /// <summary>Its name in the REST interface.</summary>
    public abstract string Name { get; }

    public abstract string ContentType { get; }

    public abstract string FileExtension { get; }

    /// <summary>Whether a document of type "text" can be made from it.</summary>
    public virtual bool CanHoldPlainText => false;

    public static DocumentFormat? Find(string name) => Array.Find(_all, format => format.Name == name);

    /// <summary>Writes a document. What the format has no form for is left out.</summary>
    public abstract string Write(Delta document, string title);

    /// <summary>Reads a file as the content of a document of this type.</summary>
    /// <exception cref="FormatException">The file is not of this format; says why.</exception>
    /// <exception cref="OperationException">It is not a content that a document can have.</exception>
    public abstract Delta Read(string file, string documentType);
}
