// Everything a gateway logs. Event ids 1000–1099.

using Microsoft.Extensions.Logging;

namespace CloudSync.Gateway;

internal static partial class GatewayLog
{
    [LoggerMessage(1000, LogLevel.Debug, "Connection {ConnectionId} opened by client {ClientId:x16}, {Agent}")]
    public static partial void ConnectionOpened(ILogger logger, string connectionId, ulong clientId, string agent);

    [LoggerMessage(1001, LogLevel.Debug, "Connection {ConnectionId} ended: {Code}")]
    public static partial void ConnectionEnded(ILogger logger, string connectionId, string code);

    [LoggerMessage(1002, LogLevel.Information, "Connection {ConnectionId} refused: {Code}, {Reason}")]
    public static partial void ConnectionRefused(ILogger logger, string connectionId, string code, string reason);

    [LoggerMessage(1003, LogLevel.Information,
        "Connection {ConnectionId} dropped: nothing of what is sent was read for {SendTimeout} (CloudSync:SendTimeout)")]
    public static partial void SendTimedOut(ILogger logger, string connectionId, TimeSpan sendTimeout);

    [LoggerMessage(1004, LogLevel.Error, "Connection {ConnectionId} broke in the gateway; its neighbours are not affected")]
    public static partial void ConnectionBroke(ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(1005, LogLevel.Error, "Document {DocumentId} could not be opened on connection {ConnectionId}")]
    public static partial void OpenBroke(ILogger logger, Exception exception, string documentId, string connectionId);

    [LoggerMessage(1006, LogLevel.Error,
        "Document {DocumentId} could not be read on connection {ConnectionId}; the client is told to open it again")]
    public static partial void ReadBroke(ILogger logger, Exception exception, string documentId, string connectionId);

    [LoggerMessage(1007, LogLevel.Error, "The authenticator threw; connection {ConnectionId} is refused")]
    public static partial void AuthenticatorBroke(ILogger logger, Exception exception, string connectionId);

    [LoggerMessage(1008, LogLevel.Error, "A TCP connection could not be accepted; accepting goes on")]
    public static partial void AcceptFailed(ILogger logger, Exception exception);

    [LoggerMessage(1009, LogLevel.Error, "A request for a connection broke; its neighbours are not affected")]
    public static partial void UpgradeBroke(ILogger logger, Exception exception);

    [LoggerMessage(1010, LogLevel.Information, "Stopping: {Connections} connections are told to come back elsewhere")]
    public static partial void DrainStarted(ILogger logger, int connections);

    [LoggerMessage(1011, LogLevel.Information, "All connections were closed in order")]
    public static partial void DrainFinished(ILogger logger);

    [LoggerMessage(1012, LogLevel.Warning,
        "{Connections} connections were still open after {DrainWindow} (CloudSync:DrainWindow) and are aborted")]
    public static partial void DrainTimedOut(ILogger logger, int connections, TimeSpan drainWindow);

    [LoggerMessage(1013, LogLevel.Error, "Documents could not be drained; what was not acknowledged will be sent again")]
    public static partial void DrainBroke(ILogger logger, Exception exception);
}
