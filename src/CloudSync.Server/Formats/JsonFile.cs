// A JSON document as a file: indented, for people to read and compare.

using System.Text.Encodings.Web;
using System.Text.Json;
using CloudSync.Documents;
using CloudSync.Operations;

namespace CloudSync.Server.Formats;

internal static class JsonFile
{
    /// <summary>Its name in the REST interface.</summary>
    public const string Name = "json";

    public const string ContentType = "application/json; charset=utf-8";

    public const string FileExtension = ".json";

    private static readonly JsonWriterOptions _indented = new()
    {
        Indented = true, NewLine = "\n", MaxDepth = JsonLimits.MaxDepth + 1,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Write(DocumentContent content)
    {
        using var document = JsonDocument.Parse(content.ToJson(), new() { MaxDepth = JsonLimits.MaxDepth + 1 });
        using var file = new MemoryStream();
        using (var writer = new Utf8JsonWriter(file, _indented))
            document.RootElement.WriteTo(writer);
        file.WriteByte((byte)'\n');
        return file.ToArray();
    }
}
