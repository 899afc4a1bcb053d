// Connections that have not said yet what they want, in the order in which they came: a line of sockets that are closed when
// they take too long, the oldest also when there are too many. Who has something to ask asks at once; what is old and silent
// is an attack or a browser that connects ahead of time.

using System.Net.Sockets;

namespace CloudSync.Gateway.Sockets;

internal sealed class SilentSockets : IDisposable
{
    /// <summary>So many at a time.</summary>
    public const int AtOnce = 4_096;

    private readonly LinkedList<Place> _places = new();
    private readonly GatewayEnvironment _gateway;
    private readonly ITimer _timer;

    public SilentSockets(GatewayEnvironment gateway)
    {
        _gateway = gateway;
        var period = gateway.Options.ReceiveTimeout / 4;
        _timer = gateway.Time.CreateTimer(static sockets => ((SilentSockets)sockets!).CloseOld(), this, period, period);
    }

    /// <summary>A connection has come. It leaves when it has been decided what it is.</summary>
    public Place Add(Socket socket)
    {
        var place = new Place(this, socket, _gateway.Time.GetTimestamp());
        Place? oldest = null;
        lock (_places)
        {
            place.Node = _places.AddLast(place);
            if (_places.Count > AtOnce)
                oldest = Take(_places.First!);
        }

        if (oldest is not null)
            Close(oldest, "too many");
        return place;
    }

    public void Dispose()
    {
        _timer.Dispose();
        while (TakeOldest(long.MaxValue) is { } place)
            place.Socket.Dispose();
    }

    private void CloseOld()
    {
        var before = _gateway.Time.GetTimestamp() - _gateway.ReceiveTimeout;
        while (TakeOldest(before) is { } place)
            Close(place, "too slow");
    }

    private void Close(Place place, string reason)
    {
        _gateway.Metrics.UpgradeRefused(reason);
        place.Socket.Close(0);
    }

    private Place? TakeOldest(long cameBefore)
    {
        lock (_places)
            return _places.First is { } first && first.Value.CameAt <= cameBefore ? Take(first) : null;
    }

    private Place Take(LinkedListNode<Place> node)
    {
        _places.Remove(node);
        node.Value.Node = null;
        return node.Value;
    }

    internal sealed class Place(SilentSockets sockets, Socket socket, long cameAt)
    {
        public Socket Socket { get; } = socket;

        public long CameAt { get; } = cameAt;

        /// <summary>Null once it has left.</summary>
        public LinkedListNode<Place>? Node { get; set; }

        /// <summary>It is no longer silent. Any number of times.</summary>
        public void Leave()
        {
            lock (sockets._places)
            {
                if (Node is not null)
                    sockets.Take(Node);
            }
        }
    }
}
