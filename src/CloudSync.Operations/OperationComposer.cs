// Composes a long run of operations into one, as they come.

using System.Buffers;

namespace CloudSync.Operations;

/// <summary>
/// Composes a run of operations into one that does what they do in turn. Not thread-safe; may be used again after
/// <see cref="Finish"/>.
/// </summary>
/// <remarks>
/// Composing a keystroke with everything before it would copy everything for each keystroke. So what came is kept as a
/// stack of operations, each larger than those above it together: a keystroke is composed with few small ones, and takes
/// part in a number of compositions that grows with the logarithm of the run. Its buffers are used again.
/// </remarks>
public sealed class OperationComposer
{
    // An operation below another one stays apart from it as long as it is more than so many times as large.
    private const int Ratio = 2;

    private readonly DocumentType _type;
    private readonly List<ArrayBufferWriter<byte>> _stack = [];
    private readonly Stack<ArrayBufferWriter<byte>> _free = [];

    /// <summary>Creates an empty one for operations of a type.</summary>
    public OperationComposer(DocumentType type)
    {
        ArgumentNullException.ThrowIfNull(type);
        _type = type;
    }

    /// <summary>How many operations were added since the last <see cref="Finish"/>.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the operation that comes next.</summary>
    /// <exception cref="OperationException">
    /// An operation can't follow those before it. It may show here, with a later operation, or in <see cref="Finish"/>;
    /// the composer must not be used any more.
    /// </exception>
    public void Add(ReadOnlySpan<byte> operation)
    {
        var added = Take();
        if (_stack.Count > 0 && _stack[^1].WrittenCount <= Ratio * operation.Length)
            ComposeTop(operation, added);
        else
            added.Write(operation);
        _stack.Add(added);
        Count++;
        while (_stack.Count > 1 && _stack[^2].WrittenCount <= Ratio * _stack[^1].WrittenCount)
            ComposeTopTwo();
    }

    /// <summary>Writes the composition of all that was added, and begins anew.</summary>
    /// <exception cref="OperationException">As in <see cref="Add"/>.</exception>
    public void Finish(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        while (_stack.Count > 1)
            ComposeTopTwo();
        if (_stack.Count == 1)
        {
            output.Write(_stack[0].WrittenSpan);
            GiveBack(_stack[0]);
            _stack.Clear();
        }

        Count = 0;
    }

    private void ComposeTop(ReadOnlySpan<byte> operation, ArrayBufferWriter<byte> output)
    {
        _type.Compose(_stack[^1].WrittenSpan, operation, output);
        GiveBack(_stack[^1]);
        _stack.RemoveAt(_stack.Count - 1);
    }

    private void ComposeTopTwo()
    {
        var last = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        var composed = Take();
        ComposeTop(last.WrittenSpan, composed);
        GiveBack(last);
        _stack.Add(composed);
    }

    private ArrayBufferWriter<byte> Take() => _free.TryPop(out var buffer) ? buffer : new ArrayBufferWriter<byte>(64);

    private void GiveBack(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        _free.Push(buffer);
    }
}
