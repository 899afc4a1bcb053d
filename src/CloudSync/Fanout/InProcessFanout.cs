// The embedded fan-out: for one gateway that is alone. Everything happens inside PublishAsync: no queue, no thread.

using System.Collections.Immutable;

namespace CloudSync.Fanout;

/// <summary>Hands what is published to the subscribers in this process.</summary>
internal sealed class InProcessFanout : IFanout
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ImmutableArray<Subscription>> _subscriptions = new(StringComparer.Ordinal);

    /// <summary>How many documents have a subscriber: 0 when nothing was leaked.</summary>
    internal int SubscribedDocuments
    {
        get
        {
            lock (_gate)
                return _subscriptions.Count;
        }
    }

    /// <summary>Always: nothing is between publisher and subscriber.</summary>
    public bool IsHealthy => true;

    public bool IsHealthyFor(string documentId) => true;

    public event Action? HealthChanged
    {
        add { }
        remove { }
    }

    public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        ImmutableArray<Subscription> subscriptions;
        lock (_gate)
        {
            if (!_subscriptions.TryGetValue(documentId, out subscriptions))
                return ValueTask.CompletedTask;
        }

        foreach (var subscription in subscriptions)
            subscription.Deliver(message);
        return ValueTask.CompletedTask;
    }

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<IAsyncDisposable>(cancellationToken);
        var subscription = new Subscription(this, documentId, handler);
        lock (_gate)
        {
            _subscriptions[documentId] = _subscriptions.TryGetValue(documentId, out var others)
                ? others.Add(subscription)
                : [subscription];
        }

        return ValueTask.FromResult<IAsyncDisposable>(subscription);
    }

    private void Remove(Subscription subscription)
    {
        lock (_gate)
        {
            if (!_subscriptions.TryGetValue(subscription.DocumentId, out var subscriptions))
                return;
            var others = subscriptions.Remove(subscription);
            if (others.IsEmpty)
                _subscriptions.Remove(subscription.DocumentId);
            else
                _subscriptions[subscription.DocumentId] = others;
        }
    }

    private sealed class Subscription(InProcessFanout fanout, string documentId, Action<ReadOnlyMemory<byte>> handler)
        : IAsyncDisposable
    {
        private readonly Queue<ReadOnlyMemory<byte>> _waiting = new();
        private bool _delivering;
        private bool _ended;

        public string DocumentId => documentId;

        // Whoever comes while another publisher (or the handler itself) is delivering leaves the message with it: so the
        // handler runs once at a time, in order, without a lock held over it.
        public void Deliver(ReadOnlyMemory<byte> message)
        {
            lock (_waiting)
            {
                if (_ended)
                    return;
                _waiting.Enqueue(message);
                if (_delivering)
                    return;
                _delivering = true;
            }

            while (true)
            {
                ReadOnlyMemory<byte> next;
                lock (_waiting)
                {
                    if (_ended || !_waiting.TryDequeue(out next))
                    {
                        _delivering = false;
                        return;
                    }
                }

                try
                {
                    handler(next);
                }
                catch (Exception)
                {
                    // The contract forbids it; were it to happen, the publisher and its neighbours must not suffer, and
                    // what was missed is healed from the log.
                }
            }
        }

        public ValueTask DisposeAsync()
        {
            lock (_waiting)
            {
                _ended = true;
                _waiting.Clear();
            }

            fanout.Remove(this);
            return ValueTask.CompletedTask;
        }
    }
}
