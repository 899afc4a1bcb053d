// The body of a message: JSON, so that a webhook, a line of the audit export and a foreign consumer of the broker all read
// the same, with the words of the REST interface. docs/delivery.md describes it.

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Delivery;

internal static class DeliveryJson
{
    public const string ContentType = "application/json";

    private static readonly JsonWriterOptions _writing = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true,
    };

    private static readonly JsonReaderOptions _reading = new() { MaxDepth = JsonLimits.MaxDepth + 16 };

    /// <summary>
    /// A message with these operations, which follow one another; the one that has a link of the audit chain is given it.
    /// </summary>
    /// <exception cref="JsonException">One of them isn't JSON, and should be.</exception>
    /// <exception cref="OperationException">One of them is none.</exception>
    public static DeliveryMessage ToMessage(
        string documentId, string documentType, ReadOnlySpan<LoggedOperation> operations, AuditLink? link)
    {
        var output = new ArrayBufferWriter<byte>(256 * operations.Length);
        using (var json = new Utf8JsonWriter(output, _writing))
        {
            json.WriteStartObject();
            json.WriteString("document"u8, documentId);
            json.WriteString("type"u8, documentType);
            json.WriteNumber("firstVersion"u8, operations[0].Version);
            json.WriteStartArray("operations"u8);
            foreach (ref readonly var operation in operations)
            {
                json.WriteStartObject();
                WriteMembers(json, documentType, operation);
                if (link is { } known && known.Version == operation.Version)
                    json.WriteString("link"u8, Convert.ToHexStringLower(known.Hash.Span));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return new(documentId, documentType, operations[0].Version, operations.Length, output.WrittenMemory);
    }

    /// <summary>One line of the audit export for each operation of a message, each with the document before its own members.</summary>
    public static void WriteLines(DeliveryMessage message, IBufferWriter<byte> output)
    {
        using var body = JsonDocument.Parse(message.Body, new JsonDocumentOptions { MaxDepth = JsonLimits.MaxDepth + 16 });
        using var json = new Utf8JsonWriter(output, _writing);
        foreach (var operation in body.RootElement.GetProperty("operations"u8).EnumerateArray())
        {
            json.WriteStartObject();
            json.WriteString("document"u8, message.DocumentId);
            json.WriteString("type"u8, message.DocumentType);
            foreach (var member in operation.EnumerateObject())
                member.WriteTo(json);
            json.WriteEndObject();
            json.Flush();
            output.Write("\n"u8);
            json.Reset();
        }
    }

    private static void WriteMembers(Utf8JsonWriter json, string documentType, in LoggedOperation operation)
    {
        json.WriteNumber("version"u8, operation.Version);
        json.WriteNumber("baseVersion"u8, operation.BaseVersion);
        json.WriteString("author"u8, operation.Author);
        json.WriteString("committedAt"u8, operation.CommittedAt.UtcDateTime);
        // Larger than what other languages hold in a number.
        json.WriteString("clientId"u8, operation.ClientId.ToString());
        json.WriteNumber("clientSequence"u8, operation.ClientSequence);
        if (documentType == DocumentType.Json.Name)
        {
            // Of what isn't JSON no reader could make anything, nor of what stands around it.
            var reader = new Utf8JsonReader(operation.Bytes.Span, _reading);
            while (reader.Read())
            {
            }

            json.WritePropertyName("operation"u8);
            json.WriteRawValue(operation.Bytes.Span, skipInputValidation: true);
        }
        else
        {
            json.WritePropertyName("delta"u8);
            json.WriteRawValue(Delta.FromBytes(operation.Bytes).ToJson(), skipInputValidation: true);
        }
    }
}
