// New attributes for runs, in the course of one format.

namespace CloudSync.Operations;

/// <summary>
/// Composes one change of attributes onto many runs. Runs that shared their attributes share the result, so that
/// formatting a thousand runs doesn't make a thousand copies.
/// </summary>
internal ref struct RopeFormat(ReadOnlySpan<byte> change)
{
    private readonly ReadOnlySpan<byte> _change = change;
    private bool _any;
    private byte[]? _before;
    private byte[]? _after;

    /// <summary>The most bytes that one result had.</summary>
    public int LargestBytes { get; private set; }

    /// <exception cref="OperationException">The result is larger than attributes may be.</exception>
    public byte[]? Of(byte[]? before)
    {
        if (_change.IsEmpty)
            return before;
        if (_any && ReferenceEquals(before, _before))
            return _after;

        var scratch = new ByteBuffer(stackalloc byte[ByteBuffer.StackBytes]);
        try
        {
            var after = AttributeSet.Compose(before, _change, keepNulls: false, ref scratch);
            AttributeSet.CheckSize(after);
            LargestBytes = Math.Max(LargestBytes, after.Length);
            _after = after.IsEmpty ? null : after.SequenceEqual(before) ? before : after.ToArray();
            _before = before;
            _any = true;
            return _after;
        }
        finally
        {
            scratch.Dispose();
        }
    }
}
