// A Delta in the REST interface's JSON is Quill's JSON: {"ops":[…]}, or just the array when reading.

using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.Operations;

namespace CloudSync.Server.Rest;

internal sealed class DeltaJsonConverter : JsonConverter<Delta>
{
    public override Delta Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        // An OperationException passes through the serializer as it is and becomes a 422 that says what was wrong.
        return Delta.ParseJson(document.RootElement.GetRawText());
    }

    public override void Write(Utf8JsonWriter writer, Delta value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.ToJson(), skipInputValidation: true);
}
