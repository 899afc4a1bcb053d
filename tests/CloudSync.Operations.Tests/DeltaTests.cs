// Deltas as people handle them: built, and read and written as Quill's JSON.

using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class DeltaTests
{
    [Fact]
    public void A_delta_is_built_in_canonical_shape()
    {
        var delta = Delta.Build()
            .Retain(0).Retain(2).Retain(3).Delete(1).Insert("").Insert("a").Delete(2).Insert("b")
            .Insert("c", new JsonObject { ["bold"] = true, ["size"] = 1 })
            .Insert("d", new JsonObject { ["size"] = 1.0, ["bold"] = true })
            .Retain(4, []).Retain(1)
            .ToDelta();
        Assert.Equal(
            """{"ops":[{"retain":5},{"insert":"ab"},{"insert":"cd","attributes":{"bold":true,"size":1}},{"delete":3}]}""",
            delta.ToJson());
        Assert.Equal(delta, Delta.ParseJson(delta.ToJson()));
        Assert.Equal(Delta.Empty, Delta.Build().Retain(7).ToDelta());
    }

    [Fact]
    public void Json_may_be_the_bare_array_and_hold_what_quill_leaves_out()
    {
        Assert.Equal(
            Delta.Build().Insert("a😀").Delete(3).ToDelta(),
            Delta.ParseJson("""[{"insert":""},{"insert":"a\ud83d\ude00","attributes":null},{"retain":0},{"delete":3.0},{"retain":9}]"""));
        Assert.Equal(Delta.Empty, Delta.ParseJson("""{"ops":[]}"""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"ops":{}}""")]
    [InlineData("[1]")]
    [InlineData("[{}]")]
    [InlineData("""[{"insert":1}]""")]
    [InlineData("""[{"insert":null}]""")]
    [InlineData("""[{"insert":["a"]}]""")]
    [InlineData("""[{"retain":-1}]""")]
    [InlineData("""[{"retain":1.5}]""")]
    [InlineData("""[{"retain":3000000000}]""")]
    [InlineData("""[{"retain":1e99}]""")]
    [InlineData("""[{"delete":"1"}]""")]
    [InlineData("""[{"delete":1,"attributes":{"a":1}}]""")]
    [InlineData("""[{"insert":"a","retain":1}]""")]
    [InlineData("""[{"insert":"a","insert":"b"}]""")]
    [InlineData("""[{"insert":"a","other":1}]""")]
    [InlineData("""[{"insert":"a","attributes":[]}]""")]
    [InlineData("""[{"insert":"a","attributes":{"x":1,"x":2}}]""")]
    [InlineData("""[{"insert":"\ud800"}]""")]
    [InlineData("""[{"insert":{"a":"\udc00"}}]""")]
    [InlineData("""[{"retain":{"a":1,"b":2}}]""")]
    [InlineData("""[{"retain":2147483647},{"delete":1}]""")]
    [InlineData("""[{"insert":"a"}""")]
    public void Json_that_is_no_delta_is_refused(string json) =>
        Assert.Equal(OperationError.Malformed, Assert.Throws<OperationException>(() => Delta.ParseJson(json)).Error);

    [Fact]
    public void Half_a_surrogate_pair_is_refused_wherever_it_comes_from()
    {
        Assert.Throws<OperationException>(() => Delta.FromPlainText("a\ud800"));
        Assert.Throws<OperationException>(() => Delta.ParseJson("[{\"insert\":\"\udc00\"}]"));
    }

    [Fact]
    public void Plain_text_leaves_embeds_out()
    {
        var delta = Delta.Build().Insert("a").InsertEmbed(new() { ["image"] = "x" }).Insert("😀\n").ToDelta();
        Assert.Equal("a😀\n", delta.ToPlainText());
        Assert.Equal(5, DocumentType.RichText.DecodeSnapshot(delta.Bytes.Span).Length);
        Assert.Equal("a\0b", Delta.FromPlainText("a\0b").ToPlainText());
    }

    [Fact]
    public void Components_show_what_is_in_the_bytes()
    {
        var components = Delta.ParseJson(
            """[{"retain":2,"attributes":{"b":null}},{"insert":{"card":[1]},"attributes":{"w":1}},{"retain":{"card":2}},{"delete":4}]""").Components;
        Assert.Equal(
            [DeltaKind.Retain, DeltaKind.InsertEmbed, DeltaKind.RetainEmbed, DeltaKind.Delete], components.Select(c => c.Kind));
        Assert.Equal([2, 1, 1, 4], components.Select(c => c.Length));
        Assert.True(components[0].Attributes!.ContainsKey("b"));
        Assert.Equal("[1]", components[1].Embed!["card"]!.ToJsonString());
        Assert.Null(components[3].Attributes);
    }

    [Fact]
    public void Equality_is_that_of_the_effect()
    {
        var a = Delta.ParseJson("""[{"delete":2},{"insert":"x","attributes":{"p":1,"q":"é"}}]""");
        var b = Delta.ParseJson("""[{"insert":"x","attributes":{"q":"\u00e9","p":1.0}},{"delete":2}]""");
        Assert.Equal(a, b);
        Assert.Equal(a.GetHashCode(), b.GetHashCode());
        Assert.NotEqual(a, Delta.ParseJson("""[{"insert":"x","attributes":{"q":"e","p":1}},{"delete":2}]"""));
        Assert.NotEqual(a, Delta.Empty);
    }

    [Fact]
    public void An_inverse_needs_the_document_the_operation_fits()
    {
        var operation = Delta.Build().Retain(1).Delete(2).Insert("new").ToDelta();
        Assert.Equal(
            Delta.Build().Retain(1).Delete(3).Insert("bc").ToDelta(), operation.Invert(Delta.FromPlainText("abcd")));
        Assert.Throws<OperationException>(() => operation.Invert(Delta.FromPlainText("ab")));
        Assert.Throws<OperationException>(() => operation.Invert(operation));
    }

    [Theory]
    [InlineData("""{"\udc00":[]}""")]
    [InlineData("""[{"re\udc00":1}]""")]
    [InlineData("""[{"insert":"a","attributes":{"\ud800":1}}]""")]
    [InlineData("""[{"insert":{"a\ud800":1}}]""")]
    public void Half_a_surrogate_pair_in_a_name_of_the_json_is_malformed(string json)
    {
        var refused = Assert.Throws<OperationException>(() => Delta.ParseJson(json));
        Assert.Equal(OperationError.Malformed, refused.Error);
    }
}
