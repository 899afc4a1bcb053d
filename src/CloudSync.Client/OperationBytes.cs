// The functions of a document's type over arrays of their own. Operations that do nothing stay as they are: no
// bytes, or, in JSON, an empty list.

using System.Buffers;
using System.Text;
using CloudSync.Operations;

namespace CloudSync.Client;

internal static class OperationBytes
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _scratch;

    /// <summary>Whether an operation does nothing.</summary>
    public static bool IsNothing(this ReadOnlyMemory<byte> operation) =>
        operation.IsEmpty || operation.Span.SequenceEqual("[]"u8);

    public static ReadOnlyMemory<byte> Transform(
        this DocumentType type, ReadOnlyMemory<byte> operation, ReadOnlyMemory<byte> over, Side side)
    {
        // Over nothing too: it comes out in canonical form, as it does on the server, and is compared with what that committed.
        if (operation.IsNothing())
            return operation;
        var output = Scratch();
        type.Transform(operation.Span, over.Span, side, output);
        return output.WrittenSpan.ToArray();
    }

    public static ReadOnlyMemory<byte> Compose(
        this DocumentType type, ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (first.IsNothing() || second.IsNothing())
            return first.IsNothing() ? second : first;
        var output = Scratch();
        type.Compose(first.Span, second.Span, output);
        return output.WrittenSpan.ToArray();
    }

    public static ReadOnlyMemory<byte> Invert(this DocumentState state, ReadOnlyMemory<byte> operation)
    {
        if (operation.IsNothing())
            return operation;
        var output = Scratch();
        state.Invert(operation.Span, output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The text of a JSON document's operation; null for another's.</summary>
    public static string? ToJson(DocumentType type, ReadOnlyMemory<byte> operation) =>
        type != DocumentType.Json ? null : operation.IsEmpty ? "[]" : Encoding.UTF8.GetString(operation.Span);

    // What was large once must not stay.
    private static ArrayBufferWriter<byte> Scratch()
    {
        if (_scratch is not { Capacity: <= 1 << 20 })
            _scratch = new();
        _scratch.ResetWrittenCount();
        return _scratch;
    }
}
