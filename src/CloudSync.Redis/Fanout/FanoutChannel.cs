// One document's channel in this process: subscribed to as long as somebody here listens, however many they are.
//
// What is wanted (is anybody listening?) changes at any moment; one loop at a time brings the server there. So a
// subscription that ends while the next begins costs nothing but another turn of the loop, and never loses the next one.

using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace CloudSync.Redis.Fanout;

internal sealed class FanoutChannel(FanoutServer server, string documentId, RedisChannel channel)
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Lock _delivering = new();
    private ImmutableArray<Subscription> _subscribers = [];
    private TaskCompletionSource _subscribed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _settling;
    private bool _onServer;
    private bool _renew;
    private bool _late;
    private bool _retired;

    public string DocumentId => documentId;

    public RedisChannel Channel => channel;

    /// <summary>The server has confirmed that messages will come.</summary>
    public bool IsSubscribed
    {
        get
        {
            lock (_gate)
                return _onServer && !_renew;
        }
    }

    /// <summary>Completes when the server has confirmed that messages will come.</summary>
    public Task Subscribed
    {
        get
        {
            lock (_gate)
                return _subscribed.Task;
        }
    }

    /// <summary>Adds a subscriber; null if the channel has been given up and another must be made.</summary>
    public Subscription? TryAdd(Action<ReadOnlyMemory<byte>> handler)
    {
        var subscription = new Subscription(this, handler);
        lock (_gate)
        {
            if (_retired)
                return null;
            _subscribers = _subscribers.Add(subscription);
        }

        Settle();
        return subscription;
    }

    /// <summary>Somebody goes on without waiting for the confirmation: until it comes, messages may be missed.</summary>
    public void MarkLate()
    {
        lock (_gate)
        {
            if (_late || _retired || (_onServer && !_renew))
                return;
            _late = true;
        }

        server.LateChanged(1);
    }

    /// <summary>The server has forgotten it.</summary>
    public void Renew()
    {
        lock (_gate)
        {
            if (!_onServer || _settling)
                return;
            _renew = true;
        }

        MarkLate();
        Settle();
    }

    private void Remove(Subscription subscription)
    {
        lock (_gate)
            _subscribers = _subscribers.Remove(subscription);
        Settle();
    }

    private void Settle()
    {
        lock (_gate)
        {
            if (_settling || _retired)
                return;
            _settling = true;
        }

        _ = SettleAsync();
    }

    private async Task SettleAsync()
    {
        while (!server.IsStopped)
        {
            bool settled, leaving = false, arrived = false;
            lock (_gate)
            {
                var wanted = !_subscribers.IsEmpty;
                settled = wanted == _onServer && !_renew;
                if (settled)
                {
                    _settling = false;
                    _retired = !wanted;
                    (arrived, _late) = (_late, false);
                    if (_retired)
                        server.Forget(this);
                }
                else if (_onServer)
                {
                    // Decided and said in one: whoever comes from here on waits for the next confirmation.
                    leaving = true;
                    (_onServer, _renew) = (false, false);
                    _subscribed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                }
            }

            if (arrived)
                server.LateChanged(-1);
            if (settled)
                return;
            try
            {
                if (leaving)
                    await server.Subscriber.UnsubscribeAsync(channel).ConfigureAwait(false);
                else
                    await SubscribeAsync().ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                server.SubscribeFailed(channel, exception);
                // The library keeps a subscription that failed, and would make it later behind our back.
                await ForgetAsync().ConfigureAwait(false);
                await server.DelayAsync(_retryDelay).ConfigureAwait(false);
            }
        }
    }

    private async Task SubscribeAsync()
    {
        var queue = await server.Subscriber.SubscribeAsync(channel).ConfigureAwait(false);
        queue.OnMessage(message => Deliver(message.Message));
        lock (_gate)
        {
            _onServer = true;
            _subscribed.TrySetResult();
        }
    }

    private async Task ForgetAsync()
    {
        try
        {
            await server.Subscriber.UnsubscribeAsync(channel, null, CommandFlags.FireAndForget).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            server.SubscribeFailed(channel, exception);
        }
    }

    // When a subscription is renewed, the queue of the old one may still be running dry: hence the lock, which is otherwise
    // never contended.
    private void Deliver(RedisValue message)
    {
        server.Metrics.Received();
        ReadOnlyMemory<byte> bytes = message;
        ImmutableArray<Subscription> subscribers;
        lock (_gate)
            subscribers = _subscribers;
        lock (_delivering)
        {
            foreach (var subscriber in subscribers)
                subscriber.Deliver(bytes);
        }
    }

    private void SubscriberFailed(Exception exception) => server.Logger.SubscriberFailed(documentId, exception);

    /// <summary>One subscriber.</summary>
    internal sealed class Subscription(FanoutChannel channel, Action<ReadOnlyMemory<byte>> handler) : IAsyncDisposable
    {
        private int _ended;

        public void Deliver(ReadOnlyMemory<byte> message)
        {
            if (Volatile.Read(ref _ended) != 0)
                return;
            try
            {
                handler(message);
            }
            catch (Exception exception)
            {
                // The contract forbids it; were it to happen, its neighbours must not suffer.
                channel.SubscriberFailed(exception);
            }
        }

        public ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
                channel.Remove(this);
            return ValueTask.CompletedTask;
        }
    }
}
