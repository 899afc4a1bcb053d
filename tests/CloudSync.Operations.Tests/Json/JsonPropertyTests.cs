// What must hold for all JSON operations, tried on random ones.

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Verification.Json;
using CsCheck;
using Xunit;
using static CloudSync.Operations.Tests.Json.JsonCases;

namespace CloudSync.Operations.Tests.Json;

public sealed class JsonPropertyTests
{
    private const int Cases = 3_000;

    /// <summary>docs/json.md says where json0 doesn't keep this; the generator leaves that out.</summary>
    [Fact]
    public void Two_concurrent_operations_lead_to_one_document_in_either_order() =>
        JsonCases.Gen().Sample(
            make =>
            {
                var document = make.Document();
                var a = RandomJson.Json(make.HonestOperation(document));
                var b = RandomJson.Json(make.HonestOperation(document));
                var before = RandomJson.Json(document);
                Assert.Equal(
                    Applied(before, a, Transformed(b, a, Side.Right)), Applied(before, b, Transformed(a, b, Side.Left)));
            },
            iter: Cases);

    [Fact]
    public void Composing_agrees_with_applying_in_turn() =>
        JsonCases.Gen().Sample(
            make =>
            {
                var document = make.Document();
                var first = make.HonestOperation(document);
                var second = make.HonestOperation(RandomJson.After(document, first));
                var (a, b) = (RandomJson.Json(first), RandomJson.Json(second));
                var before = RandomJson.Json(document);
                Assert.Equal(Applied(before, a, b), Applied(before, Composed(a, b)));
            },
            iter: Cases);

    /// <summary>Also of an operation that doesn't tell the truth of what it deletes.</summary>
    [Fact]
    public void Taking_back_whatever_was_applied_restores_the_document() =>
        JsonCases.Gen().Sample(
            make =>
            {
                var document = make.Document();
                var before = Applied(RandomJson.Json(document));
                var any = make.AnyOperation(document);
                // Doubles round: -2 + 1e17 - 1e17 is 0 (docs/json.md).
                if (AddsInexactly(any))
                    return;
                var operation = RandomJson.Json(any);
                Try(() => Assert.Equal(before, Applied(Applied(before, operation), Inverted(before, operation))));
            },
            iter: Cases);

    [Fact]
    public void Encoding_and_decoding_is_identity_and_equal_content_is_equal_bytes() =>
        JsonCases.Gen(tame: false).Sample(
            make =>
            {
                var once = Applied(RandomJson.Json(make.Document()));
                Assert.Equal(once, Applied(once));
                Assert.True(JsonNode.DeepEquals(
                    JsonNode.Parse(once), JsonNode.Parse(Applied(once))));
            },
            iter: Cases);

    [Fact]
    public void A_fork_and_what_it_came_from_change_apart() =>
        JsonCases.Gen(tame: false).Sample(
            make =>
            {
                var document = make.Document();
                var state = State(RandomJson.Json(document));
                var before = Snapshot(state);
                var kept = state.Fork();
                var other = state.Fork();
                Try(() => state.Apply(RandomJson.Bytes(make.AnyOperation(document))));
                var one = Snapshot(state);
                Try(() => other.Apply(RandomJson.Bytes(make.AnyOperation(document))));
                Assert.Equal(before, Snapshot(kept));
                Assert.Equal(one, Snapshot(state));
                Assert.Equal(State(Snapshot(other)).Bytes, other.Bytes);
            },
            iter: Cases);

    [Fact]
    public void A_state_counts_its_bytes_as_if_it_were_read_anew() =>
        JsonCases.Gen(tame: false).Sample(
            make =>
            {
                var document = make.Document();
                var state = State(RandomJson.Json(document));
                for (var i = 0; i < 5; i++)
                {
                    Try(() => state.Apply(RandomJson.Bytes(make.AnyOperation(document))));
                    Assert.Equal(State(Snapshot(state)).Bytes, state.Bytes);
                }
            },
            iter: Cases);

    [Fact]
    public void Any_bytes_are_an_operation_and_a_document_or_refused() =>
        CsCheck.Gen.OneOf(
            CsCheck.Gen.Byte.Array[0, 40],
            CsCheck.Gen.Select(JsonCases.Gen(tame: false), CsCheck.Gen.Int[0, 1000], CsCheck.Gen.Byte, (make, at, value) =>
            {
                var bytes = RandomJson.Bytes(make.AnyOperation(make.Document()));
                bytes[at % bytes.Length] = value;
                return bytes;
            })).Sample(
            bytes =>
            {
                var valid = Utf8("""[{"p":["a",1],"lm":0},{"p":["t",2],"si":"😀"},{"p":["r"],"t":"rich-text","o":[{"insert":"x"}]}]""");
                var output = new System.Buffers.ArrayBufferWriter<byte>();
                var type = DocumentType.Json;
                Try(() => type.Measure(bytes));
                Try(() => type.DecodeSnapshot(bytes));
                Try(() => State("""{"a":[1,2],"t":"abc","r":{"ops":[]}}""").Apply(bytes));
                Try(() => State("""{"a":[1,2],"t":"abc","r":{"ops":[]}}""").Invert(bytes, output));
                Assert.Equal(3, type.TransformPosition(3, bytes, Side.Right));
                Try(() => type.Transform(bytes, valid, Side.Left, output));
                Try(() => type.Transform(valid, bytes, Side.Right, output));
                Try(() => type.Transform(bytes, bytes, Side.Right, output));
                Try(() => type.Compose(bytes, valid, output));
                Try(() => type.Compose(valid, bytes, output));
                Try(() => type.Compose(bytes, bytes, output));
            },
            iter: 10_000);

    private static bool AddsInexactly(JsonNode? operation) =>
        operation is JsonArray components && components.Any(component =>
            component is JsonObject members && members["na"] is { } amount
            && amount.GetValueKind() == System.Text.Json.JsonValueKind.Number
            && double.Parse(amount.ToJsonString(), CultureInfo.InvariantCulture) is var number
            && (Math.Abs(number) >= 1L << 50 || number != Math.Floor(number)));

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (OperationException)
        {
        }
    }
}
