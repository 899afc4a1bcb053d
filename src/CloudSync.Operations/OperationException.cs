// The named ways in which an operation can be wrong.

namespace CloudSync.Operations;

/// <summary>What was wrong with an operation or a snapshot.</summary>
public enum OperationError
{
    /// <summary>
    /// The bytes or the JSON are not an operation; or it changes an embed where there is none of that type; or it would
    /// give one place more attributes than a document takes.
    /// </summary>
    Malformed,

    /// <summary>It reaches past the end of the document.</summary>
    OutOfRange,

    /// <summary>It would leave half a surrogate pair behind.</summary>
    SplitsSurrogatePair,

    /// <summary>It uses what the document's type doesn't have: attributes or embeds in plain text.</summary>
    NotAllowedByType,

    /// <summary>It would make the document larger than the bytes that it was given.</summary>
    TooLarge,
}

/// <summary>An operation was refused. It has changed nothing.</summary>
public sealed class OperationException : Exception
{
    /// <summary>Creates the exception; the message says what was wrong and what is allowed.</summary>
    public OperationException(OperationError error, string message) : base(message) => Error = error;

    /// <summary>What was wrong.</summary>
    public OperationError Error { get; }
}
