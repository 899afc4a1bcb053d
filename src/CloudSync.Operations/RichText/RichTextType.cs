// Rich text as a document type. (Skeleton: replaced by the engine.)
using System.Buffers;

namespace CloudSync.Operations;

internal sealed class RichTextType(bool plain) : DocumentType
{
    public override string Name => plain ? "text" : "rich-text";
    public override DocumentState CreateEmpty() => throw new NotImplementedException();
    public override DocumentState DecodeSnapshot(ReadOnlySpan<byte> snapshot) => throw new NotImplementedException();
    public override OperationMeasure Measure(ReadOnlySpan<byte> operation) => throw new NotImplementedException();
    public override void Transform(ReadOnlySpan<byte> operation, ReadOnlySpan<byte> over, Side side, IBufferWriter<byte> output) => throw new NotImplementedException();
    public override void Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, IBufferWriter<byte> output) => throw new NotImplementedException();
    public override int TransformPosition(int position, ReadOnlySpan<byte> over, Side side) => throw new NotImplementedException();
}
