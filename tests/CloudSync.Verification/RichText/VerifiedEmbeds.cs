// Embeds with handlers, the same as in Reference/rich-text.mjs: a delta within a delta, and a record whose members are
// merged. The other types of embed in the cases have none here: a change replaces their data.

using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Verification.RichText;

/// <summary>The embeds of the cases that have a handler.</summary>
public static class VerifiedEmbeds
{
    /// <summary>An embed whose data is a delta's ops.</summary>
    public const string Nested = "delta";

    /// <summary>An embed whose data is an object; a change sets some members, and null removes one.</summary>
    public const string Record = "record";

    /// <summary>Registers the handlers. May be called again.</summary>
    public static void Register()
    {
        EmbedHandler.Register(Nested, new NestedHandler());
        EmbedHandler.Register(Record, new RecordHandler());
    }

    internal static Delta FromJson(JsonNode? ops) => Delta.ParseJson(ops?.ToJsonString() ?? "null");

    internal static JsonNode ToJson(Delta delta) => JsonNode.Parse(delta.ToJson())!["ops"]!.DeepClone();

    private sealed class NestedHandler : EmbedHandler
    {
        public override JsonNode? Compose(JsonNode? first, JsonNode? second, bool keepNull) =>
            ToJson(FromJson(first).Compose(FromJson(second)));

        public override JsonNode? Transform(JsonNode? over, JsonNode? change, Side side) =>
            ToJson(FromJson(change).Transform(FromJson(over), side));

        public override JsonNode? Invert(JsonNode? change, JsonNode? before) =>
            ToJson(FromJson(change).Invert(FromJson(before)));
    }

    // The data is as attributes are.
    private sealed class RecordHandler : EmbedHandler
    {
        public override JsonNode? Compose(JsonNode? first, JsonNode? second, bool keepNull)
        {
            var result = first!.AsObject();
            foreach (var (name, value) in second!.AsObject())
            {
                if (value is null && !keepNull)
                    result.Remove(name);
                else
                    result[name] = value?.DeepClone();
            }

            return result;
        }

        public override JsonNode? Transform(JsonNode? over, JsonNode? change, Side side)
        {
            var result = change!.AsObject();
            if (side == Side.Right)
            {
                foreach (var (name, _) in over!.AsObject())
                    result.Remove(name);
            }

            return result;
        }

        public override JsonNode? Invert(JsonNode? change, JsonNode? before)
        {
            var result = new JsonObject();
            var was = before!.AsObject();
            foreach (var (name, value) in change!.AsObject())
            {
                if (!was.TryGetPropertyValue(name, out var old))
                    result[name] = null;
                else if (!JsonNode.DeepEquals(old, value))
                    result[name] = old?.DeepClone();
            }

            return result;
        }
    }
}
