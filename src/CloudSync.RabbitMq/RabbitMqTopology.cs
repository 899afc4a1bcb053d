// Names and shapes of what stands in RabbitMQ: one topic exchange; for each subscriber a quorum queue for each partition of
// the documents, and one for what it has given up. docs/delivery.md has a picture.

using CloudSync.Delivery;
using RabbitMQ.Client;

namespace CloudSync.RabbitMq;

/// <summary>A queue of a subscriber.</summary>
/// <param name="Name">Its name, and that of the exchange before it, which is there since the queue can be trusted.</param>
/// <param name="Pattern">The routing keys of what it is given; empty if that is published to it by name.</param>
/// <param name="Arguments">What it is declared with.</param>
internal sealed record RabbitMqQueue(string Name, string Pattern, Dictionary<string, object?> Arguments);

internal sealed class RabbitMqTopology(string exchange)
{
    /// <summary>
    /// Documents are spread over so many queues of each subscriber, each read by one consumer at a time: order within a
    /// document, and as many processes at work. Not a setting: all must agree, and queues that are there keep their documents.
    /// </summary>
    public const int Partitions = 8;

    // As often a message comes back to its queue, because of consumers that died with it, before it counts as failed.
    private const int DeliveryLimit = 50;
    private const int FailedMax = 10_000;
    private const long UnusedMilliseconds = 30L * 24 * 60 * 60 * 1000;

    public string Exchange => exchange;

    public string Queue(string subscriber, int partition) => $"{exchange}.{subscriber}.{partition}";

    public string FailedQueue(string subscriber) => $"{exchange}.{subscriber}.failed";

    /// <summary>The partitions in their order, and the queue of what was given up.</summary>
    public IReadOnlyList<RabbitMqQueue> QueuesOf(string subscriber)
    {
        var queues = new List<RabbitMqQueue>();
        for (var partition = 0; partition < Partitions; partition++)
        {
            queues.Add(new(Queue(subscriber, partition), $"*.*.{partition}", new()
            {
                ["x-queue-type"] = "quorum",
                ["x-single-active-consumer"] = true,
                ["x-delivery-limit"] = DeliveryLimit,
                ["x-dead-letter-exchange"] = "",
                ["x-dead-letter-routing-key"] = FailedQueue(subscriber),
                // The default strategy may lose what it moves; this one wants the overflow set.
                ["x-dead-letter-strategy"] = "at-least-once",
                ["x-overflow"] = "reject-publish",
                // Of a webhook that was taken out of the configuration nothing remains in the end.
                ["x-expires"] = UnusedMilliseconds,
            }));
        }

        queues.Add(new(FailedQueue(subscriber), "", new()
        {
            ["x-queue-type"] = "quorum",
            ["x-max-length"] = FailedMax,
            // To show what is in it is to take it and give it back. Later servers have a limit for that if none is set, and it is 20.
            ["x-delivery-limit"] = int.MaxValue,
        }));
        return queues;
    }

    public static string RoutingKey(DeliveryMessage message) =>
        $"{message.DocumentType}.{message.DocumentId}.{PartitionOf(message.DocumentId)}";

    /// <summary>FNV-1a of the id, so that it is the same in every process and every version.</summary>
    public static int PartitionOf(string documentId)
    {
        var hash = 2166136261u;
        foreach (var character in documentId)
            hash = (hash ^ character) * 16777619u;
        return (int)(hash % Partitions);
    }

    public Task DeclareExchangeAsync(IChannel channel, CancellationToken cancellationToken) =>
        channel.ExchangeDeclareAsync(exchange, ExchangeType.Topic, durable: true, cancellationToken: cancellationToken);

    public static Task DeclareQueueAsync(IChannel channel, RabbitMqQueue queue, CancellationToken cancellationToken) =>
        channel.QueueDeclareAsync(
            queue.Name, durable: true, exclusive: false, autoDelete: false, queue.Arguments, cancellationToken: cancellationToken);

    /// <summary>
    /// Lets messages into a queue: through an exchange of its own, which goes when the queue goes, and so says of every queue
    /// whether it was let in.
    /// </summary>
    public async Task BindAsync(IChannel channel, RabbitMqQueue queue, CancellationToken cancellationToken)
    {
        await channel.ExchangeDeclareAsync(
            queue.Name, ExchangeType.Fanout, durable: true, autoDelete: true, cancellationToken: cancellationToken);
        await channel.QueueBindAsync(queue.Name, queue.Name, "", cancellationToken: cancellationToken);
        if (queue.Pattern.Length > 0)
            await channel.ExchangeBindAsync(queue.Name, exchange, queue.Pattern, cancellationToken: cancellationToken);
    }
}
