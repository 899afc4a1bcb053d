// The content of a text document. (First form: one immutable snapshot.)

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class RichTextState(RichTextType type) : DocumentState
{
    private byte[] _snapshot = [];
    private int _length;

    public override DocumentType Type => type;

    public override int Length => _length;

    public static RichTextState Decode(RichTextType type, ReadOnlySpan<byte> snapshot)
    {
        var measure = type.Measure(snapshot);
        for (var reader = new ComponentReader(snapshot); !reader.Ended; reader.MoveNext())
        {
            if (!reader.IsInsert)
                throw ComponentReader.Malformed("a snapshot holds nothing but inserts");
        }

        var state = new RichTextState(type);
        if (measure.LengthChange > 0)
            state.Apply(snapshot);
        return state;
    }

    public override void Apply(ReadOnlySpan<byte> operation)
    {
        var measure = Check(operation);
        var output = new ArrayBufferWriter<byte>();
        Composition.Compose(_snapshot, operation, output);
        _snapshot = output.WrittenSpan.ToArray();
        _length += measure.LengthChange;
    }

    public override DocumentState Fork() => new RichTextState(type) { _snapshot = _snapshot, _length = _length };

    public override void EncodeSnapshot(IBufferWriter<byte> output) => output.Write(_snapshot);

    public override void Invert(ReadOnlySpan<byte> operation, IBufferWriter<byte> output)
    {
        Check(operation);
        Inversion.Invert(operation, _snapshot, output);
    }

    private OperationMeasure Check(ReadOnlySpan<byte> operation)
    {
        var measure = type.Measure(operation);
        if (measure.RequiredLength > _length)
        {
            throw new OperationException(
                OperationError.OutOfRange,
                $"The operation needs a document of at least {measure.RequiredLength} code units; this one has {_length}.");
        }

        if ((long)_length + measure.LengthChange > int.MaxValue)
            throw new OperationException(OperationError.OutOfRange, "The document would grow longer than 2,147,483,647.");
        return measure;
    }
}
