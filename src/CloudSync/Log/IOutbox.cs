// The outbox: what was committed and is still to be delivered. Written in the transaction of the append, so that nothing is
// ever committed and not delivered.

namespace CloudSync.Log;

/// <summary>
/// The committed batches that wait for delivery. Every implementation of <see cref="IOperationLog"/> is one too; it writes to
/// the outbox when <see cref="OutboxOptions.Enabled"/> is set. Methods throw as those of the log do.
/// </summary>
public interface IOutbox
{
    /// <summary>
    /// Takes the oldest batches of some documents to deliver them. Nobody else is given these documents' batches as long as
    /// the claim is held; a claim ends with its process, or with its connection to the log.
    /// </summary>
    /// <param name="maxBatches">1 to 10,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Null if nothing waits that isn't claimed already.</returns>
    Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken);

    /// <summary>How much waits.</summary>
    Task<OutboxDepth> MeasureAsync(CancellationToken cancellationToken);
}

/// <summary>
/// Batches to deliver. Disposing it without <see cref="CompleteAsync"/> gives them back: they will be claimed, and delivered,
/// once more.
/// </summary>
public interface IOutboxClaim : IAsyncDisposable
{
    /// <summary>Never none; those of one document in order of version.</summary>
    IReadOnlyList<OutboxBatch> Batches { get; }

    /// <summary>All were delivered: removes them. When it throws, they may be claimed again.</summary>
    Task CompleteAsync(CancellationToken cancellationToken);
}

/// <summary>A committed batch. Its operations are in the log.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="FirstVersion">The version of its first operation.</param>
/// <param name="Count">How many operations it has; at least 1.</param>
public readonly record struct OutboxBatch(string DocumentId, long FirstVersion, int Count);

/// <summary>How much waits for delivery.</summary>
/// <param name="Batches">How many batches; may be an estimate when there are more than 100,000.</param>
/// <param name="Oldest">When the oldest of them was committed; null if none waits.</param>
public readonly record struct OutboxDepth(long Batches, DateTimeOffset? Oldest);

/// <summary>Whether the log keeps an outbox. All gateways on one log must agree.</summary>
public sealed class OutboxOptions
{
    /// <summary>
    /// Appends write to the outbox. Set by whatever delivers; without somebody who empties it, it would grow for ever.
    /// </summary>
    public bool Enabled { get; set; }
}
