// Random documents, and random operations that fit them.

using System.Text.Json.Nodes;
using CsCheck;

namespace CloudSync.Operations.Tests;

/// <summary>Makes operations out of a seeded generator; with few letters and short lengths, so that they collide.</summary>
/// <param name="random">The generator.</param>
/// <param name="plain">Whether to do without attributes and embeds.</param>
/// <param name="insertNulls">
/// Whether what is inserted may have null attributes. They mean nothing, but stay in the document; taking back what
/// overwrites one leaves it out.
/// </param>
internal sealed class RandomDeltas(Random random, bool plain = false, bool insertNulls = false)
{
    private static readonly string[] s_texts =
        ["a", "b", "ab", "xyz", "é", "ж", "中文", "😀", "a😀b", "👩‍👩‍👧", "\n", "\0", "\"\\", "long enough to need a two-byte header, even alone"];

    private static readonly string[] s_names = ["bold", "italic", "color", "link", "na\"me", "имя"];

    private static readonly string[] s_values =
        ["true", "1", "\"red\"", "\"blue\"", "{\"x\":1}", "[1,2]", "\"\\u00e9\"", "1.0", "false", "null"];

    private static readonly string[] s_embeds =
        ["{\"image\":\"a.png\"}", "{\"image\":{\"src\":\"b\"}}", "{\"formula\":\"e=mc²\"}", "{\"card\":[1,{\"deep\":null}]}"];

    /// <summary>A generator of generators: each case has its own seed, which CsCheck shrinks and prints.</summary>
    public static Gen<RandomDeltas> Gen(bool plain = false) =>
        CsCheck.Gen.Int[0, int.MaxValue - 1].Select(seed => new RandomDeltas(new Random(seed), plain));

    /// <summary>What a test made of it last, to look at when something fails.</summary>
    public Delta? Last { get; set; }

    public int Next(int limit) => random.Next(limit);

    public Side Side() => random.Next(2) == 0 ? Operations.Side.Left : Operations.Side.Right;

    public Delta Document(int pieces)
    {
        var build = Delta.Build();
        for (var i = random.Next(pieces + 1); i > 0; i--)
            Insert(build);
        return build.ToDelta();
    }

    /// <summary>An operation that fits the document, cuts no surrogate pair, and changes embeds only where they are.</summary>
    public Delta Operation(Delta document, int pieces = 5)
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
                case 0 or 1 when !Insert(build):
                    break;
                case 2:
                    build.Delete(length);
                    at += length;
                    break;
                case 3 when length > 0 && !plain:
                    build.Retain(length, Attributes());
                    at += length;
                    break;
                case 4 when rest > 0 && units[at].Embed is { } embed && !plain:
                    build.RetainEmbed(new JsonObject { [embed] = "changed" + random.Next(3) }, Attributes());
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

    public JsonObject? Attributes(bool nulls = true)
    {
        if (plain || random.Next(3) == 0)
            return null;
        var attributes = new JsonObject();
        for (var i = random.Next(3); i >= 0; i--)
            attributes[s_names[random.Next(s_names.Length)]] =
                JsonNode.Parse(s_values[random.Next(nulls ? s_values.Length : s_values.Length - 1)]);
        return attributes;
    }

    private bool Insert(DeltaBuilder build)
    {
        if (!plain && random.Next(6) == 0)
            build.InsertEmbed(JsonNode.Parse(s_embeds[random.Next(s_embeds.Length)])!.AsObject(), Attributes(insertNulls));
        else
            build.Insert(s_texts[random.Next(s_texts.Length)], random.Next(2) == 0 ? null : Attributes(insertNulls));
        return true;
    }

    private static List<(bool Low, string? Embed)> Units(Delta document)
    {
        var units = new List<(bool, string?)>();
        foreach (var component in document.Components)
        {
            if (component.Text is { } text)
                units.AddRange(text.Select(c => (char.IsLowSurrogate(c), (string?)null)));
            else
                units.Add((false, component.Embed!.First().Key));
        }

        return units;
    }
}
