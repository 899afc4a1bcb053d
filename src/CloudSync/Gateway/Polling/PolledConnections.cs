// The polled connections of this gateway by their keys, and the one timer of them all. One that has ended stays for a while,
// for a client whose last answer got lost to hear why.

using System.Collections.Concurrent;
using System.Net;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Gateway.Polling;

/// <param name="gateway">What connections share.</param>
/// <param name="sockets">Where sockets and their keys come from; the machine's if it is left out.</param>
internal sealed class PolledConnections(GatewayEnvironment gateway, PolledSockets? sockets = null) : IHostedService, IDisposable
{
    /// <summary>How long one that has ended is remembered …</summary>
    public static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(30);

    /// <summary>… how many of them …</summary>
    public const int RememberedAtMost = 1024;

    /// <summary>… and with how much that was not acknowledged; one with more is forgotten at once.</summary>
    public const int RememberedBytes = 16 * 1024;

    private static readonly TimeSpan _longestPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _shortestPeriod = TimeSpan.FromMilliseconds(20);

    private readonly PolledSockets _sockets = sockets ?? new();
    private readonly ConcurrentDictionary<string, PolledConnection> _connections = [];
    private readonly ConcurrentQueue<(string Key, long EndedAt)> _ended = [];
    private ITimer? _timer;
    private int _sweeping;
    private int _count;

    /// <summary>Those that have not ended.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Bytes that wait for an acknowledgement.</summary>
    public long KeptBytes => _connections.Sum(static entry => (long)entry.Value.Socket.Output.KeptBytes);

    /// <summary>
    /// Makes a connection, which lives until it ends by itself; then it is counted out of the gateway's connections.
    /// </summary>
    public PolledConnection Open(User? host, IPAddress address, Admission admission)
    {
        var key = _sockets.NewKey();
        var socket = _sockets.NewSocket(key);
        var connection = new Connection(gateway, socket, lifetime: null, host) { Address = address };
        var polled = new PolledConnection(key, host?.Id, socket, connection);
        _connections[polled.Key] = polled;
        Interlocked.Increment(ref _count);
        // Nothing of the request that has opened it lives as long as it does.
        gateway.Flushes.Enqueue(new Begun(() => _ = RunAsync(polled, address, admission)));
        return polled;
    }

    /// <summary>The connection with this key if it is this user's, or null.</summary>
    public PolledConnection? Find(string key, User? host) =>
        _connections.TryGetValue(key, out var polled) && string.Equals(polled.UserId, host?.Id, StringComparison.Ordinal)
            ? polled
            : null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var quarter = gateway.Options.HeartbeatInterval / 4;
        var period = quarter < _shortestPeriod ? _shortestPeriod : quarter > _longestPeriod ? _longestPeriod : quarter;
        _timer = gateway.Time.CreateTimer(static polled => ((PolledConnections)polled!).Sweep(), this, period, period);
        return Task.CompletedTask;
    }

    // Goes on through the drain.
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _timer?.Dispose();

    private async Task RunAsync(PolledConnection polled, IPAddress address, Admission admission)
    {
        try
        {
            await polled.Connection.RunAsync();
        }
        finally
        {
            Interlocked.Decrement(ref _count);
            gateway.Connections.Leave(address, admission);
            Remember(polled);
        }
    }

    private void Remember(PolledConnection polled)
    {
        if (polled.ClosedByClient || polled.Socket.Output.KeptBytes > RememberedBytes)
        {
            _connections.TryRemove(polled.Key, out _);
            return;
        }

        _ended.Enqueue((polled.Key, gateway.Time.GetTimestamp()));
        while (_ended.Count > RememberedAtMost && _ended.TryDequeue(out var oldest))
            _connections.TryRemove(oldest.Key, out _);
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) == 1)
            return;
        try
        {
            var now = gateway.Time.GetTimestamp();
            var patience = (long)(gateway.Options.HeartbeatInterval.TotalSeconds * gateway.Time.TimestampFrequency);
            foreach (var (_, polled) in _connections)
                polled.Socket.Output.WakeIdle(now, patience);
            while (_ended.TryPeek(out var oldest)
                && gateway.Time.GetElapsedTime(oldest.EndedAt, now) > RememberedFor && _ended.TryDequeue(out oldest))
            {
                _connections.TryRemove(oldest.Key, out _);
            }
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }

    // The queue takes nothing of the request along: not what flows with it either.
    private sealed class Begun(Action begin) : IThreadPoolWorkItem
    {
        public void Execute() => begin();
    }
}
