// Random documents, and random operations that fit them.

using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Verification.RichText;

/// <summary>Makes operations out of a seeded generator; with few letters and short lengths, so that they collide.</summary>
/// <param name="random">The generator.</param>
/// <param name="plain">Whether to do without attributes and embeds.</param>
/// <param name="odd">
/// Whether what is inserted may have what means nothing but stays in the document until it is overwritten: null
/// attributes, and members of an embed beside its type. Taking back what overwrites such a thing leaves it out.
/// </param>
/// <param name="handled">Whether there may be embeds that <see cref="VerifiedEmbeds"/> has handlers for.</param>
public sealed class RandomDeltas(Random random, bool plain = false, bool odd = false, bool handled = false)
{
    private static readonly string[] s_texts =
    [
        "a", "b", "ab", "xyz", "é", "e\u0301", "ж", "中文", "😀", "a😀b", "😀😀", "👩‍👩‍👧", "👍🏽", "🇩🇪", "\n", "\0", "\"\\", "\u2028", "\uFFFD",
        "long enough to need a two-byte header, even alone",
    ];

    private static readonly string[] s_names =
        ["bold", "italic", "color", "link", "na\"me", "имя", "10", "2", "", "😀"];

    private static readonly JsonNode?[] s_values = Parsed(
        "true", "1", "\"red\"", "\"blue\"", "{\"x\":1}", "{\"y\":[{\"z\":null},[]],\"x\":{}}", "[1,2]", "\"\\u00e9\"", "1.0",
        "1e2", "0.1", "false", "\"\"", "0", "{}", "null");

    private static readonly JsonNode?[] s_embeds = Parsed(
        "{\"image\":\"a.png\"}", "{\"image\":{\"src\":\"b\"}}", "{\"formula\":\"e=mc²\"}", "{\"card\":[1,{\"deep\":null}]}", "{}");

    private static readonly JsonNode?[] s_oddEmbeds = Parsed(
        "{\"image\":\"b.png\",\"alt\":\"two members\"}", "{\"card\":1,\"7\":\"its type is 7 in JavaScript\"}");

    // How deep a delta may stand in a delta.
    private const int MaxNesting = 2;

    private int _nesting;

    /// <summary>What a test made of it last, to look at when something fails.</summary>
    public Delta? Last { get; set; }

    /// <summary>A number from 0, below the limit.</summary>
    public int Next(int limit) => random.Next(limit);

    /// <summary>One of the two.</summary>
    public Side Side() => random.Next(2) == 0 ? Operations.Side.Left : Operations.Side.Right;

    /// <summary>A document of so many pieces at the most.</summary>
    public Delta Document(int pieces)
    {
        var build = Delta.Build();
        for (var i = random.Next(pieces + 1); i > 0; i--)
            Insert(build);
        return build.ToDelta();
    }

    /// <summary>An operation that fits the document, cuts no surrogate pair, and changes embeds only where they are.</summary>
    /// <param name="document">The document.</param>
    /// <param name="pieces">How many components there may be.</param>
    /// <param name="faulty">Now and then it changes an embed of another type, or where there is none.</param>
    public Delta Operation(Delta document, int pieces = 5, bool faulty = false)
    {
        var units = Units(document);
        var build = Delta.Build();
        var at = 0;
        for (var i = random.Next(pieces) + 1; i > 0; i--)
        {
            var rest = units.Count - at;
            var length = rest == 0 ? 0 : 1 + random.Next(Math.Min(rest, random.Next(4) == 0 ? 40 : 4));
            if (at + length < units.Count && units[at + length].Low)
                length++;
            switch (random.Next(6))
            {
                case 0 or 1:
                    Insert(build);
                    break;
                case 2:
                    build.Delete(length);
                    at += length;
                    break;
                case 3 when length > 0 && !plain:
                    build.Retain(length, Attributes());
                    at += length;
                    break;
                case 4 when rest > 0 && !plain && faulty && random.Next(20) == 0 && !(rest > 1 && units[at + 1].Low):
                    build.RetainEmbed(new JsonObject { [random.Next(2) == 0 ? "image" : "formula"] = 0 }, Attributes());
                    at++;
                    break;
                case 4 when rest > 0 && units[at].Embed is { Count: > 0 } embed && !plain:
                    build.RetainEmbed(Change(embed), Attributes());
                    at++;
                    break;
                case 5:
                    build.Retain(length);
                    at += length;
                    break;
            }
        }

        return build.ToDelta();
    }

