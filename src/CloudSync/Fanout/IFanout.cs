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
}
