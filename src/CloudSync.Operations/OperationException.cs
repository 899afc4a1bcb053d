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

    /// <summary>
    /// JSON: something else stands where the operation leads, or nothing; or it would leave what isn't JSON; or two
    /// operations can't have been made on one document.
    /// </summary>
    DoesNotFit,

    /// <summary>JSON: lists and objects stand deeper in each other than is allowed, or a path is longer.</summary>
    TooDeep,

    /// <summary>JSON: the operation has more components than are allowed.</summary>
    TooManyComponents,

    /// <summary>JSON: transforming one operation over another would have to look at more pairs than are allowed.</summary>
    TooMuchWork,
}

/// <summary>An operation was refused. It has changed nothing.</summary>
public sealed class OperationException : Exception
{
    /// <summary>Creates the exception; the message says what was wrong and what is allowed.</summary>
    public OperationException(OperationError error, string message) : base(message) => Error = error;

    /// <summary>What was wrong.</summary>
    public OperationError Error { get; }
}
