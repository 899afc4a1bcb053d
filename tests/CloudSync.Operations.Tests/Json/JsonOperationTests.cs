// JSON operations one by one: what they do, what is refused, and the bounds.

using System.Text;
using Xunit;
using static CloudSync.Operations.Tests.Json.JsonCases;

namespace CloudSync.Operations.Tests.Json;

public sealed class JsonOperationTests
{
    [Theory]
    [InlineData("""{"a":1}""", """[{"p":["b"],"oi":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":1}""", """[{"p":["a"],"od":1,"oi":[]}]""", """{"a":[]}""")]
    [InlineData("""{"a":1}""", """[{"p":["a"],"od":1}]""", "{}")]
    [InlineData("[1,2,3]", """[{"p":[0],"lm":2}]""", "[2,3,1]")]
    [InlineData("[1,2,3]", """[{"p":[1],"ld":2},{"p":[0],"li":0}]""", "[0,1,3]")]
    [InlineData("[1]", """[{"p":[9],"li":2}]""", "[1,2]")]
    [InlineData("[1]", """[{"p":[9],"ld":2}]""", "[1]")]
    [InlineData("""{"n":1.5}""", """[{"p":["n"],"na":-2}]""", """{"n":-0.5}""")]
    [InlineData("""{"t":"a😀"}""", """[{"p":["t",3],"si":"é"},{"p":["t",1],"sd":"😀"}]""", """{"t":"aé"}""")]
    [InlineData("""["ab"]""", """[{"p":[0],"t":"text0","o":[{"p":1,"i":"x"},{"p":0,"d":"a"}]}]""", """["xb"]""")]
    [InlineData("{}", """[{"p":["r"],"t":"rich-text","o":[{"insert":"hi"}]}]""", """{"r":{"ops":[{"insert":"hi"}]}}""")]
    [InlineData("null", """[{"p":[],"oi":{"a":"\u0001\"\\/"}}]""", """{"a":"\u0001\"\\/"}""")]
    public void An_operation_does_what_it_says(string before, string operation, string after)
    {
        Assert.Equal(after, Applied(before, operation));
        Assert.Equal(before, Applied(after, Inverted(before, operation)));
    }

    [Theory]
    [InlineData("""{"p":[],"oi":1}""", OperationError.Malformed)]
    [InlineData("""[{"oi":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"]}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"oi":1,"na":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"oi":1,"note":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["l",-1],"li":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["l","0"],"li":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["__proto__"],"oi":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"oi":{"__proto__":1}}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"oi":"\ud83d"}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"na":1e999}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["a"],"t":"text1","o":[]}]""", OperationError.NotAllowedByType)]
    [InlineData("""[{"p":["n"],"na":1.7e308}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["t"],"na":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["no"],"na":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["no","way"],"oi":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["l","length"],"na":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["t"],"li":1}]""", OperationError.Malformed)]
    [InlineData("""[{"p":["t",0],"li":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["l",0],"oi":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["l",5],"lm":0}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["l",5],"li":1,"ld":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":[],"od":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["t",0],"sd":"x"}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["t",2],"si":"x"}]""", OperationError.SplitsSurrogatePair)]
    [InlineData("""[{"p":["c","x"],"oi":1}]""", OperationError.DoesNotFit)]
    [InlineData("""[{"p":["l",0],"li":1},{"p":["no","way"],"oi":1}]""", OperationError.DoesNotFit)]
    public void A_wrong_operation_is_refused_by_name_and_changes_nothing(string operation, OperationError error)
    {
        var state = State("""{"n":1e308,"t":"a😀","l":[1],"c":{"constructor":1}}""");
        var (before, bytes) = (Snapshot(state), state.Bytes);
        Assert.Equal(error, Refusal(() => state.Apply(Utf8(operation))));
        Assert.Equal(before, Snapshot(state));
        Assert.Equal(bytes, state.Bytes);
    }

