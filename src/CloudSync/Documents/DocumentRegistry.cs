// The documents that are open in this process, as the gateway sees them.

namespace CloudSync.Documents;

/// <summary>Finds or loads the open document for an id, and opens sessions in it.</summary>
internal abstract class DocumentRegistry : IAsyncDisposable
{
    /// <summary>Opens a session. The subscriber may be woken before this returns.</summary>
    /// <exception cref="RefusedException">
    /// No such document, unreadable, too many sessions or documents, version unknown, log unavailable, shutting down.
    /// </exception>
    public abstract ValueTask<DocumentSession> OpenAsync(
        string documentId, SessionRequest request, IDocumentSubscriber subscriber, CancellationToken cancellationToken);

    /// <summary>Whether a document needn't be read from the log to be opened; a guess, which may be late.</summary>
    public abstract bool IsInMemory(string documentId);

    /// <summary>
    /// Takes no further operations and commits what was taken. Sessions can still be read to the end.
    /// </summary>
    public abstract Task DrainAsync(CancellationToken cancellationToken);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
