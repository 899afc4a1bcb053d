// A session in an open document: a cursor into what was committed, and the answers that wait to be read.

using System.Buffers;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed class OpenDocumentSession(
    OpenDocument document, SessionRequest request, IDocumentSubscriber subscriber, long version,
    ReadOnlyMemory<byte> opened)
    : DocumentSession
{
    public override string DocumentId => document.Id;

    public ulong ClientId { get; } = request.ClientId;

    /// <summary>Who it is. Its id, the author of what it submits, never changes.</summary>
    public User User { get; private set; } = request.User;

    public IDocumentSubscriber Subscriber { get; } = subscriber;

    /// <summary>Its place among the document's sessions; -1 once it left. Guarded by the document's gate.</summary>
    public int Index { get; set; } = -1;

    /// <summary>When it was opened.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>The version its client has been sent. The reader's own.</summary>
    public long Version { get; set; } = version;

    /// <summary>The Opened message, until it was read; empty then. With a snapshot it is shared by all who join at about this time.</summary>
    public ReadOnlyMemory<byte> Opened { get; set; } = opened;

    /// <summary>How much of the document's presence its client has been sent.</summary>
    public long PresenceCursor { get; set; }

    /// <summary>How many of the document's renames its client has been told.</summary>
    public int Renames { get; set; }

    /// <summary>Answers that wait to be read; null while there are none. Guarded by the document's gate.</summary>
    public List<byte[]>? Answers { get; set; }

    /// <summary>Operations submitted and not yet answered. Guarded by the document's gate.</summary>
    public int Pending { get; set; }

    public override void Submit(long baseVersion, ulong clientSequence, ReadOnlySpan<byte> operation) =>
        document.SubmitFrom(this, baseVersion, clientSequence, operation);

    public override void SetPresence(SetPresence presence) => document.SetPresence(this, presence);

    public override ReadOnlyMemory<byte> TakeOpened(int leastBytes)
    {
        var opened = Opened;
        if (opened.Length < leastBytes)
            return default;
        Opened = default;
        return opened;
    }

    public override SessionRead Read(IBufferWriter<byte> output, int byteLimit) => document.Read(this, output, byteLimit);

    public override ValueTask<SessionRead> CatchUpAsync(
        IBufferWriter<byte> output, int byteLimit, CancellationToken cancellationToken) =>
        document.CatchUpAsync(this, output, byteLimit, cancellationToken);

    /// <summary>Another name or colour from now on.</summary>
    public void Show(User user) => User = new User { Id = User.Id, Name = user.Name, Color = user.Color };

    public override void Dispose() => document.RemoveSession(this, SessionEnd.Closed);

    public override void Lose() => document.RemoveSession(this, SessionEnd.Lost);
}

/// <summary>An operation that a session submitted; the answer goes where the session is read.</summary>
internal sealed class SessionSubmission(
    OpenDocument document, OpenDocumentSession session, long baseVersion, ulong clientSequence, byte[] operation)
    : Submission(session.ClientId, clientSequence, baseVersion, session.User.Id, operation)
{
    // The Committed message that every session is sent is the answer.
    public override void OnCommitted(in LoggedOperation operation) => document.Answer(session, null);

    public override void OnFound(long version) =>
        document.Answer(session, ServerChunks.Ack(document.Id, ClientSequence, version));

    public override void OnRefused(Refusal refusal) =>
        document.Answer(session, ServerChunks.Refused(document.Id, ClientSequence, refusal));
}
