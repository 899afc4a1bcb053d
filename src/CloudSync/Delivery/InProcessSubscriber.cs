// What waits for one subscriber in this process, and what it has given up. All its methods expect the delivery's lock.

using CloudSync.Log;

namespace CloudSync.Delivery;

internal sealed class InProcessSubscriber(string name)
{
    /// <summary>Of more that was given up, the oldest is forgotten. It is in the log.</summary>
    public const int FailedMax = 10_000;

    // A document is here once while something of it waits and nobody handles it.
    private readonly Queue<string> _ready = new();
    private readonly Dictionary<string, DocumentQueue> _documents = new(StringComparer.Ordinal);
    private readonly SortedDictionary<(DateTimeOffset, string, long), FailedDelivery> _failed = [];

    private sealed class DocumentQueue
    {
        public LinkedList<VersionRange> Ranges { get; } = [];

        public bool InHands { get; set; }

        public bool IsQueued { get; set; }
    }

    public string Name => name;

    /// <summary>How many documents wait to be taken.</summary>
    public int ReadyCount => _ready.Count;

    public bool IsSubscribed { get; set; }

    /// <summary>Called when a document becomes ready.</summary>
    public Action? BecameReady { get; set; }

    public IEnumerable<VersionRange> Waiting => _documents.Values.SelectMany(static document => document.Ranges);

    /// <summary>The oldest first.</summary>
    public IReadOnlyCollection<FailedDelivery> Failed => _failed.Values;

    /// <summary>Adds what was published. What waits already is not added twice.</summary>
    public void Add(VersionRange range)
    {
        var document = Find(range.DocumentId);
        if (document.Ranges.Last is { } newest && range.First >= newest.Value.First && range.First <= newest.Value.Last + 1)
            newest.Value = newest.Value with { Last = Math.Max(newest.Value.Last, range.Last) };
        else
            document.Ranges.AddLast(range);
        Ready(range.DocumentId, document);
    }

    /// <summary>A document's oldest range, which nobody else is given until <see cref="GiveBack"/>.</summary>
    public bool TryTake(out VersionRange range)
    {
        while (_ready.TryDequeue(out var documentId))
        {
            var document = _documents[documentId];
            document.IsQueued = false;
            // What waited was found done when the journal was read.
            if (document.Ranges.Count == 0)
            {
                _documents.Remove(documentId);
                continue;
            }

            document.InHands = true;
            range = document.Ranges.First!.Value;
            return true;
        }

        range = default;
        return false;
    }

    /// <summary>
    /// The oldest range of a document, which begins with <paramref name="first"/>, is done up to a version. Another one is
    /// not meant: the journal may say twice what was done.
    /// </summary>
    public void Advance(string documentId, long first, long last)
    {
        if (!_documents.TryGetValue(documentId, out var document) || document.Ranges.First is not { } oldest
            || oldest.Value.First != first)
            return;
        if (last >= oldest.Value.Last)
            document.Ranges.RemoveFirst();
        else
            oldest.Value = oldest.Value with { First = last + 1 };
    }

    public void GiveUp(FailedDelivery failed)
    {
        Advance(failed.DocumentId, failed.FirstVersion, failed.LastVersion);
        _failed[(failed.FailedAt, failed.DocumentId, failed.FirstVersion)] = failed;
        if (_failed.Count > FailedMax)
            _failed.Remove(_failed.Keys.First());
    }

    public void GiveBack(string documentId)
    {
        var document = _documents[documentId];
        document.InHands = false;
        if (document.Ranges.Count == 0)
            _documents.Remove(documentId);
        else
            Ready(documentId, document);
    }

    /// <summary>What was given up waits again; returns how much.</summary>
    public int Replay()
    {
        var count = _failed.Count;
        // One at a time, as they were given up: ranges are not merged with what was never tried.
        foreach (var failed in _failed.Values)
        {
            var document = Find(failed.DocumentId);
            document.Ranges.AddLast(new VersionRange(failed.DocumentId, failed.FirstVersion, failed.LastVersion));
            Ready(failed.DocumentId, document);
        }

        _failed.Clear();
        return count;
    }

    private DocumentQueue Find(string documentId)
    {
        if (!_documents.TryGetValue(documentId, out var document))
            _documents.Add(documentId, document = new());
        return document;
    }

    private void Ready(string documentId, DocumentQueue document)
    {
        if (document.InHands || document.IsQueued)
            return;
        document.IsQueued = true;
        _ready.Enqueue(documentId);
        BecameReady?.Invoke();
    }
}
