// What goes over polled connections, at both ends: each message once and in order, whatever becomes of the requests that carry it. What
// documents promise wouldn't show it: what comes twice is found there, and what is missing is asked for again.

using System.Net.WebSockets;
using CloudSync.Gateway.Polling;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

/// <summary>The polled connections of a run, by their keys.</summary>
internal sealed class PolledTraffic(SimulatedWorld world, Random random) : PolledSockets
{
    private readonly Dictionary<string, PolledFrames> _connections = new(StringComparer.Ordinal);

    public PolledFrames Of(string key)
    {
        if (!_connections.TryGetValue(key, out var frames))
            _connections.Add(key, frames = new(world, key));
        return frames;
    }

    public override string NewKey() => random.NextInt64().ToString("x16", System.Globalization.CultureInfo.InvariantCulture);

    public override PolledSocket NewSocket(string key) => new WatchedSocket(Of(key));

    // A gateway's end of it.
    private sealed class WatchedSocket(PolledFrames frames) : PolledSocket
    {
        private readonly List<byte> _received = [];
        private readonly List<byte> _sent = [];

        public override async ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            var received = await base.ReceiveAsync(buffer, cancellationToken);
            if (received.MessageType == WebSocketMessageType.Close)
                return received;
            _received.AddRange(buffer.Span[..received.Count]);
            if (!received.EndOfMessage)
                return received;
            frames.UpArrived(_received.ToArray());
            _received.Clear();
            return received;
        }

        public override ValueTask SendAsync(
            ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken)
        {
            _sent.AddRange(buffer.Span);
            if (endOfMessage)
            {
                frames.DownSent(_sent.ToArray());
                _sent.Clear();
            }

            return base.SendAsync(buffer, messageType, endOfMessage, cancellationToken);
        }
    }
}

/// <summary>What goes over one of them, by its hashes.</summary>
internal sealed class PolledFrames(SimulatedWorld world, string key)
{
    private readonly Queue<ulong> _up = new();
    private readonly Queue<ulong> _down = new();

    /// <summary>The client has sent a message.</summary>
    public void UpSent(ulong hash) => _up.Enqueue(hash);

    public void UpArrived(ReadOnlySpan<byte> message) => Compare(_up, message, "The gateway");

    public void DownSent(ReadOnlySpan<byte> message) => _down.Enqueue(RunHash.Of(message));

    public void DownArrived(ReadOnlySpan<byte> message) => Compare(_down, message, "The client");

    private void Compare(Queue<ulong> sent, ReadOnlySpan<byte> message, string who)
    {
        if (!sent.TryDequeue(out var next) || next != RunHash.Of(message))
            world.Fail("misdelivered", $"{who} of the polled connection {key} was given a message that isn't the next one that was sent.");
    }
}
