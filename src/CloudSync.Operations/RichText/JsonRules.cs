// What the JSON of attributes and embeds has to be, so that everybody who reads it sees the same.

using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Operations;

internal static class JsonRules
{
    /// <summary>How deep objects and arrays may stand in each other, the outermost object counting as one.</summary>
    public const int MaxDepth = 32;

    private static readonly JsonReaderOptions _options = new() { MaxDepth = MaxDepth };

    public static JsonReaderOptions ReaderOptions => _options;

    /// <summary>
    /// Checks that the bytes are one JSON object: valid UTF-8, no half surrogate pairs behind escapes, not too deep.
    /// </summary>
    /// <exception cref="OperationException">They are not.</exception>
    public static void CheckObject(ReadOnlySpan<byte> json, string what)
    {
        if (!Utf8.IsValid(json))
            throw ComponentReader.Malformed($"the JSON of {what} is not valid UTF-8");
        try
        {
            var reader = new Utf8JsonReader(json, _options);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw ComponentReader.Malformed($"{what} must be a JSON object");
            do
            {
                if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String && reader.ValueIsEscaped
                    && !HasWholeSurrogates(reader.ValueSpan))
                    throw ComponentReader.Malformed($"a string in {what} holds half a surrogate pair");
                // JavaScript would read infinity, and write null.
                if (reader.TokenType == JsonTokenType.Number && !double.IsFinite(reader.GetDouble()))
                    throw ComponentReader.Malformed($"a number in {what} is too large for a double");
            }
            while (reader.Read());
        }
        catch (JsonException e)
        {
            throw ComponentReader.Malformed(
                $"the JSON of {what} is broken at byte {e.BytePositionInLine}, or nested deeper than {MaxDepth}");
        }
    }

    /// <summary>Whether this is {} with or without white space in it.</summary>
    public static bool IsEmptyObject(ReadOnlySpan<byte> json)
    {
        var open = false;
        foreach (var b in json)
        {
            if (b is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
                continue;
            if (open || b != '{')
                return open && b == '}';
            open = true;
        }

        return false;
    }

    private static bool HasWholeSurrogates(ReadOnlySpan<byte> escaped)
    {
        var high = false;
        for (var i = 0; i < escaped.Length;)
        {
            var isEscape = escaped[i] == '\\';
            uint unit = 0;
            if (isEscape && escaped[i + 1] == 'u')
            {
                if (!Utf8Parser.TryParse(escaped.Slice(i + 2, 4), out unit, out _, 'x'))
                    return false;
                i += 6;
            }
            else
            {
                i += isEscape ? 2 : 1;
            }

            var low = unit is >= 0xDC00 and <= 0xDFFF;
            if (high != low)
                return false;
            high = unit is >= 0xD800 and <= 0xDBFF;
        }

        return !high;
    }
}
