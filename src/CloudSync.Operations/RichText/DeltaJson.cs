// Quill's JSON form of a delta: {"ops":[{"insert":"a","attributes":{…}},{"retain":3},{"delete":1}]}.

using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CloudSync.Operations;

internal static class DeltaJson
{
    private static readonly JsonDocumentOptions _reading = new() { MaxDepth = JsonRules.MaxDepth + 8 };

    private static readonly JsonWriterOptions _writing = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true,
    };

    public static Delta Read(ReadOnlyMemory<byte> json)
    {
        var writer = new ComponentWriter(stackalloc byte[ByteBuffer.StackBytes], keepsOrder: true);
        try
        {
            using var document = JsonDocument.Parse(json, _reading);
            var index = 0;
            foreach (var component in Components(document.RootElement).EnumerateArray())
                Read(component, index++, ref writer);
            var bytes = writer.Finish();
            DocumentType.RichText.Measure(bytes);
            return Delta.Of(bytes);
        }
        catch (JsonException e)
        {
            throw new OperationException(
                OperationError.Malformed,
                $"The delta is not valid JSON at line {e.LineNumber}, byte {e.BytePositionInLine}, or nested too deep.");
        }
        catch (InvalidOperationException)
        {
            // Comparing a member's name that is no text.
            throw new OperationException(OperationError.Malformed, "A name in the delta's JSON holds half a surrogate pair.");
        }
        finally
        {
            writer.Dispose();
        }
    }

    public static void Write(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        using var json = new Utf8JsonWriter(output, _writing);
        json.WriteStartObject();
        json.WriteStartArray("ops"u8);
        for (var reader = new ComponentReader(bytes); !reader.Ended; reader.MoveNext())
        {
            json.WriteStartObject();
            switch (reader.Kind)
            {
                case DeltaKind.Retain: json.WriteNumber("retain"u8, reader.Length); break;
                case DeltaKind.Delete: json.WriteNumber("delete"u8, reader.Length); break;
                case DeltaKind.InsertText: json.WriteString("insert"u8, reader.Payload); break;
                default:
                    json.WritePropertyName(reader.Kind == DeltaKind.InsertEmbed ? "insert"u8 : "retain"u8);
                    json.WriteRawValue(reader.Payload, skipInputValidation: true);
                    break;
            }

            if (!reader.Attributes.IsEmpty)
            {
                json.WritePropertyName("attributes"u8);
                json.WriteRawValue(reader.Attributes, skipInputValidation: true);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static JsonElement Components(JsonElement root)
    {
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("ops", out var ops))
            root = ops;
        return root.ValueKind == JsonValueKind.Array
            ? root
            : throw new OperationException(
                OperationError.Malformed, "A delta is an object with an array \"ops\", or the array itself.");
    }

    private static void Read(JsonElement component, int index, ref ComponentWriter writer)
    {
        if (component.ValueKind != JsonValueKind.Object)
            throw Wrong(index, "is not an object");

        JsonElement action = default;
        JsonElement attributes = default;
        string? name = null;
        foreach (var member in component.EnumerateObject())
        {
            if (member.NameEquals("attributes"u8))
            {
                attributes = member.Value;
            }
            else if (name == null
                && (member.NameEquals("insert"u8) || member.NameEquals("retain"u8) || member.NameEquals("delete"u8)))
            {
                name = member.Name;
                action = member.Value;
            }
            else
            {
                throw Wrong(index, "has a member beside one of insert, retain, delete, and attributes");
            }
        }

        if (attributes.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Object))
            throw Wrong(index, "has attributes that are not an object");
        var set = attributes.ValueKind == JsonValueKind.Object ? Minified(attributes) : default;
        if (JsonRules.IsEmptyObject(set))
            set = default;

        switch (name, action.ValueKind)
        {
            case ("insert", JsonValueKind.String):
                var text = Text(action, index);
                if (text.Length > 0)
                    writer.InsertText(text, set);
                break;
            case ("insert", JsonValueKind.Object):
                writer.InsertEmbed(Minified(action), set);
                break;
            case ("retain", JsonValueKind.Number):
                if (Length(action, index) is > 0 and var retained)
                    writer.Retain(retained, set);
                break;
            case ("retain", JsonValueKind.Object):
                writer.RetainEmbed(Minified(action), set);
                break;
            case ("delete", JsonValueKind.Number):
                if (!set.IsEmpty)
                    throw Wrong(index, "is a delete with attributes");
                writer.Delete(Length(action, index));
                break;
            default:
                throw Wrong(index, "is not an insert of a text or object, a retain of a number or object, or a delete of a number");
        }
    }

    private static byte[] Text(JsonElement text, int index)
    {
        try
        {
            return Utf16.ToUtf8(text.GetString()!, "A text");
        }
        catch (InvalidOperationException)
        {
            throw Wrong(index, "holds half a surrogate pair");
        }
    }

    private static int Length(JsonElement number, int index)
    {
        // 3.0 is an integer in JSON.
        if (number.TryGetInt32(out var length) && length >= 0)
            return length;
        if (number.TryGetDouble(out var value) && value is >= 0 and <= int.MaxValue && value == Math.Floor(value))
            return (int)value;
        throw Wrong(index, "has a length that is not an integer from 0 to 2,147,483,647");
    }

    private static ReadOnlySpan<byte> Minified(JsonElement value)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output, _writing))
        {
            try
            {
                value.WriteTo(json);
            }
            catch (InvalidOperationException)
            {
                throw ComponentReader.Malformed("a string in attributes or an embed holds half a surrogate pair");
            }
        }

        return output.WrittenSpan;
    }

    private static OperationException Wrong(int index, string what) =>
        new(OperationError.Malformed, $"Component {index} of the delta {what}.");
}
