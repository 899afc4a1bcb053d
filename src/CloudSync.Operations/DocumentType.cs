// What every kind of document has in common: the functions that the server, the clients and the tools need to merge
// edits, over the binary form of operations. The document layer knows no more of rich text or JSON than this.

using System.Buffers;

namespace CloudSync.Operations;

/// <summary>
/// A kind of document: how its operations are checked, merged and applied.
/// </summary>
/// <remarks>
/// Operations are passed in their binary form (docs/operations.md), which is at once what crosses the wire, what the log
/// holds and what is merged: nothing is decoded into objects on the way. Every function is pure, thread-safe, and leaves
/// its output untouched when it throws.
/// </remarks>
public abstract class DocumentType
{
    /// <summary>Rich text: Quill Delta semantics, attributes and embeds included. Named "rich-text".</summary>
    public static DocumentType RichText { get; } = new RichTextType(plain: false);

    /// <summary>Plain text: rich text without attributes and embeds. Named "text".</summary>
    public static DocumentType Text { get; } = new RichTextType(plain: true);

    /// <summary>JSON: json0 semantics, text0 and rich-text as embedded subtypes. Named "json".</summary>
    public static DocumentType Json { get; } = new JsonType();

    /// <summary>The name in the protocol, the log and the REST interface.</summary>
    public abstract string Name { get; }

    /// <summary>Finds a type by its name; null if there is none.</summary>
    public static DocumentType? Find(string name) => name switch
    {
        "rich-text" => RichText,
        "text" => Text,
        "json" => Json,
        _ => null,
    };

    /// <summary>Whether there are positions in a document, for selections: in text there are, in JSON there are not.</summary>
    public virtual bool HasPositions => true;

    /// <summary>The state of a document at version 0.</summary>
    public abstract DocumentState CreateEmpty();

    /// <summary>Decodes what <see cref="DocumentState.EncodeSnapshot"/> wrote.</summary>
    /// <exception cref="OperationException">The bytes are not a snapshot of this type.</exception>
    public abstract DocumentState DecodeSnapshot(ReadOnlySpan<byte> snapshot);

    /// <summary>Writes the operation that makes a content out of an empty document.</summary>
    /// <param name="snapshot">The content, as <see cref="DocumentState.EncodeSnapshot"/> writes it.</param>
    /// <param name="output">Receives the operation.</param>
    public virtual void EncodeCreation(ReadOnlySpan<byte> snapshot, IBufferWriter<byte> output) =>
        output.Write(snapshot);

    /// <summary>
    /// Checks that the bytes are one well-formed operation of this type, and measures it.
    /// </summary>
    /// <exception cref="OperationException">
    /// They are not: <see cref="OperationError.Malformed"/> or <see cref="OperationError.NotAllowedByType"/>.
    /// </exception>
    public abstract OperationMeasure Measure(ReadOnlySpan<byte> operation);

    /// <summary>
    /// Rewrites <paramref name="operation"/> so that it can be applied after <paramref name="over"/>, both having been
    /// made on the same version.
    /// </summary>
    /// <param name="operation">The operation to rewrite.</param>
    /// <param name="over">The concurrent operation that is applied first.</param>
    /// <param name="side">
    /// Where <paramref name="operation"/> stands in a tie. <see cref="Side.Right"/> (the server's rule for an operation
    /// over a committed one): the other's insert at the same position comes first, and the other's attribute stays.
    /// </param>
    /// <param name="output">Receives the binary form of the result.</param>
    public abstract void Transform(
        ReadOnlySpan<byte> operation, ReadOnlySpan<byte> over, Side side, IBufferWriter<byte> output);

    /// <summary>Writes one operation that does what <paramref name="first"/> and then <paramref name="second"/> do.</summary>
    /// <remarks>
    /// An insert and a delete at one place keep the order in which they came about (see "Composing and transforming" in
    /// docs/operations.md), so that transforming over the result is transforming over the two in turn.
    /// </remarks>
    public abstract void Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, IBufferWriter<byte> output);

    /// <summary>
    /// Moves a position (UTF-16 code units) past an operation. With <see cref="Side.Right"/> an insert exactly at the
    /// position pushes it to the right; with <see cref="Side.Left"/> it stays.
    /// </summary>
    public abstract int TransformPosition(int position, ReadOnlySpan<byte> over, Side side);
}

/// <summary>Who stands first in a tie between two concurrent operations.</summary>
public enum Side
{
    /// <summary>The operation (or position) that is transformed has priority: it stays left.</summary>
    Left,

    /// <summary>The operation it is transformed over has priority: the transformed one goes right.</summary>
    Right,
}

/// <summary>What can be said of an operation without a document.</summary>
/// <param name="RequiredLength">The least length (UTF-16 code units) a document must have for the operation to fit.</param>
/// <param name="LengthChange">By how much it makes a document longer (or, negative, shorter).</param>
/// <param name="Components">
/// JSON: how many components it has; transforming looks at the product of the two operations'. 0 where the work grows
/// with the sum, as in text.
/// </param>
public readonly record struct OperationMeasure(int RequiredLength, int LengthChange, int Components = 0);
