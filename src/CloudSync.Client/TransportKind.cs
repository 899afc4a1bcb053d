// How a client may connect.

namespace CloudSync.Client;

/// <summary>How a <see cref="CloudSyncClient"/> connects.</summary>
public enum TransportKind
{
    /// <summary>Over a WebSocket, and where the network breaks those over plain requests, read by streams or by single polls.</summary>
    Auto,

    /// <summary>Over a WebSocket only.</summary>
    WebSocket,

    /// <summary>Over plain HTTP requests, read by a stream of events only.</summary>
    ServerSentEvents,

    /// <summary>Over plain HTTP requests that are answered one by one.</summary>
    Polling,
}
