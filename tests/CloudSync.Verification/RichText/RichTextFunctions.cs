// The functions on rich text: the binary ones, which the server uses, and Delta's, which must say the same.

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CloudSync.Operations;

namespace CloudSync.Verification.RichText;

internal static class RichTextFunctions
{
    private const int Pieces = 8;

    private static readonly DocumentType s_type = DocumentType.RichText;

    static RichTextFunctions() => VerifiedEmbeds.Register();

    public static IEnumerable<VerifiedFunction> All { get; } =
    [
        new Function("apply", Apply),
        new Function("compose", Compose),
        new Function("transform-left", make => Transform(make, Side.Left)),
        new Function("transform-right", make => Transform(make, Side.Right)),
        new Function("position-left", make => Position(make, Side.Left)),
        new Function("position-right", make => Position(make, Side.Right)),
        new Function("invert", Invert),
    ];

    private static VerifiedCase Apply(RandomDeltas make)
    {
        var document = make.Document(Pieces);
        var operation = make.Operation(document, Pieces, faulty: true);
        return new(Question(("document", document), ("operation", operation)), () =>
        {
            var state = s_type.DecodeSnapshot(document.Bytes.Span);
            state.Apply(operation.Bytes.Span);
            return Both(document.Compose(operation), Written(state.EncodeSnapshot));
        });
    }

    private static VerifiedCase Compose(RandomDeltas make)
    {
        var document = make.Document(Pieces);
        var first = make.Operation(document, Pieces);
        var second = make.Operation(document.Compose(first), Pieces, faulty: true);
        return new(Question(("first", first), ("second", second)), () => Both(
            first.Compose(second), Written(output => s_type.Compose(first.Bytes.Span, second.Bytes.Span, output))));
    }

    private static VerifiedCase Transform(RandomDeltas make, Side side)
    {
        var document = make.Document(Pieces);
        var operation = make.Operation(document, Pieces);
        var over = make.Operation(document, Pieces);
        return new(Question(("operation", operation), ("over", over)), () => Both(
            operation.Transform(over, side),
            Written(output => s_type.Transform(operation.Bytes.Span, over.Bytes.Span, side, output))));
    }

    private static VerifiedCase Position(RandomDeltas make, Side side)
    {
        var document = make.Document(Pieces);
        var over = make.Operation(document, Pieces);
        var position = make.Next(document.Components.Sum(c => c.Length) + 3);
        return new(Question(position, ("over", over)), () =>
        {
            var ours = over.TransformPosition(position, side);
            return s_type.TransformPosition(position, over.Bytes.Span, side) == ours
                ? Answer.Of(ours.ToString(CultureInfo.InvariantCulture))
                : Answer.Wrong("the type moves the position otherwise than the delta");
        });
    }

    private static VerifiedCase Invert(RandomDeltas make)
    {
        var document = make.Document(Pieces);
        var operation = make.Operation(document, Pieces, faulty: true);
        return new(Question(("document", document), ("operation", operation)), () => Both(
            operation.Invert(document),
            Written(output => s_type.DecodeSnapshot(document.Bytes.Span).Invert(operation.Bytes.Span, output))));
    }

    // The binary form may leave an insert behind a delete, where a delta has it before: equal is what does the same.
    private static Answer Both(Delta delta, ReadOnlyMemory<byte> binary)
    {
        var decoded = Delta.FromBytes(binary);
        return decoded.Equals(delta)
            ? Answer.Of(Written(delta.WriteJson))
            : Answer.Wrong($"the binary form gives {decoded}, and Delta {delta}");
    }

    private static ReadOnlyMemory<byte> Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> Question(params ReadOnlySpan<(string Name, Delta Delta)> deltas) =>
        Question(null, deltas);

    private static ReadOnlyMemory<byte> Question(int? position, params ReadOnlySpan<(string Name, Delta Delta)> deltas)
    {
        var output = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        foreach (var (name, delta) in deltas)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(Encoding.UTF8.GetBytes(delta.ToJson()), skipInputValidation: true);
        }

        if (position is { } number)
            json.WriteNumber("position", number);
        json.WriteEndObject();
        json.Flush();
        return output.WrittenMemory;
    }

    private sealed class Function(string name, Func<RandomDeltas, VerifiedCase> make)
        : VerifiedFunction($"rich-text.{name}")
    {
        public override VerifiedCase Make(SeededRandom random) => make(new RandomDeltas(random, odd: true, handled: true));
    }
}
