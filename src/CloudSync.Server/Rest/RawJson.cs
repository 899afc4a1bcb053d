// JSON whose meaning depends on the type of a document: a delta of text, or anything at all.

using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Server.Rest;

/// <summary>A JSON value as it was written.</summary>
/// <param name="Text">Its text.</param>
internal sealed record RawJson(string Text)
{
    public static RawJson OfContent(DocumentContent content) => new(content.ToJson());

    /// <summary>An operation of a JSON document, or null for another's.</summary>
    public static RawJson? OfOperation(DocumentRecord document, in LoggedOperation operation) =>
        document.Type == DocumentType.Json.Name ? new(Encoding.UTF8.GetString(operation.Bytes.Span)) : null;

    /// <summary>As the content of a document of this type: a snapshot.</summary>
    /// <exception cref="OperationException">It isn't one.</exception>
    public ReadOnlyMemory<byte> ToContent(string type) =>
        type == DocumentType.Json.Name ? Encoding.UTF8.GetBytes(Text) : Delta.ParseJson(Text).Bytes;
}

internal sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return new(document.RootElement.GetRawText());
    }

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Text, skipInputValidation: true);
}