    /// <summary>What a key or a paste does: an insert, a delete or both in one place.</summary>
    public Delta EditInOnePlace(Delta document)
    {
        var units = Units(document);
        int WithinBounds(int at) => at < units.Count && units[at].Low ? at + 1 : at;
        var from = WithinBounds(random.Next(units.Count + 1));
        var to = WithinBounds(Math.Min(units.Count, from + random.Next(4)));
        var build = Delta.Build().Retain(from);
        if (from == to || random.Next(2) == 0)
            Insert(build);
        return build.Delete(to - from).ToDelta();
    }

    /// <summary>Attributes, or none.</summary>
    public JsonObject? Attributes(bool nulls = true)
    {
        if (plain || random.Next(3) == 0)
            return null;
        var attributes = new JsonObject();
        for (var i = random.Next(3); i >= 0; i--)
            attributes[s_names[random.Next(s_names.Length)]] = Value(nulls);
        return attributes;
    }

    private JsonNode? Value(bool nulls) => s_values[random.Next(nulls ? s_values.Length : s_values.Length - 1)]?.DeepClone();

    private void Insert(DeltaBuilder build)
    {
        if (!plain && random.Next(6) == 0)
            build.InsertEmbed(Embed(), Attributes(odd));
        else
            build.Insert(s_texts[random.Next(s_texts.Length)], random.Next(2) == 0 ? null : Attributes(odd));
    }

    private JsonObject Embed()
    {
        if (odd && random.Next(8) == 0)
            return s_oddEmbeds[random.Next(s_oddEmbeds.Length)]!.DeepClone().AsObject();
        switch (handled ? random.Next(3) : 0)
        {
            case 1 when _nesting < MaxNesting:
                _nesting++;
                var inner = Document(3);
                _nesting--;
                return new() { [VerifiedEmbeds.Nested] = VerifiedEmbeds.ToJson(inner) };
            case 2:
                return new() { [VerifiedEmbeds.Record] = RecordMembers(nulls: false) };
            default:
                return s_embeds[random.Next(s_embeds.Length)]!.DeepClone().AsObject();
        }
    }

    private JsonObject Change(JsonObject embed)
    {
        // JavaScript puts names that are array indexes first.
        var type = embed.ContainsKey("7") ? "7" : embed.First().Key;
        if (type == VerifiedEmbeds.Nested)
        {
            _nesting++;
            var change = Operation(VerifiedEmbeds.FromJson(embed[type]), 4);
            _nesting--;
            return new() { [type] = VerifiedEmbeds.ToJson(change) };
        }

        return new() { [type] = type == VerifiedEmbeds.Record ? RecordMembers(nulls: true) : "changed" + random.Next(3) };
    }

    private JsonObject RecordMembers(bool nulls)
    {
        var members = new JsonObject();
        for (var i = random.Next(4); i > 0; i--)
        {
            var value = random.Next(nulls ? 5 : 4);
            members["abc"[random.Next(3)].ToString()] = value == 4 ? null : value == 3 ? "text" : value;
        }

        return members;
    }

    private static List<(bool Low, JsonObject? Embed)> Units(Delta document)
    {
        var units = new List<(bool, JsonObject?)>();
        foreach (var component in document.Components)
        {
            if (component.Text is { } text)
            {
                foreach (var unit in text)
                    units.Add((char.IsLowSurrogate(unit), null));
            }
            else
            {
                units.Add((false, component.Embed));
            }
        }

        return units;
    }

    private static JsonNode?[] Parsed(params string[] values) => [.. values.Select(value => JsonNode.Parse(value))];
}
