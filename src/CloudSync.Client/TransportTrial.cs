// A WebSocket that is tried beside a connection over plain requests, and says nothing.

namespace CloudSync.Client;

internal sealed class TransportTrial(CloudSyncClient client, ClientTransport transport, TimeSpan now) : ITransportListener
{
    /// <summary>When it is decided: it has connected and held by then, or it has not.</summary>
    public TimeSpan EndsBy { get; private set; } = now + TransportChoice.TrialPatience;

    public bool IsConnected { get; private set; }

    public void Start() => transport.Start(this);

    public void Stop() => transport.Close();

    public void Connected(TimeSpan at)
    {
        IsConnected = true;
        EndsBy = at + TransportChoice.TrialHolds;
    }

    void ITransportListener.Connected() => client.TrialConnected(this);

    void ITransportListener.Received(ReadOnlyMemory<byte> frame)
    {
    }

    void ITransportListener.Closed(TransportClosure closure) => client.TrialClosed(this);
}
