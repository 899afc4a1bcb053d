// A message as AMQP has it: the body as it is, what is known of it in properties, so that nobody need parse it.

using System.Globalization;
using System.Text;
using CloudSync.Delivery;
using RabbitMQ.Client;

namespace CloudSync.RabbitMq;

internal static class RabbitMqMessages
{
    private const string Document = "cloudsync-document";
    private const string Type = "cloudsync-type";
    private const string FirstVersion = "cloudsync-first-version";
    private const string Count = "cloudsync-count";
    private const string FailedAt = "cloudsync-failed-at";
    private const string Attempts = "cloudsync-attempts";
    private const string Reason = "cloudsync-reason";

    public static BasicProperties ToProperties(DeliveryMessage message, FailedDelivery? failed = null)
    {
        var properties = new BasicProperties
        {
            ContentType = "application/json",
            DeliveryMode = DeliveryModes.Persistent,
            MessageId = string.Create(CultureInfo.InvariantCulture, $"{message.DocumentId}:{message.FirstVersion}-{message.LastVersion}"),
            Type = "cloudsync.operations",
            Headers = new Dictionary<string, object?>
            {
                [Document] = message.DocumentId,
                [Type] = message.DocumentType,
                [FirstVersion] = message.FirstVersion,
                [Count] = message.Count,
            },
        };
        if (failed is not null)
        {
            properties.Headers[FailedAt] = failed.FailedAt.ToUnixTimeMilliseconds();
            properties.Headers[Attempts] = failed.Attempts;
            properties.Headers[Reason] = failed.Reason;
        }

        return properties;
    }

    /// <summary>Null if it isn't one of ours. The body is the caller's.</summary>
    public static DeliveryMessage? Read(IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body) =>
        properties.Headers is { } headers && Text(headers, Document) is { Length: > 0 } document && Text(headers, Type) is { } type
            && Number(headers, FirstVersion) is { } first and > 0 && Number(headers, Count) is { } count and > 0 and <= int.MaxValue
            ? new DeliveryMessage(document, type, first, (int)count, body)
            : null;

    public static FailedDelivery? ReadFailed(IReadOnlyBasicProperties properties) =>
        Read(properties, default) is { } message
            ? new(
                message.DocumentId, message.FirstVersion, message.LastVersion,
                DateTimeOffset.FromUnixTimeMilliseconds(Number(properties.Headers!, FailedAt) ?? 0),
                (int)(Number(properties.Headers!, Attempts) ?? 0),
                Text(properties.Headers!, Reason) ?? "Its consumer ended, again and again, while it was handled.")
            : null;

    private static string? Text(IDictionary<string, object?> headers, string name) =>
        headers.TryGetValue(name, out var value) ? value switch
        {
            byte[] bytes => Encoding.UTF8.GetString(bytes),
            string text => text,
            _ => null,
        } : null;

    private static long? Number(IDictionary<string, object?> headers, string name) =>
        headers.TryGetValue(name, out var value) ? value switch
        {
            long number => number,
            int number => number,
            _ => null,
        } : null;
}
