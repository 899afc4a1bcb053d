// The functions on JSON, in their binary form, which is json0's own JSON.

using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Verification.Json;

internal static class JsonFunctions
{
    private static readonly DocumentType s_type = DocumentType.Json;

    public static IEnumerable<VerifiedFunction> All { get; } =
    [
        new Function("apply", Apply),
        new Function("compose", Compose),
        new Function("transform-left", make => Transform(make, Side.Left)),
        new Function("transform-right", make => Transform(make, Side.Right)),
        new Function("invert", Invert),
    ];

    private static VerifiedCase Apply(RandomJson make)
    {
        var document = make.Document();
        var operation = make.AnyOperation(document);
        return new(Question(("document", document), ("operation", operation)), () =>
        {
            var state = s_type.DecodeSnapshot(RandomJson.Bytes(document));
            var before = Written(state.EncodeSnapshot);
            try
            {
                state.Apply(RandomJson.Bytes(operation));
            }
            catch (OperationException)
            {
                if (!Written(state.EncodeSnapshot).Span.SequenceEqual(before.Span))
                    return Answer.Wrong("a refused operation has changed something");
                throw;
            }

            return Answer.Of(Written(state.EncodeSnapshot));
        });
    }

    private static VerifiedCase Compose(RandomJson make)
    {
        var document = make.Document();
        var first = make.AnyOperation(document);
        var second = make.AnyOperation(RandomJson.After(document, first));
        return new(Question(("first", first), ("second", second)), () => Answer.Of(
            Written(output => s_type.Compose(RandomJson.Bytes(first), RandomJson.Bytes(second), output))));
    }

    private static VerifiedCase Transform(RandomJson make, Side side)
    {
        var document = make.Document();
        var operation = make.AnyOperation(document);
        var over = make.AnyOperation(document);
        return new(Question(("operation", operation), ("over", over)), () => Answer.Of(
            Written(output => s_type.Transform(RandomJson.Bytes(operation), RandomJson.Bytes(over), side, output))));
    }

    private static VerifiedCase Invert(RandomJson make)
    {
        var document = make.Document();
        var operation = make.HonestOperation(document);
        return new(Question(("document", document), ("operation", operation)), () => Answer.Of(
            Written(output => s_type.DecodeSnapshot(RandomJson.Bytes(document)).Invert(RandomJson.Bytes(operation), output))));
    }

    private static ReadOnlyMemory<byte> Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Question(params ReadOnlySpan<(string Name, JsonNode? Json)> parts)
    {
        var question = new StringBuilder("{");
        foreach (var (name, json) in parts)
        {
            question.Append(question.Length > 1 ? ",\"" : "\"").Append(name).Append("\":").Append(RandomJson.Json(json));
        }

        return Encoding.UTF8.GetBytes(question.Append('}').ToString());
    }

    private sealed class Function(string name, Func<RandomJson, VerifiedCase> make) : VerifiedFunction($"json.{name}")
    {
        public override VerifiedCase Make(SeededRandom random) => make(new RandomJson(random));
    }
}
