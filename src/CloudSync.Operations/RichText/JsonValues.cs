// Comparing JSON by what it means.

using System.Text.Json;

namespace CloudSync.Operations;

internal static class JsonValues
{
    /// <summary>Equal values: the order of members and the way of writing don't matter. False if one is broken.</summary>
    public static bool AreEqual(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.SequenceEqual(b))
            return true;
        try
        {
            var readerA = new Utf8JsonReader(a, JsonRules.ReaderOptions);
            var readerB = new Utf8JsonReader(b, JsonRules.ReaderOptions);
            using var documentA = JsonDocument.ParseValue(ref readerA);
            using var documentB = JsonDocument.ParseValue(ref readerB);
            return JsonElement.DeepEquals(documentA.RootElement, documentB.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>
    /// JavaScript's === between two parsed values: objects and arrays are never identical. (quill-delta's invert
    /// compares so; what it sets needlessly then does no harm.)
    /// </summary>
    public static bool AreIdentical(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) =>
        a[0] is not ((byte)'{' or (byte)'[') && AreEqual(a, b);
}
