// Changes of embeds: replaced without a handler, merged by one. That both agree with quill-delta is what ReferenceTests
// show; here is what a handler may rely on, and what happens when it fails.

using System.Buffers;
using System.Text.Json.Nodes;
using CloudSync.Verification;
using CloudSync.Verification.RichText;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests;

public sealed class EmbedHandlerTests
{
    public EmbedHandlerTests() => VerifiedEmbeds.Register();

    [Fact]
    public void Two_changes_of_a_delta_in_a_delta_are_merged()
    {
        var document = Delta.ParseJson("""[{"insert":{"delta":[{"insert":"shared"}]}}]""");
        var a = Delta.ParseJson("""[{"retain":{"delta":[{"insert":"A"}]}}]""");
        var b = Delta.ParseJson("""[{"retain":{"delta":[{"retain":6},{"insert":"B"}]}}]""");
        var expected = Delta.ParseJson("""[{"insert":{"delta":[{"insert":"AsharedB"}]}}]""");
        Assert.Equal(expected, document.Compose(a).Compose(b.Transform(a, Side.Right)));
        Assert.Equal(expected, document.Compose(b).Compose(a.Transform(b, Side.Left)));
        Assert.Equal(expected, document.Compose(a.Compose(b.Transform(a, Side.Right))));
        Assert.Equal(document, document.Compose(a).Compose(a.Invert(document)));
    }

    [Fact]
    public void A_handler_is_told_whether_what_removes_has_still_to_be_kept()
    {
        var set = Delta.ParseJson("""[{"retain":{"record":{"a":1}}}]""");
        var remove = Delta.ParseJson("""[{"retain":{"record":{"a":null}}}]""");
        var document = Delta.ParseJson("""[{"insert":{"record":{"a":0,"b":2}}}]""");
        Assert.Equal(remove, set.Compose(remove));
        Assert.Equal(Delta.ParseJson("""[{"insert":{"record":{"b":2}}}]"""), document.Compose(set).Compose(remove));
    }

    [Fact]
    public void Only_embeds_of_its_type_are_a_handlers()
    {
        var document = Delta.ParseJson("""[{"insert":{"image":{"a":1}}}]""");
        var change = Delta.ParseJson("""[{"retain":{"image":{"b":2}}}]""");
        Assert.Equal(Delta.ParseJson("""[{"insert":{"image":{"b":2}}}]"""), document.Compose(change));
        var refused = Assert.Throws<OperationException>(
            () => document.Compose(Delta.ParseJson("""[{"retain":{"record":{"b":2}}}]""")));
        Assert.Equal(OperationError.Malformed, refused.Error);
    }

    [Theory]
    [InlineData("throws")]
    [InlineData("deep")]
    [InlineData("not a number")]
    public void What_a_handler_throws_or_may_not_return_is_a_refusal_that_changes_nothing(string how)
    {
        EmbedHandler.Register("failing", new Failing());
        var state = DocumentType.RichText.DecodeSnapshot(
            Delta.Build().Insert("text").InsertEmbed(new() { ["failing"] = "" }).ToDelta().Bytes.Span);
        var before = Delta.FromState(state);
        var change = Delta.Build().Insert("more").Retain(4).RetainEmbed(new() { ["failing"] = how }).ToDelta();
        var output = new ArrayBufferWriter<byte>();
        var type = DocumentType.RichText;
        foreach (var act in new Action[]
        {
            () => state.Apply(change.Bytes.Span),
            () => state.Invert(change.Bytes.Span, output),
            () => type.Compose(change.Bytes.Span, Delta.Build().Retain(8).RetainEmbed(new() { ["failing"] = how }).ToDelta().Bytes.Span, output),
            () => type.Transform(change.Bytes.Span, change.Bytes.Span, Side.Left, output),
        })
        {
            var refused = Assert.Throws<OperationException>(act);
            Assert.Equal(OperationError.Malformed, refused.Error);
            Assert.Equal(before, Delta.FromState(state));
            Assert.Equal(0, output.WrittenCount);
        }
    }

