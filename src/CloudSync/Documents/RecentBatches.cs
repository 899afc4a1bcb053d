// The newest batches of one document: what sessions that keep up are sent, and what submissions are transformed over.
// Bounded in operations and bytes; everything older is in the log.

namespace CloudSync.Documents;

/// <summary>A ring of the newest batches, without a gap between them. Guarded by its document's gate.</summary>
internal sealed class RecentBatches(int maxOperations, int maxBytes)
{
    // Besides the operation's own bytes: the encoded copy and the objects around it.
    private const int OverheadBytes = 160;

    private readonly List<CommittedBatch> _batches = [];
    private int _first;
    private int _operations;
    private long _bytes;

    /// <summary>The version from which on everything is here; null if nothing is.</summary>
    public long? OldestVersion => _first < _batches.Count ? _batches[_first].BaseVersion : null;

    public void Add(CommittedBatch batch)
    {
        if (_first < _batches.Count && _batches[^1].Version != batch.BaseVersion)
            Trim(0, 0);
        _batches.Add(batch);
        _operations += batch.Operations.Length;
        _bytes += CostBytes(batch);
        // The newest stays, however large: everybody who keeps up is sent the same bytes.
        Trim(Math.Max(maxOperations, batch.Operations.Length), Math.Max(maxBytes, CostBytes(batch)));
    }

    /// <summary>Drops the oldest until at most so much is left.</summary>
    public void Trim(int operations, long bytes)
    {
        while (_first < _batches.Count && (_operations > operations || _bytes > bytes))
        {
            var oldest = _batches[_first];
            _batches[_first++] = null!;
            _operations -= oldest.Operations.Length;
            _bytes -= CostBytes(oldest);
        }

        // Moved to the front once half is empty, so that each batch is moved at most once on average.
        if (_first > 16 && _first * 2 > _batches.Count)
        {
            _batches.RemoveRange(0, _first);
            _first = 0;
        }
    }

    /// <summary>The batch that leads on from a version, which may lie inside it; null if it is not here.</summary>
    public CommittedBatch? Find(long version)
    {
        int low = _first, high = _batches.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var batch = _batches[middle];
            if (version < batch.BaseVersion)
                high = middle - 1;
            else if (version >= batch.Version)
                low = middle + 1;
            else
                return batch;
        }

        return null;
    }

    /// <summary>Adds all operations after a version to a list; false if some of them are no longer here.</summary>
    public bool TryCollect(long afterVersion, long head, List<MeasuredOperation> operations)
    {
        if (afterVersion == head)
            return true;
        if (OldestVersion is not { } oldest || afterVersion < oldest)
            return false;
        for (var version = afterVersion; version < head;)
        {
            var batch = Find(version)!;
            for (var i = (int)(version - batch.BaseVersion); i < batch.Operations.Length; i++)
                operations.Add(batch.Operations[i]);
            version = batch.Version;
        }

        return true;
    }

    private static long CostBytes(CommittedBatch batch) =>
        (2L * batch.Chunk.Length) + ((long)OverheadBytes * batch.Operations.Length);
}
