// The port to the network: one connection, which carries whole messages both ways. The client is written against this, so
// that a simulator can run it without sockets or threads; the production implementation is in WebSocketTransport.cs.

namespace CloudSync.Client;

/// <summary>One connection, used once: started, then closed by either side.</summary>
internal abstract class ClientTransport
{
    /// <summary>
    /// Connects, then reports to the listener: Connected, any number of Received one at a time, at last Closed.
    /// Must not call the listener before it returns.
    /// </summary>
    public abstract void Start(ITransportListener listener);

    /// <summary>
    /// Sends one message. The client waits until it has completed before it sends the next. A failure is reported by
    /// <see cref="ITransportListener.Closed"/> too.
    /// </summary>
    public abstract ValueTask SendAsync(ReadOnlyMemory<byte> frame);

    /// <summary>
    /// Closes the connection without waiting; the client comes back. What the listener hears afterwards is ignored.
    /// </summary>
    public abstract void Close();

    /// <summary>
    /// Closes the connection for good, likewise: others see the client leave at once, and not only when it hasn't come back
    /// for a while.
    /// </summary>
    public virtual void Leave() => Close();
}

/// <summary>What a transport reports to.</summary>
internal interface ITransportListener
{
    /// <summary>Messages can be sent from now on.</summary>
    void Connected();

    /// <summary>A whole message has arrived; its bytes are the transport's again when this returns.</summary>
    void Received(ReadOnlyMemory<byte> frame);

    /// <summary>The connection has ended, or could not be made. The last call.</summary>
    void Closed(TransportClosure closure);
}

/// <summary>How a connection ended.</summary>
/// <param name="Message">For people.</param>
/// <param name="Refusal">Set if coming back would be answered in the same way again.</param>
/// <param name="RetryAfter">How long the server asked to stay away, at least.</param>
/// <param name="ByServer">The server itself has said so, by a code of its own.</param>
internal readonly record struct TransportClosure(
    string Message, Refusal? Refusal = null, TimeSpan RetryAfter = default, bool ByServer = false);
