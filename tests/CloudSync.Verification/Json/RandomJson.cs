// Random JSON documents, and random json0 operations on them: most fit, some lie, some are no operations at all.

using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Operations;
using CloudSync.Verification.RichText;

namespace CloudSync.Verification.Json;

/// <summary>Makes documents and operations out of a seeded generator; small ones, so that operations meet.</summary>
/// <param name="random">The generator.</param>
/// <param name="tame">
/// Whether a member is always called by its name, never "constructor", what is added to numbers is small and whole, and a
/// text or rich text is edited in one way only: without that, json0 doesn't always bring two orders of two operations to
/// one document.
/// </param>
/// <param name="moves">Whether items are moved in lists.</param>
/// <param name="subtypes">Whether text0 and rich-text are used.</param>
public sealed class RandomJson(Random random, bool tame = false, bool moves = true, bool subtypes = true)
{
    private const int MaxComponents = 5;

    // Stands for half a surrogate pair, which a JsonNode can't hold.
    private const string HalfPairs = "\"half a pair\"";

    private static readonly string[] s_names = ["a", "b", "list", "text", "0", "1", "имя", "😀", "na\"me", ""];

    private static readonly string[] s_texts = ["", "a", "b", "ab", "xyz", "é", "中文", "😀", "a😀b", "👩‍👩‍👧", "\n\0\"\\", "hello world"];

    private static readonly double[] s_numbers = [0, 1, -1, 2, 10, 0.1, -5.5, 1e21, 1e-7, 123456789012345, 1.7e308];

    private static readonly string[] s_oddities =
    [
        "null", "true", "0", "1", "-1", "1.5", "2", "100", "1e300", "\"\"", "\"0\"", "\"a\"", "\"x\"", "\"__proto__\"",
        "\"constructor\"", "\"length\"", HalfPairs, "[]", "{}", "[0]", "{\"a\":1}", "{\"__proto__\":1}",
        "\"rich-text\"", "\"text0\"", "\"other\"", "[{\"insert\":\"x\"}]", "[{\"p\":0,\"i\":\"x\"}]", "{\"ops\":[{\"retain\":1}]}",
    ];

    private static readonly string[] s_members = ["p", "li", "ld", "oi", "od", "si", "sd", "lm", "na", "t", "o", "x", "i", "d", "ops"];

    private readonly RandomDeltas _deltas = new(random);

    /// <summary>A document.</summary>
    public JsonNode? Document()
    {
        if (random.Next(12) == 0)
            return Value(0);
        switch (random.Next(12))
        {
            case 0:
                return new JsonObject { ["text"] = Text() + Text() + Text() };
            case 1:
                return new JsonObject { ["a"] = JsonNode.Parse(_deltas.Document(6).ToJson()) };
            case 2 or 3:
                return new JsonArray([.. Enumerable.Range(0, 3 + random.Next(4)).Select(_ => Value(0))]);
            case 4 or 5:
                return new JsonArray([.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => Value(2))]);
        }

