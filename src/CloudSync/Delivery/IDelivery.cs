// The delivery port: everything that was committed, at least once, in order for each document, to whoever subscribes.
//
// Two implementations: in this process (InProcessDelivery) and RabbitMQ (CloudSync.RabbitMq). Both pass the suite in
// tests/CloudSync.RabbitMq.Tests. docs/delivery.md says what is guaranteed.

using CloudSync.Log;

namespace CloudSync.Delivery;

/// <summary>Takes committed batches from the outbox and hands them to subscribers. Thread-safe.</summary>
public interface IDelivery
{
    /// <summary>
    /// Begins handing to a consumer what is published from now on, and what was published for its name before and it has not
    /// handled yet. Disposing what is returned ends it and waits for what is being handled; what is not handled by then will
    /// be handed to whoever subscribes next under that name.
    /// </summary>
    /// <exception cref="DeliveryUnavailableException">The broker can't be reached just now.</exception>
    /// <exception cref="DeliveryUnusableException">Trying again won't help.</exception>
    Task<IAsyncDisposable> SubscribeAsync(IDeliveryConsumer consumer, CancellationToken cancellationToken);

    /// <summary>
    /// Publishes batches, those of one document in order. When it returns, all are kept durably for every subscriber. When it
    /// throws, nobody knows which are: they are published again. With none it only tries whether it could.
    /// </summary>
    /// <exception cref="DeliveryUnavailableException">The broker can't be reached or doesn't take messages just now.</exception>
    /// <exception cref="DeliveryUnusableException">Trying again won't help.</exception>
    Task PublishAsync(IReadOnlyList<OutboxBatch> batches, CancellationToken cancellationToken);

    /// <summary>How many messages a subscriber's consumer has given up and nobody has replayed; 0 for an unknown name.</summary>
    Task<long> CountFailedAsync(string subscriber, CancellationToken cancellationToken);

    /// <summary>The oldest of them.</summary>
    /// <param name="subscriber">Its name.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<FailedDelivery>> ListFailedAsync(string subscriber, int limit, CancellationToken cancellationToken);

    /// <summary>Hands all of them to the consumer once more; returns how many. They come after what was committed since.</summary>
    Task<int> ReplayFailedAsync(string subscriber, CancellationToken cancellationToken);
}

/// <summary>
/// Code that is told of everything committed. Register it as a singleton service; a worker subscribes all there are.
/// </summary>
public interface IDeliveryConsumer
{
    /// <summary>1 to 40 characters of a–z 0–9 -. Under this name its progress is kept, wherever it runs.</summary>
    string Name { get; }

    /// <summary>How it wants to be called.</summary>
    DeliveryPolicy Policy { get; }

    /// <summary>
    /// Handles one message; throws if it can't, and will be called with it again. Called for several documents at the same
    /// time, for one document in order and never twice at a time. Must not mind a message that it has handled before.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancelled when the process stops; the message will be handed out again.</param>
    Task HandleAsync(DeliveryMessage message, CancellationToken cancellationToken);
}

/// <summary>How a consumer is called.</summary>
public sealed record DeliveryPolicy
{
    /// <summary>How many documents' messages it handles at the same time in one process.</summary>
    public int Concurrency { get; init; } = 8;

    /// <summary>After so many failures a message is given up and kept among the failed; null for never.</summary>
    public int? AttemptsMax { get; init; }

    /// <summary>
    /// The wait after the first failure. It doubles with each further one, up to <see cref="LongestWait"/>; of each wait, a
    /// random part of up to a half is left out.
    /// </summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(1);
}

/// <summary>One or more consecutive operations of one document, as consumers get them.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="DocumentType">The name of its type.</param>
/// <param name="FirstVersion">The version of the first operation.</param>
/// <param name="Count">How many operations; at least 1.</param>
/// <param name="Body">All of it as JSON; docs/delivery.md describes it.</param>
public sealed record DeliveryMessage(
    string DocumentId, string DocumentType, long FirstVersion, int Count, ReadOnlyMemory<byte> Body)
{
    /// <summary>The version of the last operation.</summary>
    public long LastVersion => FirstVersion + Count - 1;
}

/// <summary>A message that a consumer has given up.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="FirstVersion">The version of its first operation.</param>
/// <param name="LastVersion">The version of its last one.</param>
/// <param name="FailedAt">When it was given up.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Reason">Why the last attempt failed.</param>
public sealed record FailedDelivery(
    string DocumentId, long FirstVersion, long LastVersion, DateTimeOffset FailedAt, int Attempts, string Reason);

/// <summary>Nothing can be delivered just now. It may pass; what waits is in the outbox.</summary>
public sealed class DeliveryUnavailableException : Exception
{
    /// <summary>Says which part and why, in one line for an operator.</summary>
    public DeliveryUnavailableException(string message, Exception? inner = null) : base(Sentence.Of(message), inner)
    {
    }
}

/// <summary>Delivery can't work as it is set up, and trying again won't help.</summary>
public sealed class DeliveryUnusableException : Exception
{
    /// <summary>Names the setting and what to do, in one line for an operator.</summary>
    public DeliveryUnusableException(string message, Exception? inner = null) : base(Sentence.Of(message), inner)
    {
    }
}

// What a broker or the system says may end with a full stop or not; more is said after it.
file static class Sentence
{
    public static string Of(string text) => text.TrimEnd('.', ' ') + ".";
}
