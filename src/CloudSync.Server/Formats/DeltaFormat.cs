// Quill's own JSON: keeps everything.

using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal sealed class DeltaFormat : DocumentFormat
{
    public override string Name => "delta";

    public override string ContentType => "application/json; charset=utf-8";

    public override string FileExtension => ".json";

    public override bool CanHoldPlainText => true;

    public override string Write(Delta document, string title) => document.ToJson();

    public override Delta Read(string file, string documentType)
    {
        var delta = Delta.ParseJson(file);
        return delta.Components.All(static part => part.Kind is DeltaKind.InsertText or DeltaKind.InsertEmbed)
            ? delta
            : throw new FormatException("The content of a document is a delta of inserts only; this also retains or deletes.");
    }
}
