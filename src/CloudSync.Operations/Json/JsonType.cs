// JSON as a document type: json0 as the npm package ot-json0 has it, with the subtypes text0 and rich-text.

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class JsonType : DocumentType
{
    public override string Name => "json";

    public override DocumentState CreateEmpty() => new JsonState();

    public override DocumentState DecodeSnapshot(ReadOnlySpan<byte> snapshot) => JsonState.Decode(snapshot);

    public override bool HasPositions => false;

    public override void EncodeCreation(ReadOnlySpan<byte> snapshot, IBufferWriter<byte> output)
    {
        output.Write("""[{"p":[],"oi":"""u8);
        output.Write(snapshot);
        output.Write("}]"u8);
    }

    // Components that are long count as several: so they are weighed by the server.
    public override OperationMeasure Measure(ReadOnlySpan<byte> operation)
    {
        var components = JsonOperation.Read(operation);
        var weight = components.Count + JsonWork.Excess(components);
        if (components.Count > 1)
            JsonComposition.CheckWork(components);
        return new(0, 0, (int)Math.Min(int.MaxValue, weight));
    }

    public override void Transform(
        ReadOnlySpan<byte> operation, ReadOnlySpan<byte> over, Side side, IBufferWriter<byte> output) =>
        JsonOperation.Write(
            JsonTransformation.Transform(JsonOperation.Read(operation), JsonOperation.Read(over), side), output);

    public override void Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, IBufferWriter<byte> output) =>
        JsonOperation.Write(
            JsonComposition.Compose(JsonOperation.Read(first), JsonOperation.Read(second)), output);

    public override int TransformPosition(int position, ReadOnlySpan<byte> over, Side side) => position;
}
