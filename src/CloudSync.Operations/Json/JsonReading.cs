// Reading JSON values: strict, bounded in depth, and nothing that a JavaScript client would read otherwise.

using System.Text.Json;

namespace CloudSync.Operations;

internal static class JsonReading
{
    // The operation's own list, component and list of keys stand around values. What is too deep is found by us first,
    // for the reader doesn't say so in a way that could be told from other errors.
    private const int Around = 8;

    public static JsonReaderOptions Options { get; } = new() { MaxDepth = JsonLimits.MaxDepth + Around };

    /// <summary>Reads a whole document.</summary>
    /// <exception cref="OperationException">It is not JSON, or too deep.</exception>
    public static JsonValue ReadDocument(ReadOnlySpan<byte> json, object? owner)
    {
        try
        {
            var reader = new Utf8JsonReader(json, Options);
            reader.Read();
            var value = ReadValue(ref reader, owner);
            reader.Read();
            return value;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw NotJson(e, "snapshot");
        }
    }

    /// <summary>Reads the value that the reader stands on, and leaves it on its last token.</summary>
    public static JsonValue ReadValue(ref Utf8JsonReader reader, object? owner, int depth = 0)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return JsonValue.Null;
            case JsonTokenType.True:
                return JsonValue.True;
            case JsonTokenType.False:
                return JsonValue.False;
            case JsonTokenType.Number:
                return new JsonNumber(ReadNumber(in reader));
            case JsonTokenType.String:
                return new JsonText(reader.GetString()!);
            case JsonTokenType.StartArray:
                CheckDepth(depth);
                var list = new JsonList(owner);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    list.Add(ReadValue(ref reader, owner, depth + 1));
                return list;
            default:
                CheckDepth(depth);
                var members = new JsonMembers(owner);
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    CheckName(name);
                    reader.Read();
                    members.Set(name, ReadValue(ref reader, owner, depth + 1));
                }

                return members;
        }
    }

    public static double ReadNumber(in Utf8JsonReader reader)
    {
        // Adding a positive zero makes a negative one positive: JSON.stringify writes both as 0.
        if (reader.TryGetDouble(out var number) && double.IsFinite(number))
            return number + 0.0;
        throw JsonLimits.Malformed("a number is too large for a double");
    }

    /// <summary>Refuses the one name that JavaScript doesn't take for a member's.</summary>
    public static void CheckName(string name)
    {
        if (name == "__proto__")
            throw JsonLimits.Malformed("no member may have the name __proto__");
    }

    public static OperationException NotJson(Exception e, string what) => e is JsonException { BytePositionInLine: { } at }
        ? JsonLimits.Malformed($"the {what} is not valid JSON at byte {at}")
        : JsonLimits.Malformed($"the {what} holds invalid UTF-8 or half a surrogate pair");

    private static void CheckDepth(int depth)
    {
        if (depth >= JsonLimits.MaxDepth)
            throw JsonLimits.TooDeep();
    }
}