    [Fact]
    public void Version_0_is_null_and_members_stand_in_the_order_of_their_names()
    {
        Assert.Equal("null", Snapshot(DocumentType.Json.CreateEmpty()));
        Assert.Equal("""{"a":[0,1E+21],"b":null}""", Applied(""" { "b": null, "a": [ -0, 1e21 ] } """));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nul")]
    [InlineData("1 2")]
    [InlineData("[1,]")]
    [InlineData("""{"__proto__":1}""")]
    [InlineData("\"\\ud83d\"")]
    public void What_is_no_document_is_refused(string snapshot) =>
        Assert.Equal(OperationError.Malformed, Refusal(() => State(snapshot)));

    [Fact]
    public void A_document_is_at_most_so_deep()
    {
        var deepest = Nested(JsonLimits.MaxDepth);
        Assert.Equal(deepest, Applied(deepest));
        Assert.Equal(OperationError.TooDeep, Refusal(() => State(Nested(JsonLimits.MaxDepth + 1))));

        var state = State($"[{Nested(JsonLimits.MaxDepth - 2)}]");
        var place = string.Join(',', Enumerable.Repeat("0", JsonLimits.MaxDepth - 1));
        Assert.Equal(OperationError.TooDeep, Refusal(() => state.Apply(Utf8($$"""[{"p":[{{place}}],"li":[[]]}]"""))));
        state.Apply(Utf8($$"""[{"p":[{{place}}],"li":[]}]"""));
        Assert.Contains("128", Assert.Throws<OperationException>(() => State(Nested(JsonLimits.MaxDepth + 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_is_at_most_so_long()
    {
        var longest = string.Join(',', Enumerable.Repeat("0", JsonLimits.MaxDepth));
        DocumentType.Json.Measure(Utf8($$"""[{"p":[{{longest}}],"li":1}]"""));
        Assert.Equal(OperationError.TooDeep, Refusal(() => DocumentType.Json.Measure(Utf8($$"""[{"p":[{{longest}},0],"li":1}]"""))));
    }

    [Fact]
    public void An_operation_has_at_most_so_many_components()
    {
        DocumentType.Json.Measure(Utf8(Many(JsonLimits.MaxComponents)));
        Assert.Equal(OperationError.TooManyComponents, Refusal(() => DocumentType.Json.Measure(Utf8(Many(JsonLimits.MaxComponents + 1)))));
        Assert.Equal(OperationError.TooManyComponents, Refusal(() => Composed(Many(JsonLimits.MaxComponents), Many(1))));
    }

    [Fact]
    public void A_transform_looks_at_most_at_so_many_pairs()
    {
        var half = (int)Math.Sqrt(JsonLimits.MaxPairs) + 1;
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Transformed(Many(half), Many(half), Side.Left)));
    }

    /// <summary>A delete of a text that many inserts are made into becomes many deletes on the way.</summary>
    [Fact]
    public void A_component_that_parts_again_and_again_is_bounded_too()
    {
        const int count = 9_000;
        var inserts = "[" + string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"p":["t",{{(2 * i) + 1}}],"si":"x"}""")) + "]";
        var delete = $$"""[{"p":["t",0],"sd":"{{new string('a', count + 1)}}"}]""";
        Assert.Equal(OperationError.TooMuchWork, Refusal(() => Transformed(delete, inserts, Side.Right)));
    }

    [Fact]
    public void A_document_too_large_for_its_limit_is_refused_before_it_changes()
    {
        var state = State("""["a"]""");
        var limit = state.Bytes + 20;
        Assert.Equal(OperationError.TooLarge, Refusal(() => state.Apply(Utf8("""[{"p":[0],"li":"12345"}]"""), limit)));
        Assert.Equal(OperationError.TooLarge, Refusal(() => state.Apply(Utf8("""[{"p":[0],"li":1},{"p":[0],"li":1}]"""), limit)));
        state.Apply(Utf8("""[{"p":[0],"li":"1234"}]"""), limit);
        Assert.Equal(limit, state.Bytes);
        state.Apply(Utf8("""[{"p":[0],"ld":"1234"}]"""), 0);
    }

    [Fact]
    public void A_sum_beyond_a_double_stays_two_components() =>
        Assert.Equal(
            """[{"p":["n"],"na":1E+308},{"p":["n"],"na":1E+308}]""",
            Composed("""[{"p":["n"],"na":1e308}]""", """[{"p":["n"],"na":1e308}]"""));

    [Fact]
    public void Rich_text_that_has_been_merged_is_written_as_the_package_writes_it() =>
        Assert.Equal(
            """[{"p":["r"],"t":"rich-text","o":{"ops":[{"insert":"ab"}]}}]""",
            Composed("""[{"p":["r"],"t":"rich-text","o":[{"insert":"b"}]}]""", """[{"p":["r"],"t":"rich-text","o":[{"insert":"a"}]}]"""));

    private static string Nested(int depth) => new StringBuilder().Append('[', depth).Append(']', depth).ToString();

    private static string Many(int components) =>
        "[" + string.Join(',', Enumerable.Range(0, components).Select(i => $$"""{"p":["{{i}}"],"oi":1}""")) + "]";
}
