// An operation on its way into the log, and whom to tell how it ended.

using CloudSync.Log;

namespace CloudSync.Documents;

/// <summary>One submitted operation. Exactly one of its three endings is called, by the document's worker.</summary>
internal abstract class Submission(
    ulong clientId, ulong clientSequence, long? baseVersion, string author, byte[] operation)
{
    public ulong ClientId { get; } = clientId;

    public ulong ClientSequence { get; } = clientSequence;

    /// <summary>
    /// The version it was made on. Null means the head: the worker fixes it when it first looks at the operation, and it
    /// stays fixed, so that a retry after a commit of unknown outcome finds the operation again.
    /// </summary>
    public long? BaseVersion { get; set; } = baseVersion;

    public string Author { get; } = author;

    public byte[] Operation { get; } = operation;

    /// <summary>It is on stable storage.</summary>
    public abstract void OnCommitted(in LoggedOperation operation);

    /// <summary>It was sent before, and is in the log already as this version.</summary>
    public abstract void OnFound(long version);

    /// <summary>It was refused and has changed nothing.</summary>
    public abstract void OnRefused(Refusal refusal);
}

/// <summary>An edit by the server's own code, which waits for the outcome.</summary>
internal sealed class ServerEdit(
    ulong clientId, ulong clientSequence, long? baseVersion, string author, byte[] operation)
    : Submission(clientId, clientSequence, baseVersion, author, operation)
{
    private readonly TaskCompletionSource<(long Version, LoggedOperation? Operation)> _outcome =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The version it became, and the operation if it was committed just now.</summary>
    public Task<(long Version, LoggedOperation? Operation)> Outcome => _outcome.Task;

    public override void OnCommitted(in LoggedOperation operation) =>
        _outcome.TrySetResult((operation.Version, operation));

    public override void OnFound(long version) => _outcome.TrySetResult((version, null));

    public override void OnRefused(Refusal refusal) => _outcome.TrySetException(new RefusedException(refusal));
}
