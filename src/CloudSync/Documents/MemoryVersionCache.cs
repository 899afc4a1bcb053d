// The embedded cache: in this process's memory, bounded in bytes, the longest unused let go of first.

using Microsoft.Extensions.Options;

namespace CloudSync.Documents;

internal sealed class MemoryVersionCache(IOptions<CloudSyncOptions> options) : IVersionCache
{
    // One entry is not worth more than this share of the whole.
    private const int MaxShare = 4;

    // What an entry costs besides its bytes.
    private const int OverheadBytes = 256;

    private readonly long _maxBytes = options.Value.Limits.VersionCacheBytes;
    private readonly Lock _gate = new();
    private readonly Dictionary<VersionKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    private readonly record struct Entry(VersionKey Key, ReadOnlyMemory<byte> Bytes)
    {
        public long Cost => Bytes.Length + OverheadBytes;
    }

    /// <summary>What all entries cost.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    public ValueTask<ReadOnlyMemory<byte>?> FindAsync(VersionKey key, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var node))
                return new((ReadOnlyMemory<byte>?)null);
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return new(node.Value.Bytes);
        }
    }

    public ValueTask KeepAsync(VersionKey key, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var entry = new Entry(key, bytes);
        if (entry.Cost > _maxBytes / MaxShare)
            return ValueTask.CompletedTask;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var old))
                Remove_NeedsLock(old);
            _entries[key] = _byUse.AddFirst(entry);
            _bytes += entry.Cost;
            while (_bytes > _maxBytes)
                Remove_NeedsLock(_byUse.Last!);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>There is no other gateway to wait for.</summary>
    public ValueTask<IAsyncDisposable?> ClaimAsync(VersionKey key, CancellationToken cancellationToken) =>
        new(VersionClaim.OfNobody);

    private void Remove_NeedsLock(LinkedListNode<Entry> node)
    {
        _byUse.Remove(node);
        _entries.Remove(node.Value.Key);
        _bytes -= node.Value.Cost;
    }
}

/// <summary>A claim that binds nobody.</summary>
internal sealed class VersionClaim : IAsyncDisposable
{
    public static IAsyncDisposable OfNobody { get; } = new VersionClaim();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
