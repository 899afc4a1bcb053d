// A connection over plain HTTP requests, as its requests find it.

namespace CloudSync.Gateway.Polling;

/// <summary>A polled connection.</summary>
/// <param name="key">What its requests know it by; whoever knows it has the connection.</param>
/// <param name="userId">Whom the host had authenticated when it was opened; null: nobody.</param>
/// <param name="socket">What carries it.</param>
/// <param name="connection">What is above.</param>
internal sealed class PolledConnection(string key, string? userId, PolledSocket socket, Connection connection)
{
    private readonly Lock _gate = new();
    private CancellationTokenSource? _post;

    public string Key => key;

    public string? UserId => userId;

    public PolledSocket Socket => socket;

    public Connection Connection => connection;

    /// <summary>Nobody will ask why it ended.</summary>
    public bool ClosedByClient { get; private set; }

    /// <summary>The client closes, with a code as over a WebSocket.</summary>
    public void Close(int code)
    {
        ClosedByClient = true;
        socket.CloseReceived(code);
    }

    /// <summary>
    /// Begins to read a frame, which ends the reading of the one before: a client has one post at a time, and has given the
    /// other up.
    /// </summary>
    public void BeginPost(CancellationTokenSource post)
    {
        lock (_gate)
        {
            _post?.Cancel();
            _post = post;
        }
    }

    /// <summary>The post is answered, and may be disposed of.</summary>
    public void EndPost(CancellationTokenSource post)
    {
        lock (_gate)
        {
            if (_post == post)
                _post = null;
        }
    }
}
