// Stands between documents and a fan-out: loses, repeats and reorders as a seed says, or loses everything.

using CloudSync.Fanout;

namespace CloudSync.Redis.Tests;

internal sealed class FaultyFanout(IFanout inner, Random? random = null) : IFanout
{
    private readonly Queue<(string DocumentId, ReadOnlyMemory<byte> Message)> _held = new();

    /// <summary>Loses everything that is published here.</summary>
    public bool Mute { get; set; }

    public bool IsHealthy => inner.IsHealthy;

    public event Action? HealthChanged
    {
        add => inner.HealthChanged += value;
        remove => inner.HealthChanged -= value;
    }

    public bool IsHealthyFor(string documentId) => inner.IsHealthyFor(documentId);

    public async ValueTask PublishAsync(
        string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (Mute)
            return;
        foreach (var (id, bytes) in Choose(documentId, message))
            await inner.PublishAsync(id, bytes, cancellationToken);
    }

    private List<(string DocumentId, ReadOnlyMemory<byte> Message)> Choose(string documentId, ReadOnlyMemory<byte> message)
    {
        if (random is null)
            return [(documentId, message)];
        lock (_held)
        {
            switch (random.Next(4))
            {
                case 0:
                    return [];
                case 1:
                    return [(documentId, message), (documentId, message)];
                case 2:
                    _held.Enqueue((documentId, message));
                    return [];
                default:
                    return _held.TryDequeue(out var late) ? [(documentId, message), late] : [(documentId, message)];
            }
        }
    }

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) =>
        inner.SubscribeAsync(documentId, handler, cancellationToken);
}
