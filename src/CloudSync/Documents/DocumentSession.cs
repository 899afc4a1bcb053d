// One client's use of one open document: what it submits, and a cursor into what was committed.
//
// A session is read, not written to. It holds the version its client has reached and nothing that waits for it: what is
// to be sent is copied, when the connection can take it, from the document's recent batches, which are encoded once for
// everybody. So a reader that keeps up gets each batch at once, one that doesn't gets many gathered into one frame, one
// that falls far behind is caught up from the log, and none of them makes memory grow.

using System.Buffers;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

/// <summary>What a gateway's connection implements to hear from its sessions.</summary>
internal interface IDocumentSubscriber
{
    /// <summary>
    /// There may be something to read from the session. Called by the document's worker: must not block, throw, or read
    /// from inside the call. Calls may be more than needed, but after the last change there is always one more.
    /// </summary>
    void Wake(DocumentSession session);
}

/// <summary>What a client that opens a document brings.</summary>
/// <param name="ClientId">From its Hello; not 0.</param>
/// <param name="User">Who it is; also the author of its operations.</param>
/// <param name="FromVersion">The version it already has, or null if it wants a snapshot.</param>
internal sealed record SessionRequest(ulong ClientId, User User, long? FromVersion);

/// <summary>How a session ended.</summary>
internal enum SessionEnd
{
    /// <summary>The client has closed it: it has left.</summary>
    Closed,

    /// <summary>Its connection was lost: the client most likely comes back.</summary>
    Lost,
}

/// <summary>How reading from a session ended.</summary>
internal enum SessionRead
{
    /// <summary>Everything there is was written. The next Wake announces more.</summary>
    UpToDate,

    /// <summary>The byte limit was reached; there is more at once.</summary>
    More,

    /// <summary>What comes next has to be read from the log: call <see cref="DocumentSession.CatchUpAsync"/>.</summary>
    Behind,

    /// <summary>
    /// The session has ended by itself (deleted, dropped); a Closed message was written. Dispose it.
    /// </summary>
    Ended,
}

/// <summary>
/// One client's use of one document. Read, CatchUpAsync and Dispose are called by one thread at a time (the connection's
/// flush); Submit and SetPresence by one thread at a time (its receive loop); the two may run side by side.
/// </summary>
internal abstract class DocumentSession : IDisposable
{
    /// <summary>The document.</summary>
    public abstract string DocumentId { get; }

    /// <summary>
    /// Takes an operation. Never blocks and never throws for bad input: the answer (the Committed message that holds the
    /// operation, an Ack, or an Error with the sequence number) comes out of <see cref="Read"/>.
    /// </summary>
    /// <param name="baseVersion">The version it was made on.</param>
    /// <param name="clientSequence">Its number.</param>
    /// <param name="operation">Its binary form; copied.</param>
    public abstract void Submit(long baseVersion, ulong clientSequence, ReadOnlySpan<byte> operation);

    /// <summary>Replaces what this session shows the others. Errors come out of <see cref="Read"/>.</summary>
    public abstract void SetPresence(SetPresence presence);

    /// <summary>
    /// The Opened message, if it is that large and has not been read: a chunk of a ServerFrame whose bytes many sessions
    /// share and nobody changes. <see cref="Read"/> then goes on after it. Empty if there is none such; called as Read is.
    /// </summary>
    /// <param name="leastBytes">A smaller one is left for Read to copy; at least 1.</param>
    public virtual ReadOnlyMemory<byte> TakeOpened(int leastBytes) => default;

    /// <summary>
    /// Writes what the client has not been sent yet: chunks of a ServerFrame (field 1, repeated), the first of all being
    /// the Opened message. Stops after the message with which <paramref name="byteLimit"/> is reached.
    /// </summary>
    public abstract SessionRead Read(IBufferWriter<byte> output, int byteLimit);

    /// <summary>Like <see cref="Read"/>, for what is no longer in memory: a run of versions from the log, composed.</summary>
    public abstract ValueTask<SessionRead> CatchUpAsync(
        IBufferWriter<byte> output, int byteLimit, CancellationToken cancellationToken);

    /// <summary>
    /// Ends the session, as the client wished: presence is withdrawn, nothing more is woken. What was submitted is still
    /// committed.
    /// </summary>
    public abstract void Dispose();

    /// <summary>
    /// Ends the session, whose connection was lost: like <see cref="Dispose"/>, but presence stays for
    /// <see cref="CloudSyncOptions.ResumeWindow"/>, or until the client is back.
    /// </summary>
    public abstract void Lose();
}
