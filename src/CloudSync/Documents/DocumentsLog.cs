// Every line the document layer writes to the application's log.

using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

internal static partial class DocumentsLog
{
    [LoggerMessage(2001, LogLevel.Error, "Document {DocumentId} can't be rebuilt from the log")]
    public static partial void DocumentUnreadable(this ILogger logger, string documentId, Exception exception);

    [LoggerMessage(2002, LogLevel.Error, "The worker of document {DocumentId} failed; its sessions are told to reopen it")]
    public static partial void WorkerFailed(this ILogger logger, string documentId, Exception exception);

    [LoggerMessage(2003, LogLevel.Debug, "The log is unavailable to document {DocumentId}: {Reason}")]
    public static partial void LogUnavailable(this ILogger logger, string documentId, string reason);

    [LoggerMessage(2004, LogLevel.Warning, "A snapshot of document {DocumentId} at version {Version} was not saved: {Reason}")]
    public static partial void SnapshotNotSaved(this ILogger logger, string documentId, long version, string reason);

    [LoggerMessage(2005, LogLevel.Warning, "The snapshot of document {DocumentId} at version {Version} is unusable and was passed over: {Reason}")]
    public static partial void SnapshotUnusable(this ILogger logger, string documentId, long version, string reason);

    [LoggerMessage(2006, LogLevel.Warning, "The fan-out failed on document {DocumentId}: {Reason}. What it missed will be read from the log")]
    public static partial void FanoutFailed(this ILogger logger, string documentId, string reason);

    [LoggerMessage(2007, LogLevel.Warning, "Comparing heads with the log failed: {Reason}")]
    public static partial void HeadCheckFailed(this ILogger logger, string reason);

    [LoggerMessage(2008, LogLevel.Error, "Document {DocumentId} has head {LogHead} in the log but {Head} in memory; memory is dropped")]
    public static partial void HeadWentBack(this ILogger logger, string documentId, long head, long logHead);

    [LoggerMessage(2009, LogLevel.Debug, "Packed {Operations} operations of document {DocumentId}, through version {Version}")]
    public static partial void HistoryPacked(this ILogger logger, string documentId, int operations, long version);

    [LoggerMessage(2010, LogLevel.Warning, "The history of document {DocumentId} was not packed: {Reason}")]
    public static partial void HistoryNotPacked(this ILogger logger, string documentId, string reason);

    [LoggerMessage(2013, LogLevel.Warning, "The fan-out brought a message on '{DocumentId}' that no gateway on this log has sealed; such messages are passed over. Is another installation using the same servers and prefix?")]
    public static partial void FanoutForeign(this ILogger logger, string documentId);

    [LoggerMessage(2011, LogLevel.Warning, "Edits are not saved just now, and clients keep them: {Reason}")]
    public static partial void LogNotWritable(this ILogger logger, string reason);

    [LoggerMessage(2012, LogLevel.Information, "Edits are saved again, after {Failures} failed appends in {Seconds:0.0} s")]
    public static partial void LogWritable(this ILogger logger, int failures, double seconds);
}
