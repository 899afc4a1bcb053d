// What the tests of JSON have in common.

using System.Buffers;
using System.Text;
using CloudSync.Verification;
using CloudSync.Verification.Json;
using CsCheck;
using Xunit;

namespace CloudSync.Operations.Tests.Json;

internal static class JsonCases
{
    private static readonly DocumentType s_json = DocumentType.Json;

    /// <summary>A generator of generators: each case has its own seed, which CsCheck shrinks and prints.</summary>
    public static Gen<RandomJson> Gen(bool tame = true) =>
        CsCheck.Gen.ULong[0, SeededRandom.Seeds - 1].Select(seed => new RandomJson(new SeededRandom(seed), tame));

    public static byte[] Utf8(string json) => Encoding.UTF8.GetBytes(json);

    public static DocumentState State(string json) => s_json.DecodeSnapshot(Utf8(json));

    public static string Snapshot(DocumentState state) => Text(state.EncodeSnapshot);

    /// <summary>A document after operations in turn.</summary>
    public static string Applied(string document, params ReadOnlySpan<string> operations)
    {
        var state = State(document);
        foreach (var operation in operations)
            state.Apply(Utf8(operation));
        return Snapshot(state);
    }

    public static string Transformed(string operation, string over, Side side) =>
        Text(output => s_json.Transform(Utf8(operation), Utf8(over), side, output));

    public static string Composed(string first, string second) =>
        Text(output => s_json.Compose(Utf8(first), Utf8(second), output));

    public static string Inverted(string document, string operation) =>
        Text(output => State(document).Invert(Utf8(operation), output));

    /// <summary>What an action is refused with.</summary>
    public static OperationError Refusal(Action action) => Assert.Throws<OperationException>(action).Error;

    private static string Text(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
