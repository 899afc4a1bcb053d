// A list in chunks, so that a change in a long one moves and, after a fork, copies one chunk and the row of chunks, not
// everything beside it. Whose a chunk is it says itself; it is changed in place by its owner, and copied by others.

namespace CloudSync.Operations;

/// <summary>Values in a row. Copying it shares all chunks.</summary>
internal sealed class ChunkedList<T>
{
    /// <summary>How many items a chunk has at the most.</summary>
    public const int ChunkLength = 256;

    private Chunk[] _chunks;
    private int[] _counts;
    private int _chunkCount;

    public ChunkedList()
    {
        _chunks = [];
        _counts = [];
    }

    private ChunkedList(ChunkedList<T> other)
    {
        _chunks = other._chunks.AsSpan(0, other._chunkCount).ToArray();
        _counts = other._counts.AsSpan(0, other._chunkCount).ToArray();
        _chunkCount = other._chunkCount;
        Count = other.Count;
    }

    public int Count { get; private set; }

    public T this[int index]
    {
        get
        {
            var at = Locate(index);
            return _chunks[at.Chunk].Items[at.Offset];
        }
    }

    /// <summary>Another list of the same items.</summary>
    public ChunkedList<T> Copy() => new(this);

    public Enumerator GetEnumerator() => new(this);

    public void Set(int index, T item, object? owner)
    {
        var at = Locate(index);
        Owned(at.Chunk, owner).Items[at.Offset] = item;
    }

    public void Insert(int index, T item, object? owner)
    {
        if (_chunkCount == 0)
            InsertChunk(0, new Chunk(owner, new T[4]), 0);
        var at = index == Count ? (Chunk: _chunkCount - 1, Offset: _counts[_chunkCount - 1]) : Locate(index);
        if (_counts[at.Chunk] == ChunkLength)
            at = Part(at.Chunk, at.Offset, owner);

        var chunk = Owned(at.Chunk, owner);
        var count = _counts[at.Chunk]++;
        if (count == chunk.Items.Length)
            Array.Resize(ref chunk.Items, Math.Min(ChunkLength, count * 2));
        chunk.Items.AsSpan(at.Offset, count - at.Offset).CopyTo(chunk.Items.AsSpan(at.Offset + 1));
        chunk.Items[at.Offset] = item;
        Count++;
    }

    public void RemoveAt(int index, object? owner)
    {
        var at = Locate(index);
        Count--;
        if (_counts[at.Chunk] == 1)
        {
            RemoveChunk(at.Chunk);
            return;
        }

        var items = Owned(at.Chunk, owner).Items;
        var count = --_counts[at.Chunk];
        items.AsSpan(at.Offset + 1, count - at.Offset).CopyTo(items.AsSpan(at.Offset));
        items[count] = default!;
        if (count <= ChunkLength / 4 && at.Chunk + 1 < _chunkCount && count + _counts[at.Chunk + 1] <= ChunkLength / 2)
            Join(at.Chunk, owner);
    }

    /// <summary>
    /// Looks for an item in a sorted list. Returns where it is, or the complement of where it would have to stand.
    /// </summary>
    public int BinarySearch<TKey>(TKey key, Func<T, TKey, int> compare)
    {
        // First the last chunk that doesn't begin behind it.
        var (low, high) = (0, _chunkCount - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (compare(_chunks[middle].Items[0], key) <= 0)
                low = middle;
            else
                high = middle - 1;
        }

        if (_chunkCount == 0)
            return ~0;
        var start = 0;
        foreach (var count in _counts.AsSpan(0, low))
            start += count;
        var items = _chunks[low].Items;
        var (first, last) = (0, _counts[low] - 1);
        while (first <= last)
        {
            var middle = (first + last) / 2;
            var order = compare(items[middle], key);
            if (order == 0)
                return start + middle;
            if (order < 0)
                first = middle + 1;
            else
                last = middle - 1;
        }

        return ~(start + first);
    }

    private (int Chunk, int Offset) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
        var chunk = 0;
        while (index >= _counts[chunk])
            index -= _counts[chunk++];
        return (chunk, index);
    }

    // The chunk, if it is the owner's, or a copy in its place.
    private Chunk Owned(int index, object? owner)
    {
        var chunk = _chunks[index];
        if (!ReferenceEquals(chunk.Owner, owner))
            _chunks[index] = chunk = new(owner, chunk.Items.AsSpan().ToArray());
        return chunk;
    }

    // Makes room in a full chunk: by parting it in the middle, or, at its end, with an empty one behind it.
    private (int Chunk, int Offset) Part(int index, int offset, object? owner)
    {
        var keep = offset == ChunkLength ? ChunkLength : ChunkLength / 2;
        var moved = new T[ChunkLength];
        _chunks[index].Items.AsSpan(keep).CopyTo(moved);
        if (keep < ChunkLength)
            Owned(index, owner).Items.AsSpan(keep).Clear();
        InsertChunk(index + 1, new Chunk(owner, moved), ChunkLength - keep);
        _counts[index] = keep;
        return offset > keep || keep == ChunkLength ? (index + 1, offset - keep) : (index, offset);
    }

    private void Join(int index, object? owner)
    {
        var count = _counts[index];
        var items = new T[ChunkLength];
        _chunks[index].Items.AsSpan(0, count).CopyTo(items);
        _chunks[index + 1].Items.AsSpan(0, _counts[index + 1]).CopyTo(items.AsSpan(count));
        _chunks[index] = new(owner, items);
        _counts[index] += _counts[index + 1];
        RemoveChunk(index + 1);
    }

    private void InsertChunk(int index, Chunk chunk, int count)
    {
        if (_chunkCount == _chunks.Length)
        {
            Array.Resize(ref _chunks, Math.Max(1, _chunkCount * 2));
            Array.Resize(ref _counts, Math.Max(1, _chunkCount * 2));
        }

        _chunks.AsSpan(index, _chunkCount - index).CopyTo(_chunks.AsSpan(index + 1));
        _counts.AsSpan(index, _chunkCount - index).CopyTo(_counts.AsSpan(index + 1));
        _chunks[index] = chunk;
        _counts[index] = count;
        _chunkCount++;
    }

    private void RemoveChunk(int index)
    {
        _chunkCount--;
        _chunks.AsSpan(index + 1, _chunkCount - index).CopyTo(_chunks.AsSpan(index));
        _counts.AsSpan(index + 1, _chunkCount - index).CopyTo(_counts.AsSpan(index));
        _chunks[_chunkCount] = null!;
    }

    public struct Enumerator(ChunkedList<T> list)
    {
        private int _chunk;
        private int _offset = -1;

        public readonly T Current => list._chunks[_chunk].Items[_offset];

        public bool MoveNext()
        {
            if (_chunk == list._chunkCount)
                return false;
            if (++_offset < list._counts[_chunk])
                return true;
            _offset = 0;
            return ++_chunk < list._chunkCount;
        }
    }

    private sealed class Chunk(object? owner, T[] items)
    {
        public readonly object? Owner = owner;
        public T[] Items = items;
    }
}
