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

    /// <summary>
    /// Bytes of text, attributes and embeds as they stand in memory: no stretch of text has its attributes counted less
    /// often than a snapshot repeats them, and one that is kept in several parts has them counted in each.
    /// </summary>
    public abstract long Bytes { get; }

    /// <summary>Applies an operation in its binary form. When it throws, nothing has changed.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="maxBytes">
    /// How large the operation may make the document, in <see cref="Bytes"/>; what is larger already may be changed as
    /// long as it doesn't grow. It is refused while it is applied, before much more memory than that is taken.
    /// </param>
    /// <exception cref="OperationException">
    /// The operation is malformed, reaches past the end, splits a surrogate pair, isn't allowed by the type, or makes the
    /// document too large.
    /// </exception>
    public abstract void Apply(ReadOnlySpan<byte> operation, long maxBytes = long.MaxValue);

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
