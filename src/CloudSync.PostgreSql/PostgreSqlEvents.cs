// Every line the PostgreSQL log writes to the application's log.

using Microsoft.Extensions.Logging;

namespace CloudSync.PostgreSql;

internal static partial class PostgreSqlEvents
{
    [LoggerMessage(6001, LogLevel.Information, "The PostgreSQL log is open: database {Database} at {Host}:{Port}, schema {Version}")]
    public static partial void Opened(this ILogger logger, string? database, string? host, int port, int version);

    [LoggerMessage(6002, LogLevel.Information, "The PostgreSQL database was brought from schema {From} to {To}")]
    public static partial void Migrated(this ILogger logger, int from, int to);

    [LoggerMessage(6003, LogLevel.Warning, "The PostgreSQL server can't be used yet: {Reason} Trying again")]
    public static partial void NotYet(this ILogger logger, string reason);

    [LoggerMessage(6004, LogLevel.Warning, "A write to the PostgreSQL log has no answer after {Seconds} s; its outcome is unknown. Does a synchronous standby not answer?")]
    public static partial void Unanswered(this ILogger logger, double seconds);

    [LoggerMessage(6005, LogLevel.Warning, "PostgreSQL gave up waiting for its standby: {Warning}. The write counts as not acknowledged")]
    public static partial void NotReplicated(this ILogger logger, string warning);

    [LoggerMessage(6006, LogLevel.Warning, "The PostgreSQL standby failed and is left alone for {Seconds} s; the primary answers: {Reason}")]
    public static partial void StandbyFailed(this ILogger logger, double seconds, string reason);

    [LoggerMessage(6007, LogLevel.Information, "What was written to the PostgreSQL log is confirmed again")]
    public static partial void Confirmed(this ILogger logger);
}
