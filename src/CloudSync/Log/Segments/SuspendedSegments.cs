// A range is mostly read page by page. The segment that a page ended in is kept as it stands, so that the next page goes
// on there instead of unpacking it anew.

namespace CloudSync.Log;

/// <summary>
/// Segments that were left in the middle. What is in a segment never changes, so one stays right when its row was
/// replaced by a larger one. For implementations of <see cref="IOperationLog"/>. Thread-safe.
/// </summary>
/// <param name="capacity">How many are kept; each is a megabyte or less, and 12 MiB at the very most.</param>
public sealed class SuspendedSegments(int capacity)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<(long Document, SegmentReader Segment)> _segments = [];

    /// <summary>One that holds a version and hasn't passed it; it is the caller's own until it is put back.</summary>
    public SegmentReader? Take(long document, long version)
    {
        lock (_gate)
        {
            for (var node = _segments.First; node is not null; node = node.Next)
            {
                var (number, segment) = node.Value;
                if (number == document && segment.NextVersion <= version && version <= segment.LastVersion)
                {
                    _segments.Remove(node);
                    return segment;
                }
            }
        }

        return null;
    }

    /// <summary>Keeps one that was left in the middle; the one kept longest goes.</summary>
    public void Put(long document, SegmentReader segment)
    {
        // A single operation may be as large as it likes; such a segment isn't worth its memory.
        if (segment.FirstVersion == segment.LastVersion)
            return;
        lock (_gate)
        {
            _segments.AddFirst((document, segment));
            if (_segments.Count > capacity)
                _segments.RemoveLast();
        }
    }
}
