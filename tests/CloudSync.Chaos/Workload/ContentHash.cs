// What a content is known by: equal contents have equal hashes, whoever has folded them.

using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.Chaos.Workload;

internal static class ContentHash
{
    private const int Characters = 16;

    /// <summary>Of what a document shows.</summary>
    public static string Of(CollaborativeDocument document) =>
        document.Type == DocumentType.Json ? Of(document.ReadJson()) : Of(document.Content);

    /// <summary>Of a state.</summary>
    public static string Of(DocumentState state) =>
        state.Type == DocumentType.Json ? Of(JsonOf(state)) : Of(Delta.FromState(state));

    /// <summary>
    /// Of a text. The order of attributes is of no matter, as it isn't to Quill: it depends on whether edits were applied one by
    /// one or composed. So neighbours whose attributes differ in order only are one.
    /// </summary>
    public static string Of(Delta content)
    {
        var (text, last) = (new StringBuilder(), "");
        foreach (var piece in JsonNode.Parse(content.ToJson())!["ops"]!.AsArray())
        {
            var attributes = new StringBuilder();
            Write(piece!["attributes"], attributes);
            if (attributes.ToString() is var next && next != last)
                text.Append('\0').Append(last = next);
            if (piece["insert"] is JsonValue inserted)
                text.Append((string)inserted!);
            else
                Write(piece["insert"], text.Append('\0'));
        }

        return Of(Encoding.UTF8.GetBytes(text.ToString()));
    }

    public static string Of(JsonNode? content)
    {
        var text = new StringBuilder();
        Write(content, text);
        return Of(Encoding.UTF8.GetBytes(text.ToString()));
    }

    public static JsonNode? JsonOf(DocumentState state)
    {
        var bytes = new ArrayBufferWriter<byte>();
        JsonContent.TryRead(state, [], bytes);
        return JsonNode.Parse(bytes.WrittenSpan);
    }

    private static string Of(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..Characters];

    // The order of members is of no matter.
    private static void Write(JsonNode? node, StringBuilder text)
    {
        switch (node)
        {
            case JsonObject members:
                text.Append('{');
                foreach (var (name, value) in members.OrderBy(static member => member.Key, StringComparer.Ordinal))
                {
                    text.Append(JsonValue.Create(name).ToJsonString()).Append(':');
                    Write(value, text);
                    text.Append(',');
                }

                text.Append('}');
                break;
            case JsonArray items:
                text.Append('[');
                foreach (var item in items)
                {
                    Write(item, text);
                    text.Append(',');
                }

                text.Append(']');
                break;
            default:
                text.Append(node?.ToJsonString() ?? "null");
                break;
        }
    }
}
