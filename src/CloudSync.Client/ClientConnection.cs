// What a client knows of one connection, from the attempt to its end.

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

internal sealed class ClientConnection(CloudSyncClient client, ClientTransport transport) : ITransportListener
{
    private TimeSpan _heartbeatInterval;
    private TimeSpan _heartbeatTimeout;
    private TimeSpan _firstPingAt;

    public ClientTransport Transport { get; } = transport;

    /// <summary>Set while the Hello is still to be sent.</summary>
    public Hello? Greeting { get; set; }

    public TimeSpan WelcomeBy { get; set; }

    public bool Welcomed { get; private set; }

    public TimeSpan WelcomedAt { get; private set; }

    public TimeSpan LastSent { get; set; }

    public TimeSpan LastReceived { get; set; }

    public bool PingDue { get; set; }

    /// <summary>A frame is under way.</summary>
    public bool Sending { get; set; }

    /// <summary>Documents that the server is still to be told are closed.</summary>
    public List<string> Closing { get; } = [];

    /// <summary>When to come back, if the server has said that it is going away.</summary>
    public TimeSpan? ReturnAt { get; set; }

    // The first is at a random moment, so that clients that came together don't ping together.
    public TimeSpan PingAt => _firstPingAt > LastSent ? _firstPingAt : LastSent + _heartbeatInterval;

    public TimeSpan HeardBy => LastReceived + _heartbeatTimeout;

    public TimeSpan NextAlarm
    {
        get
        {
            var next = !Welcomed ? WelcomeBy : PingAt < HeardBy ? PingAt : HeardBy;
            return ReturnAt < next ? ReturnAt.Value : next;
        }
    }

    public void Welcome(Welcome welcome, Random random)
    {
        Welcomed = true;
        WelcomedAt = client.Now;
        // Whatever a server says, not more often than once a second.
        _heartbeatInterval = TimeSpan.FromMilliseconds(Math.Max(1000, welcome.HeartbeatIntervalMs));
        _heartbeatTimeout = TimeSpan.FromMilliseconds(Math.Max(2000, welcome.HeartbeatTimeoutMs));
        _firstPingAt = WelcomedAt + (_heartbeatInterval * random.NextDouble());
    }

    public async Task AwaitSentAsync(ValueTask sending)
    {
        try
        {
            await sending.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            client.Closed(this, new(exception.Message));
        }

        client.Sent(this);
    }

    void ITransportListener.Connected() => client.Connected(this);

    void ITransportListener.Received(ReadOnlyMemory<byte> frame) => client.Received(this, frame);

    void ITransportListener.Closed(TransportClosure closure) => client.Closed(this, closure);
}
