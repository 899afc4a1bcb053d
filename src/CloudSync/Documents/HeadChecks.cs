// What the fan-out has lost is found in the log (law 5): heads are compared now and then as long as it is healthy, often
// while it is not, and once more when it has come back.

using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

/// <summary>Compares the heads of the documents in memory with the log's.</summary>
internal sealed class HeadChecks : IAsyncDisposable
{
    // What one read of the log may ask for, and so what is asked for at each turn while the fan-out is ill.
    private const int HeadsPerRead = 1_000;

    // A title that was changed elsewhere moves no head: at each regular check so many records are read, in turn.
    private const int RecordsPerCheck = 100;

    private readonly DocumentParts _parts;
    private readonly Func<IEnumerable<OpenDocument>> _documents;
    private readonly Queue<OpenDocument> _round = new();
    private readonly ITimer _pollTimer;
    private long _checkedTimestamp;
    private int _checking;
    private int _polling;
    private int _everything;
    private int _recordsRead;
    private volatile bool _failing;
    private volatile bool _stopped;

    public HeadChecks(DocumentParts parts, Func<IEnumerable<OpenDocument>> documents)
    {
        (_parts, _documents) = (parts, documents);
        _checkedTimestamp = parts.Time.GetTimestamp();
        parts.Fanout.HealthChanged += OnHealthChanged;
        var interval = parts.Options.HeadPollInterval;
        _pollTimer = parts.Time.CreateTimer(static state => ((HeadChecks)state!).Poll(), this, interval, interval);
    }

    // Whatever changed, something may have been lost until now, of any document.
    private void OnHealthChanged() => Volatile.Write(ref _everything, 1);

    /// <summary>The regular check, for when the fan-out is healthy and yet loses a message that nothing follows.</summary>
    public void CheckIfDue()
    {
        if (_parts.Time.GetElapsedTime(Volatile.Read(ref _checkedTimestamp)) >= _parts.Options.HeadCheckInterval
            && Interlocked.Exchange(ref _checking, 1) == 0)
        {
            _parts.Start(CheckAsync);
        }
    }

    private async Task CheckAsync()
    {
        try
        {
            var shared = _parts.Leases.HasOthers;
            var documents = _documents().Where(static document => document.HasSessions).ToList();
            foreach (var some in documents.Chunk(HeadsPerRead))
                await CompareAsync(some, shared);
            if (shared)
                CheckRecords(documents);
        }
        finally
        {
            Volatile.Write(ref _checkedTimestamp, _parts.Time.GetTimestamp());
            Volatile.Write(ref _checking, 0);
        }
    }

    private void CheckRecords(List<OpenDocument> documents)
    {
        for (var i = 0; i < Math.Min(RecordsPerCheck, documents.Count); i++)
            documents[(int)((uint)_recordsRead++ % (uint)documents.Count)].CheckRecord();
    }

    private void Poll()
    {
        if (_stopped || (_parts.Fanout.IsHealthy && Volatile.Read(ref _everything) == 0 && Volatile.Read(ref _polling) == 0
            && _round.Count == 0))
        {
            return;
        }

        if (Interlocked.Exchange(ref _polling, 1) == 0)
            _parts.Start(PollAsync);
    }

    // One read at each turn, however many documents there are: they take turns.
    private async Task PollAsync()
    {
        try
        {
            if (_round.Count == 0)
                BeginRound();
            var some = new List<OpenDocument>();
            while (some.Count < HeadsPerRead && _round.TryDequeue(out var document))
                some.Add(document);
            if (some.Count > 0)
                await CompareAsync(some, share: _parts.Fanout.IsHealthy && _parts.Leases.HasOthers);
        }
        finally
        {
            Volatile.Write(ref _polling, 0);
        }
    }

    private void BeginRound()
    {
        var everything = Interlocked.Exchange(ref _everything, 0) == 1;
        foreach (var document in _documents())
        {
            if (everything || (document.HasSessions && !_parts.Fanout.IsHealthyFor(document.Id)))
                _round.Enqueue(document);
        }
    }

    private async Task CompareAsync(IReadOnlyList<OpenDocument> documents, bool share)
    {
        // What one gateway has told the others of its people may be lost likewise. That needs no log, and must not wait for one: who isn't
        // told of is taken for gone.
        if (share)
        {
            foreach (var document in documents)
                document.SharePresence(everybody: true);
        }

        try
        {
            var ids = new string[documents.Count];
            var known = new long[documents.Count];
            for (var i = 0; i < ids.Length; i++)
                (ids[i], known[i]) = (documents[i].Id, documents[i].Head);
            var heads = await _parts.Log.ReadHeadsAsync(ids, CancellationToken.None);
            _parts.Metrics.HeadsCompared(ids.Length);
            _failing = false;
            for (var i = 0; i < ids.Length; i++)
            {
                documents[i].Hint(heads[i]);
                // Deleted where nobody has told us of, or not what is in memory here.
                if (heads[i] < known[i])
                    documents[i].CheckRecord();
            }
        }
        catch (Exception exception)
        {
            // Said once: what can't be read now is asked for again soon enough.
            if (!_failing)
                _parts.Logger.HeadCheckFailed(exception.Message);
            _failing = true;
        }
    }

    public ValueTask DisposeAsync()
    {
        _stopped = true;
        _parts.Fanout.HealthChanged -= OnHealthChanged;
        return _pollTimer.DisposeAsync();
    }
}
