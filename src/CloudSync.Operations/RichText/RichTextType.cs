// Rich text as a document type, and plain text, which is rich text without attributes and embeds.

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class RichTextType(bool plain) : DocumentType
{
    public override string Name => plain ? "text" : "rich-text";

    /// <summary>Whether attributes and embeds are refused.</summary>
    public bool IsPlain => plain;

    public override DocumentState CreateEmpty() => new RichTextState(this);

    public override DocumentState DecodeSnapshot(ReadOnlySpan<byte> snapshot) => RichTextState.Decode(this, snapshot);

    public override OperationMeasure Measure(ReadOnlySpan<byte> operation) => Canonical.Measure(operation, plain);

    public override void Transform(
        ReadOnlySpan<byte> operation, ReadOnlySpan<byte> over, Side side, IBufferWriter<byte> output) =>
        Transformation.Transform(operation, over, side, output);

    public override void Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, IBufferWriter<byte> output) =>
        Composition.Compose(first, second, keepsOrder: true, output);

    public override int TransformPosition(int position, ReadOnlySpan<byte> over, Side side) =>
        Transformation.TransformPosition(position, over, side);
}