    [Fact]
    public void Without_its_handler_a_change_replaces_again()
    {
        var document = Delta.ParseJson("""[{"insert":{"counted":1}}]""");
        var change = Delta.ParseJson("""[{"retain":{"counted":2}}]""");
        EmbedHandler.Register("counted", new Adding());
        Assert.Equal("""{"ops":[{"insert":{"counted":3}}]}""", document.Compose(change).ToJson());
        EmbedHandler.Unregister("counted");
        Assert.Equal("""{"ops":[{"insert":{"counted":2}}]}""", document.Compose(change).ToJson());
    }

    [Fact]
    public void Taking_back_a_change_of_an_embed_with_two_members_is_an_operation()
    {
        var document = Delta.ParseJson("""[{"insert":{"image":"a.png","alt":"A"}}]""");
        var back = Delta.ParseJson("""[{"retain":{"image":"b.png"}}]""").Invert(document);
        Assert.Equal("""{"ops":[{"retain":{"image":"a.png"}}]}""", back.ToJson());
        Assert.Equal(back, Delta.FromBytes(back.Bytes));
    }

    [Fact]
    public void The_type_of_an_embed_is_the_first_member_in_the_order_of_JavaScript()
    {
        var document = Delta.ParseJson("""[{"insert":{"b":1,"10":2,"9":3,"09":4}}]""");
        Assert.Equal(
            """{"ops":[{"insert":{"9":0}}]}""",
            document.Compose(Delta.ParseJson("""[{"retain":{"9":0}}]""")).ToJson());
        Assert.Throws<OperationException>(() => document.Compose(Delta.ParseJson("""[{"retain":{"b":0}}]""")));
        Assert.Throws<OperationException>(() => Delta.ParseJson("""[{"insert":{"b":1,"c":2,"b":3}}]"""));
    }

    [Fact]
    public void Concurrent_changes_lead_to_one_document_in_either_order() =>
        Gen.ULong[0, SeededRandom.Seeds - 1].Sample(
            seed =>
            {
                var make = new RandomDeltas(new SeededRandom(seed), handled: true);
                var document = make.Document(6);
                var (a, b) = (make.Operation(document), make.Operation(document));
                Assert.Equal(
                    document.Compose(a).Compose(b.Transform(a, Side.Right)),
                    document.Compose(b).Compose(a.Transform(b, Side.Left)));
                Assert.Equal(document, document.Compose(a).Compose(a.Invert(document)));
                var next = make.Operation(document.Compose(a));
                Assert.Equal(document.Compose(a).Compose(next), document.Compose(a.Compose(next)));
            },
            iter: 5_000);

    private sealed class Adding : EmbedHandler
    {
        public override JsonNode? Compose(JsonNode? first, JsonNode? second, bool keepNull) =>
            first!.GetValue<int>() + second!.GetValue<int>();

        public override JsonNode? Transform(JsonNode? over, JsonNode? change, Side side) => change;

        public override JsonNode? Invert(JsonNode? change, JsonNode? before) => -change!.GetValue<int>();
    }

    private sealed class Failing : EmbedHandler
    {
        public override JsonNode? Compose(JsonNode? first, JsonNode? second, bool keepNull) => Fail(second);

        public override JsonNode? Transform(JsonNode? over, JsonNode? change, Side side) => Fail(change);

        public override JsonNode? Invert(JsonNode? change, JsonNode? before) => Fail(change);

        private static JsonNode? Fail(JsonNode? how)
        {
            switch (how!.GetValue<string>())
            {
                case "deep":
                    JsonNode deep = new JsonArray();
                    for (var i = 0; i < 40; i++)
                        deep = new JsonArray(deep);
                    return deep;
                case "not a number":
                    return double.NaN;
                default:
                    throw new InvalidOperationException("The data is not what this expects.");
            }
        }
    }
}