        var document = Object(3);
        if (random.Next(20) == 0)
            document["deep"] = Deep(random.Next(30));
        return document;
    }

    /// <summary>An operation that tells the truth about what it deletes, and fits.</summary>
    public JsonArray HonestOperation(JsonNode? document) => Operation(document, honest: true);

    /// <summary>An operation: one in eight is broken in some way, and some tell no truth or don't fit.</summary>
    public JsonNode? AnyOperation(JsonNode? document)
    {
        var operation = Operation(document, honest: random.Next(4) != 0);
        return random.Next(8) == 0 ? Broken(operation) : operation;
    }

    /// <summary>The document after an operation, or as it is if that doesn't fit.</summary>
    public static JsonNode? After(JsonNode? document, JsonNode? operation) =>
        TryApply(document, operation, out var after) ? after : document;

    /// <summary>The JSON of what this class has made.</summary>
    public static string Json(JsonNode? made) =>
        made?.ToJsonString().Replace(HalfPairs, "\"\\uD83D\"", StringComparison.Ordinal) ?? "null";

    /// <summary>The JSON of what this class has made, in UTF-8.</summary>
    public static byte[] Bytes(JsonNode? made) => Encoding.UTF8.GetBytes(Json(made));

    private JsonArray Operation(JsonNode? document, bool honest)
    {
        var operation = new JsonArray();
        // Components on one thing: moves in one list, edits of one text.
        var stays = random.Next(3) == 0;
        JsonArray? path = null;
        var count = random.Next(4) == 0 ? random.Next(MaxComponents + 1) : 1 + random.Next(2);
        for (var i = 0; i < count; i++)
        {
            if (path == null || !stays)
                path = Path(document, honest);
            var component = new RandomComponent(this, random, honest).On(document, path);
            if (honest || i < count - 1)
            {
                if (TryApply(document, new JsonArray(component.DeepClone()), out var after))
                    document = after;
                else if (honest)
                    continue;
            }

            operation.Add(component);
        }

        return operation;
    }

    private static bool TryApply(JsonNode? document, JsonNode? operation, out JsonNode? after)
    {
        after = document;
        var state = DocumentType.Json.DecodeSnapshot(Bytes(document));
        try
        {
            state.Apply(Bytes(operation));
        }
        catch (OperationException)
        {
            return false;
        }

        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        after = JsonNode.Parse(output.WrittenSpan);
        return true;
    }

    // Where an operation may do something: leads to a value, or to where there could be one.
    private JsonArray Path(JsonNode? document, bool honest)
    {
        var path = new JsonArray();
        var value = document;
        while (path.Count == 0 || random.Next(3) != 0)
        {
            if (value is JsonArray list)
            {
                var index = random.Next(list.Count + (!honest && random.Next(5) == 0 ? 3 : 1));
                path.Add(random.Next(60) == 0 && !tame ? index.ToString(System.Globalization.CultureInfo.InvariantCulture) : index);
                value = index < list.Count ? list[index] : null;
            }
            else if (value is JsonObject { Count: > 0 } members && !(tame && members.ContainsKey("ops")) && random.Next(6) != 0)
            {
                var (name, inner) = members.GetAt(random.Next(members.Count));
                path.Add(name is "0" or "1" && !tame && random.Next(4) == 0 ? name[0] - '0' : name);
                value = inner;
            }
            else
            {
                if (tame ? value is JsonObject open && !open.ContainsKey("ops") : value is JsonObject || random.Next(60) == 0)
                    path.Add(Name());
                break;
            }
        }

        if (random.Next(60) == 0)
            path.Clear();
        return path;
    }

    internal string Name() => random.Next(40) == 0 && !tame ? "constructor" : s_names[random.Next(s_names.Length)];

    internal string Text() => s_texts[random.Next(s_texts.Length)];

    internal double Number() => tame ? random.Next(7) - 3 : s_numbers[random.Next(s_numbers.Length)];

    internal bool Moves => moves;

    internal bool Subtypes => subtypes;

    /// <summary>Whether a text is edited by text0 rather than in json0's own way.</summary>
    internal bool EditsByText0() => subtypes && (tame || random.Next(4) == 0);

    internal RandomDeltas Deltas => _deltas;

    internal JsonNode? Value(int depth) => random.Next(depth > 0 ? 12 : 7) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 or 3 => Number(),
        4 or 5 => Text() + Text(),
        6 => JsonNode.Parse(_deltas.Document(4).ToJson()),
        7 or 8 => Object(depth - 1),
        _ => new JsonArray([.. Enumerable.Range(0, random.Next(5)).Select(_ => Value(depth - 1))]),
    };

    private JsonObject Object(int depth)
    {
        var members = new JsonObject();
        for (var i = random.Next(5); i > 0; i--)
            members[Name()] = Value(depth);
        return members;
    }

    private JsonNode? Deep(int depth)
    {
        var value = Value(0);
        for (; depth > 0; depth--)
            value = random.Next(2) == 0 ? new JsonArray(value) : new JsonObject { ["a"] = value };
        return value;
    }

    // Something in it is replaced, removed or added.
    private JsonNode? Broken(JsonArray operation)
    {
        var nodes = new List<JsonNode>();
        Collect(operation, nodes);
        var at = nodes[random.Next(nodes.Count)];
        var odd = JsonNode.Parse(s_oddities[random.Next(s_oddities.Length)]);
        switch (at)
        {
            case JsonArray { Count: > 0 } list when random.Next(3) != 0:
                list[random.Next(list.Count)] = odd;
                break;
            case JsonArray list:
                list.Add(odd);
                break;
            case JsonObject { Count: > 0 } members when random.Next(3) == 0:
                members.Remove(members.GetAt(random.Next(members.Count)).Key);
                break;
            case JsonObject { Count: > 0 } members when random.Next(2) == 0:
                members[members.GetAt(random.Next(members.Count)).Key] = odd;
                break;
            case JsonObject members:
                members[s_members[random.Next(s_members.Length)]] = odd;
                break;
        }

        return random.Next(50) == 0 ? odd?.DeepClone() : operation;
    }

    private static void Collect(JsonNode? node, List<JsonNode> to)
    {
        if (node is JsonArray list)
        {
            to.Add(list);
            foreach (var item in list)
                Collect(item, to);
        }
        else if (node is JsonObject members)
        {
            to.Add(members);
            foreach (var (_, value) in members)
                Collect(value, to);
        }
    }
}
