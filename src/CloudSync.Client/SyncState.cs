// What a client, or one of its documents, can say about its connection.

namespace CloudSync.Client;

/// <summary>How things stand between a client, or one of its documents, and the server.</summary>
public enum SyncStateKind
{
    /// <summary>A connection, or the document on it, is being opened.</summary>
    Connecting,

    /// <summary>Edits travel both ways.</summary>
    Live,

    /// <summary>There is no connection; edits are kept, and another attempt will follow.</summary>
    Offline,

    /// <summary>The server said no, and will again: nothing more is tried.</summary>
    Refused,

    /// <summary>Closed by the application.</summary>
    Closed,
}

/// <summary>How things stand.</summary>
/// <param name="Kind">In one word.</param>
/// <param name="Unsaved">Edits of the user that the server has not acknowledged.</param>
/// <param name="RetryIn">When offline: how long, counted from the change to this state, until the next attempt.</param>
/// <param name="Reason">When refused: why.</param>
public sealed record SyncState(SyncStateKind Kind, int Unsaved = 0, TimeSpan? RetryIn = null, Refusal? Reason = null);
