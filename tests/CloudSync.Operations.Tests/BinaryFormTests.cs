// The binary form, byte by byte, and everything that is refused in it.

using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class BinaryFormTests
{
    private static readonly JsonObject s_bold = new() { ["bold"] = true };

    [Fact]
    public void Components_are_written_as_the_documentation_says()
    {
        Assert.Equal("28", Hex(Delta.Build().Retain(5).Delete(1).ToDelta())[..2]);
        Assert.Equal("19", Hex(Delta.Build().Delete(3).ToDelta()));
        Assert.Equal("126869", Hex(Delta.Build().Insert("hi").ToDelta()));
        Assert.Equal("22F09F9880", Hex(Delta.Build().Insert("😀").ToDelta()));
        Assert.Equal("14" + "0D" + HexOf("{\"bold\":true}"), Hex(Delta.Build().Retain(2, s_bold).ToDelta()));
        Assert.Equal("0E" + "0D" + HexOf("{\"bold\":true}") + "61", Hex(Delta.Build().Insert("a", s_bold).ToDelta()));
        Assert.Equal("03" + "07" + HexOf("{\"x\":1}"), Hex(Delta.Build().InsertEmbed(new() { ["x"] = 1 }).ToDelta()));
        Assert.Equal(
            "0F" + "0D" + HexOf("{\"bold\":true}") + "07" + HexOf("{\"x\":1}"),
            Hex(Delta.Build().RetainEmbed(new() { ["x"] = 1 }, s_bold).ToDelta()));
        Assert.Equal("8101", Hex(Delta.Build().Delete(16).ToDelta()));
    }

    [Fact]
    public void Equal_neighbours_are_merged_and_headers_grow_with_them()
    {
        var build = Delta.Build();
        var expected = new StringBuilder();
        foreach (var size in new[] { 1, 14, 1, 2000, 40, 300_000 })
        {
            build.Insert(new string('x', size));
            expected.Append('x', size);
        }

        Assert.Equal(expected.ToString(), Assert.Single(build.ToDelta().Components).Text);
        build = Delta.Build();
        foreach (var size in new[] { 1, 14, 1, 2000, 40, 300_000, int.MaxValue - 400_000 })
            build.Retain(size, s_bold);
        var merged = Assert.Single(build.ToDelta().Components);
        Assert.Equal(int.MaxValue - 400_000 + 302_056, merged.Length);
        Assert.True(JsonNode.DeepEquals(s_bold, merged.Attributes));
    }

    [Theory]
    [InlineData("00", "retain of nothing")]
    [InlineData("01", "delete of nothing")]
    [InlineData("02", "insert of nothing")]
    [InlineData("80", "varint cut off")]
    [InlineData("808080808001", "varint of six bytes")]
    [InlineData("FFFFFFFFFF", "varint of five bytes that goes on")]
    [InlineData("F8FFFFFF7F", "retain of more than 2^31 - 1")]
    [InlineData("FAFFFFFF3F", "text far longer than the operation")]
    [InlineData("1261", "text longer than the operation")]
    [InlineData("0AFF", "not UTF-8")]
    [InlineData("12C0AF", "overlong UTF-8")]
    [InlineData("1AEDA080", "half a surrogate pair in UTF-8")]
    [InlineData("0D027B7D", "delete with attributes")]
    [InlineData("0C", "attributes missing")]
    [InlineData("0C00", "attributes empty")]
    [InlineData("0C057B7D", "attributes cut off")]
    [InlineData("0CFFFFFFFF7F", "attributes of 34 gigabytes")]
    [InlineData("03FFFFFFFF0F7B7D", "embed of 4 gigabytes")]
    [InlineData("0300", "embed without JSON")]
    [InlineData("13027B7D", "embed of value 2")]
    [InlineData("0B027B7D", "change of an embed without a type")]
    public void What_is_not_an_operation_is_malformed(string hex, string why)
    {
        var bytes = Convert.FromHexString(hex);
        foreach (var type in new[] { DocumentType.RichText, DocumentType.Text })
        {
            AssertMalformed(() => type.Measure(bytes), why, type);
            AssertMalformed(() => type.CreateEmpty().Apply(bytes), why, type);
            AssertMalformed(() => type.DecodeSnapshot(bytes), why, type);
        }

        AssertMalformed(() => Delta.FromBytes(bytes), why, DocumentType.RichText);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("{")]
    [InlineData("{\"a\":1}x")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"\\udc00\":1}")]
    [InlineData("{\"a\":\"\\udc00\\ud800\"}")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":1,\"\\u0061\":2}")]
    [InlineData("{\"__proto__\":1}")]
    [InlineData("{\"\\u005f_proto__\":1}")]
    [InlineData("{\"constructor\":1}")]
    [InlineData("{\"a\":1,\"to\\u0053tring\":1}")]
    [InlineData("{\"a\":NaN}")]
    [InlineData("{\"a\":1e400}")]
    public void Attributes_that_two_readers_might_read_differently_are_malformed(string json) =>
        AssertMalformed(() => DocumentType.RichText.Measure(Attributed(json)), json, DocumentType.RichText);

    [Theory]
    [InlineData("{\"a\":\"\\ud83d\\ude00\"}")]
    [InlineData("{ \"a\" : [ 1 , 2.5e3 ] }")]
    [InlineData("{}")]
    [InlineData(" { } ")]
    public void Other_attributes_are_taken(string json)
    {
        Assert.Equal(1, DocumentType.RichText.Measure(Attributed(json)).RequiredLength);
        Assert.Equal(json.Trim().Replace(" ", "") == "{}", Delta.FromBytes(Attributed(json)).Components.Count == 0);
    }

    [Fact]
    public void Json_is_taken_to_its_depth_and_not_deeper()
    {
        string Nested(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "{}" + new string('}', depth - 1);
        DocumentType.RichText.Measure(Attributed(Nested(32)));
        AssertMalformed(() => DocumentType.RichText.Measure(Attributed(Nested(33))), "33 deep", DocumentType.RichText);
        AssertMalformed(() => DocumentType.RichText.Measure(Attributed(Nested(100_000))), "very deep", DocumentType.RichText);
        Assert.Throws<OperationException>(
            () => Delta.ParseJson(string.Concat(Enumerable.Repeat("[", 100_000)) + new string(']', 100_000)));
    }

    [Fact]
    public void Lengths_that_add_up_to_too_much_are_malformed()
    {
        var most = Convert.FromHexString("F8FFFFFF3F");
        Assert.Equal(int.MaxValue, DocumentType.Text.Measure(most).RequiredLength);
        AssertMalformed(
            () => DocumentType.Text.Measure([.. most, 0x09, .. most]), "sum", DocumentType.Text);
        // Merged, the retains would be longer than a length can be.
        AssertMalformed(
            () => DocumentType.Text.Transform(
                [.. most, 0x09], [0x0A, (byte)'x'], Side.Right, new System.Buffers.ArrayBufferWriter<byte>()),
            "transform", DocumentType.Text);
        Assert.Equal(int.MaxValue, DocumentType.Text.TransformPosition(int.MaxValue, [0x0A, (byte)'x'], Side.Right));
    }

    [Fact]
    public void Many_attributes_take_time_in_proportion()
    {
        // A hundred thousand names: compared each with each they would take minutes.
        string Names(int from) =>
            "{" + string.Join(',', Enumerable.Range(from, 100_000).Select(i => $"\"n{i}\":1")) + "}";
        var first = Attributed(Names(0));
        var second = Attributed(Names(50_000));
        DocumentType.RichText.Measure(first);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        DocumentType.RichText.Compose(first, second, output);
        Assert.Equal(150_000, Delta.FromBytes(output.WrittenMemory).Components[0].Attributes!.Count);
        output.Clear();
        DocumentType.RichText.Transform(first, second, Side.Right, output);
        Assert.Equal(50_000, Delta.FromBytes(output.WrittenMemory).Components[0].Attributes!.Count);
    }

    private static byte[] Attributed(string json)
    {
        var utf8 = Encoding.UTF8.GetBytes(json);
        var length = new List<byte>();
        var rest = utf8.Length;
        for (; rest >= 0x80; rest >>= 7)
            length.Add((byte)(rest | 0x80));
        length.Add((byte)rest);
        return [0x0C, .. length, .. utf8];
    }

    private static void AssertMalformed(Action action, string why, DocumentType type)
    {
        var refused = Assert.ThrowsAny<OperationException>(action);
        Assert.True(
            refused.Error == OperationError.Malformed
            || (type == DocumentType.Text && refused.Error == OperationError.NotAllowedByType),
            $"{why}: {refused.Error} {refused.Message}");
    }

    private static string Hex(Delta delta) => Convert.ToHexString(delta.Bytes.Span);

    private static string HexOf(string text) => Convert.ToHexString(Encoding.UTF8.GetBytes(text));
}
