// Every line the parts on Redis write to the application's log.

using Microsoft.Extensions.Logging;

namespace CloudSync.Redis;

internal static partial class RedisLog
{
    [LoggerMessage(5001, LogLevel.Information, "Redis {Server} carries the fan-out")]
    public static partial void ServerUp(this ILogger logger, string server);

    [LoggerMessage(5002, LogLevel.Warning, "Redis {Server} does not carry the fan-out: {Reason}. Editing goes on; what other gateways commit is read from the log meanwhile")]
    public static partial void ServerDown(this ILogger logger, string server, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "Redis {Server} ({Setting}) can't be reached: {Reason}. CloudSync starts without it and uses it as soon as it answers")]
    public static partial void ServerUnreachable(this ILogger logger, string server, string setting, string reason);

    [LoggerMessage(5004, LogLevel.Debug, "Subscribing to {Channel} failed and is tried again: {Reason}")]
    public static partial void SubscribeFailed(this ILogger logger, string channel, string reason);

    [LoggerMessage(5005, LogLevel.Error, "A subscriber of {Channel} failed; what it missed is read from the log")]
    public static partial void SubscriberFailed(this ILogger logger, string channel, Exception exception);

    [LoggerMessage(5006, LogLevel.Debug, "The cache on Redis failed: {Reason}")]
    public static partial void CacheFailed(this ILogger logger, string reason);

    [LoggerMessage(5007, LogLevel.Debug, "Session records were not written and are tried again: {Reason}")]
    public static partial void RecordsFailed(this ILogger logger, string reason);

    [LoggerMessage(5008, LogLevel.Warning, "Another process calls itself gateway '{GatewayId}' too. If it isn't just ending, its edits are seen here late: give each gateway a CloudSync:GatewayId of its own")]
    public static partial void NameShared(this ILogger logger, string gatewayId);

    [LoggerMessage(5009, LogLevel.Information, "Redis {Server} no longer has this gateway's lease, so it may have forgotten more: all session records are written again")]
    public static partial void RecordsForgotten(this ILogger logger, string server);

    [LoggerMessage(5010, LogLevel.Warning, "Redis {Server} takes no session records: {Reason}. Lists of sessions say that they aren't complete; it is tried again every second")]
    public static partial void RecordsRefused(this ILogger logger, string server, string reason);
}
