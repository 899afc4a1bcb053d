// What is published on one server: sent at once while the server keeps up, many under way at a time when there is much,
// and kept in a bounded queue while it is slow. What finds no room pushes the oldest out: it was only a hint (law 5).

using StackExchange.Redis;

namespace CloudSync.Redis.Fanout;

/// <summary>Sends messages in the order they are given. Thread-safe; never blocks and never throws.</summary>
internal sealed class ServerQueue(RedisConnection connection, RedisOptions options, RedisMetrics metrics)
{
    // More than is ever under way on a server that keeps up; so few that a slow one doesn't fill our memory.
    private const int MaxSending = 1_024;
    private const int MaxSendingBytes = 8 << 20;

    private readonly Lock _gate = new();
    private readonly Queue<Message> _waiting = new();
    private long _waitingBytes;
    private int _sendingCount;
    private long _sendingBytes;
    private bool _draining;
    private bool _isDown;

    private readonly record struct Message(RedisChannel Channel, ReadOnlyMemory<byte> Body);

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>Down: nothing is sent and nothing waits, for nobody would care for it later.</summary>
    public void SetDown(bool isDown)
    {
        int dropped;
        lock (_gate)
        {
            _isDown = isDown;
            dropped = isDown ? _waiting.Count : 0;
            if (isDown)
            {
                _waiting.Clear();
                _waitingBytes = 0;
            }
        }

        if (dropped > 0)
            metrics.Dropped("down", dropped);
    }

    public void Send(RedisChannel channel, ReadOnlyMemory<byte> body)
    {
        var dropped = 0;
        lock (_gate)
        {
            if (_isDown)
            {
                dropped = 1;
            }
            else
            {
                _waiting.Enqueue(new(channel, body));
                _waitingBytes += body.Length;
                while (_waiting.Count > options.QueuedMessages || (_waitingBytes > options.QueuedBytes && _waiting.Count > 1))
                {
                    _waitingBytes -= _waiting.Dequeue().Body.Length;
                    dropped++;
                }
            }
        }

        if (dropped > 0)
            metrics.Dropped(dropped == 1 && _isDown ? "down" : "full", dropped);
        Drain();
    }

    // One thread at a time hands messages to the connection, so that their order stays; no lock is held over it.
    private void Drain()
    {
        lock (_gate)
        {
            if (_draining)
                return;
            _draining = true;
        }

        while (true)
        {
            Message message;
            lock (_gate)
            {
                if (_sendingCount >= MaxSending || _sendingBytes >= MaxSendingBytes || !_waiting.TryDequeue(out message))
                {
                    _draining = false;
                    return;
                }

                _waitingBytes -= message.Body.Length;
                _sendingCount++;
                _sendingBytes += message.Body.Length;
            }

            _ = SendAsync(message);
        }
    }

    private async Task SendAsync(Message message)
    {
        try
        {
            var subscriber = connection.Multiplexer!.GetSubscriber();
            await subscriber.PublishAsync(message.Channel, message.Body).ConfigureAwait(false);
            metrics.Published();
        }
        catch (Exception)
        {
            // Whatever it was, it was only a hint; that the server is ill is found, and told, by its probe.
            metrics.Dropped("failed");
        }

        lock (_gate)
        {
            _sendingCount--;
            _sendingBytes -= message.Body.Length;
            if (_waiting.Count == 0)
                return;
        }

        Drain();
    }
}
