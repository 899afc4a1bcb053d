// The binary form of a JSON operation: the UTF-8 of json0's own JSON. Here it is checked, read and written.

using System.Buffers;
using System.Text.Json;

namespace CloudSync.Operations;

internal static class JsonOperation
{
    /// <summary>Reads an operation and checks all that can be checked without a document.</summary>
    /// <exception cref="OperationException">It is none, or beyond a bound.</exception>
    public static List<JsonComponent> Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, JsonReading.Options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
                throw JsonLimits.Malformed("an operation is a list of components");
            var components = new List<JsonComponent>(1);
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (components.Count == JsonLimits.MaxComponents)
                    throw JsonLimits.TooManyComponents();
                if (reader.TokenType != JsonTokenType.StartObject)
                    throw JsonLimits.Malformed("a component is an object");
                components.Add(ReadComponent(ref reader));
            }

            reader.Read();
            return components;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw JsonReading.NotJson(e, "operation");
        }
    }

    public static void Write(List<JsonComponent> operation, IBufferWriter<byte> output)
    {
        if (operation.Count > JsonLimits.MaxComponents)
            throw JsonLimits.TooManyComponents();
        var json = new JsonWriter(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            json.Begin('[');
            foreach (var component in operation)
                Write(component, ref json);
            json.End(']');
            json.PassTo(output);
        }
        finally
        {
            json.Dispose();
        }
    }

    private static JsonComponent ReadComponent(ref Utf8JsonReader reader)
    {
        var members = default(ComponentMembers);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            members.Read(ref reader);
        return members.ToComponent();
    }

    private static void Write(JsonComponent component, ref JsonWriter json)
    {
        json.Begin('{');
        json.Name("p"u8);
        json.Begin('[');
        foreach (var key in component.Path)
        {
            if (key.IsIndex)
                json.Write(key.Index);
            else
                json.Write(key.Name!);
        }

        json.End(']');
        switch (component.Action)
        {
            case JsonAction.TextInsert or JsonAction.TextDelete:
                json.Name(component.Action == JsonAction.TextInsert ? "si"u8 : "sd"u8);
                json.Write(Whole(component.Text!));
                break;
            case JsonAction.ListMove:
                json.Name("lm"u8);
                json.Write(component.To);
                break;
            case JsonAction.NumberAdd:
                json.Name("na"u8);
                json.Write(component.Amount);
                break;
            case JsonAction.Text0 or JsonAction.RichText:
                WriteSubtype(component, ref json);
                break;
            default:
                WriteValues(component, ref json);
                break;
        }

        json.End('}');
    }

    private static void WriteSubtype(JsonComponent component, ref JsonWriter json)
    {
        json.Name("t"u8);
        json.WriteRaw(component.Action == JsonAction.Text0 ? "\"text0\""u8 : "\"rich-text\""u8);
        json.Name("o"u8);
        if (component.Action == JsonAction.RichText)
        {
            component.Delta!.Write(ref json);
            return;
        }

        json.Begin('[');
        foreach (var edit in component.Edits!)
        {
            json.Begin('{');
            json.Name("p"u8);
            json.Write(edit.Position);
            json.Name(edit.IsInsert ? "i"u8 : "d"u8);
            json.Write(Whole(edit.Text));
            json.End('}');
        }

        json.End(']');
    }

    private static void WriteValues(JsonComponent component, ref JsonWriter json)
    {
        if (component.Inserted != null)
        {
            json.Name(component.InsertsIntoList ? "li"u8 : "oi"u8);
            json.Write(component.Inserted);
        }

        if (component.Deleted != null)
        {
            json.Name(component.DeletesFromList ? "ld"u8 : "od"u8);
            json.Write(component.Deleted);
        }
    }

    // Of operations that don't fit one document merging can leave half a surrogate pair.
    private static string Whole(string text) => Text0.IsWhole(text) ? text : throw Utf8Text.SplitsSurrogatePair();
}
