// The fan-out port: tells other gateways that something was committed or that presence changed. Only a hint: what it
// loses, repeats or reorders is healed from the log (law 5).

namespace CloudSync.Fanout;

/// <summary>
/// Publishes messages to every gateway that has a document open. May lose, repeat and reorder.
/// </summary>
public interface IFanout
{
    /// <summary>Publishes to everybody subscribed to the document, the publisher itself included.</summary>
    /// <param name="documentId">The document.</param>
    /// <param name="message">Belongs to the fan-out from here on and is never changed.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken);

    /// <summary>
    /// Subscribes to a document. The handler is called in the order of arrival, never twice at a time for one
    /// subscription, and must neither block nor throw. Disposing ends it.
    /// </summary>
    ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken);

    /// <summary>Whether everything that is published gets through, as far as is known.</summary>
    bool IsHealthy { get; }

    /// <summary>
    /// Whether what is published on a document gets through, as far as is known. While it doesn't, the log is asked for
    /// the document's head instead, often.
    /// </summary>
    bool IsHealthyFor(string documentId);

    /// <summary>
    /// Health has changed: of some documents something may have been lost until now. Handlers must neither block nor throw.
    /// </summary>
    event Action? HealthChanged;
}
