// The content of one document at one version, as it is kept in memory.

using System.Buffers;

namespace CloudSync.Operations;

/// <summary>
/// The content of a document. Mutable, for one writer at a time; <see cref="Fork"/> gives another thread its own.
/// </summary>
public abstract class DocumentState
{
    /// <summary>The type whose operations it takes.</summary>
    public abstract DocumentType Type { get; }

    /// <summary>UTF-16 code units, an embed counting as one.</summary>
    public abstract int Length { get; }

    /// <summary>Applies an operation in its binary form. When it throws, nothing has changed.</summary>
    /// <exception cref="OperationException">
    /// The operation is malformed, reaches past the end, splits a surrogate pair, or isn't allowed by the type.
    /// </exception>
    public abstract void Apply(ReadOnlySpan<byte> operation);

    /// <summary>
    /// An independent copy in O(1): both share their structure until one of them changes. The caller must be the
    /// writer; what it gets may be used by one other thread while this one goes on writing.
    /// </summary>
    public abstract DocumentState Fork();

    /// <summary>Writes the content in the form of an operation that creates it from nothing.</summary>
    public abstract void EncodeSnapshot(IBufferWriter<byte> output);

    /// <summary>Writes the operation that takes <paramref name="operation"/> back, this being the state before it.</summary>
    public abstract void Invert(ReadOnlySpan<byte> operation, IBufferWriter<byte> output);
}
