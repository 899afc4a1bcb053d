// The named ways in which the log can fail.

namespace CloudSync.Log;

/// <summary>There is, or was, a document of that id.</summary>
public sealed class DocumentExistsException : Exception
{
    /// <summary>Names the document.</summary>
    public DocumentExistsException(string documentId)
        : base($"There is, or was, a document '{documentId}'. Choose another id.") => DocumentId = documentId;

    /// <summary>The id that is taken.</summary>
    public string DocumentId { get; }
}

/// <summary>The log can't be reached, read or written just now. It may pass.</summary>
public sealed class LogUnavailableException : Exception
{
    /// <summary>Says which part and why, in one line for an operator.</summary>
    public LogUnavailableException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}

/// <summary>
/// The log can't be opened or used, and trying again won't help: it is corrupt, read-only, or from a newer version.
/// </summary>
public sealed class LogUnusableException : Exception
{
    /// <summary>Says which file or server, and what to do, in one line for an operator.</summary>
    public LogUnusableException(string message, Exception? inner = null) : base(message, inner)
    {
    }

    /// <summary>The document whose own data is damaged, while the log is in order otherwise; null if it is the log.</summary>
    public string? DocumentId { get; init; }
}
