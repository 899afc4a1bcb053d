// Every line that delivery writes to the application's log. Event ids 4000–4099.

using Microsoft.Extensions.Logging;

namespace CloudSync.Delivery;

internal static partial class DeliveryLog
{
    [LoggerMessage(4000, LogLevel.Warning, "Nothing can be delivered: {Reason} Editing goes on; what is committed waits in the outbox")]
    public static partial void DeliveryDown(this ILogger logger, string reason);

    [LoggerMessage(4001, LogLevel.Information, "Delivery goes on; batches that wait in the outbox: {Batches}")]
    public static partial void DeliveryUp(this ILogger logger, long batches);

    [LoggerMessage(4002, LogLevel.Warning,
        "Operations {FirstVersion} to {LastVersion} of document {DocumentId} are not delivered: the log has nothing of it any more")]
    public static partial void SkippedDeleted(this ILogger logger, string documentId, long firstVersion, long lastVersion);

    [LoggerMessage(4003, LogLevel.Warning,
        "{Subscriber} could not handle operations {FirstVersion} to {LastVersion} of document {DocumentId}: {Reason} It is tried again")]
    public static partial void AttemptFailed(
        this ILogger logger, string subscriber, string documentId, long firstVersion, long lastVersion, string reason);

    [LoggerMessage(4004, LogLevel.Error,
        "{Subscriber} has given up operations {FirstVersion} to {LastVersion} of document {DocumentId} after {Attempts} attempts: {Reason}")]
    public static partial void GivenUp(
        this ILogger logger, string subscriber, string documentId, long firstVersion, long lastVersion, int attempts,
        string reason);

    [LoggerMessage(4005, LogLevel.Information, "{Subscriber} handles what it is given again")]
    public static partial void SubscriberRecovered(this ILogger logger, string subscriber);

    [LoggerMessage(4006, LogLevel.Warning,
        "The delivery journal ended in {Bytes} bytes that were not written whole, as after a crash; they were cut off")]
    public static partial void JournalCutOff(this ILogger logger, long bytes);

    [LoggerMessage(4007, LogLevel.Warning,
        "The outbox could not be measured: {Reason}")]
    public static partial void NotMeasured(this ILogger logger, string reason);

    [LoggerMessage(4008, LogLevel.Information, "Delivering to {Subscribers}")]
    public static partial void DeliveryStarted(this ILogger logger, string subscribers);

    [LoggerMessage(4009, LogLevel.Error, "{Subscriber} could not go on and begins anew")]
    public static partial void SubscriberBroke(this ILogger logger, Exception exception, string subscriber);

    [LoggerMessage(4010, LogLevel.Warning, "Audit export {File} ended within a line, as after a crash; {Bytes} bytes were cut off")]
    public static partial void AuditCutOff(this ILogger logger, string file, long bytes);

    [LoggerMessage(4011, LogLevel.Error,
        "Operations {FirstVersion} to {LastVersion} of document {DocumentId} can't be read and are never delivered: {Reason}; all others go on")]
    public static partial void SetAside(
        this ILogger logger, string documentId, long firstVersion, long lastVersion, string reason);
}
