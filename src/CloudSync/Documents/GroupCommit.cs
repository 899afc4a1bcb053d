// Group commit: while an append is under way, documents wait for the next one, and what is submitted to them meanwhile goes with it. So
// one durable write pays for all of them, and one message for all that was typed in a document. A log that does well with several at
// once gets another when there is much for it.

using CloudSync.Delivery;
using CloudSync.Log;

namespace CloudSync.Documents;

/// <summary>Has something to append.</summary>
internal interface ICommitting
{
    /// <summary>The next append gathers: it may make its batch of what has come until now. Handles its own exceptions.</summary>
    Task BeginAsync();
}

/// <summary>Turns many documents' appends into few writes to the log. Thread-safe.</summary>
internal sealed class GroupCommit(
    IOperationLog log, DocumentMetrics metrics, TaskScheduler scheduler, LogWrites writes, CommitSignal? committed = null)
{
    // One write stays small enough that the next does not wait long for it.
    private const int MaxDocuments = 1_024;
    private const int MaxBytes = 8 << 20;

    // A second append beside one that is under way pays when it is large. Small ones had better wait and go together, since each
    // costs the log nearly as much as a large one; unless the first is stuck, which must not hold up everybody.
    public const int DocumentsForAnother = 32;
    public static readonly TimeSpan PatienceForAnother = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Queue<Pending> _waiting = new();
    private readonly Stack<int> _idleLanes = new(Enumerable.Range(0, log.AppendsAtOnce));
    private readonly long?[] _begun = new long?[log.AppendsAtOnce];
    private List<ICommitting> _next = [];
    private bool _watching;

    // A lane has been started and has not yet taken what it appends.
    private bool _gathering;

    private sealed class Pending(DocumentAppend append)
        : TaskCompletionSource<AppendResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public DocumentAppend Append { get; } = append;

        public long Bytes { get; } = append.Operations.Sum(operation => (long)operation.Bytes.Length);
    }

    /// <summary>
    /// Whether a document may make a batch of what was submitted to it. If not, its <see cref="ICommitting.BeginAsync"/> is called when it
    /// may, once; it doesn't ask again before.
    /// </summary>
    public bool TryBegin(ICommitting document)
    {
        List<ICommitting> next = [];
        var lane = -1;
        var watch = false;
        lock (_gate)
        {
            if (_gathering || !IsAnyUnderWay_NeedsLock())
                return true;
            _next.Add(document);
            if (_next.Count >= DocumentsForAnother && _idleLanes.TryPop(out lane))
            {
                next = TakeNext_NeedsLock();
                _gathering = true;
            }
            else
            {
                lane = -1;
                watch = ShouldWatch_NeedsLock();
            }
        }

        if (watch)
            _ = WatchAsync();
        Start(next, lane);
        return false;
    }

    /// <summary>Appends; at most one call for each document at a time.</summary>
    /// <exception cref="LogUnavailableException">The outcome is unknown: read the log.</exception>
    public Task<AppendResult> AppendAsync(DocumentAppend append)
    {
        var pending = new Pending(append);
        int lane;
        List<ICommitting> next;
        var watch = false;
        lock (_gate)
        {
            _waiting.Enqueue(pending);
            if (!TryStart_NeedsLock(out lane, out next))
                watch = ShouldWatch_NeedsLock();
        }

        if (watch)
            _ = WatchAsync();
        Start(next, lane);
        return pending.Task;
    }

    // Whoever waits for the next append may come to it.
    private bool TryStart_NeedsLock(out int lane, out List<ICommitting> next)
    {
        if (_waiting.Count == 0 || _gathering || (_waiting.Count < DocumentsForAnother && IsAnyUnderWay_NeedsLock())
            || !_idleLanes.TryPop(out lane))
        {
            (lane, next) = (-1, []);
            return false;
        }

        next = TakeNext_NeedsLock();
        return _gathering = true;
    }

    // One that is stuck doesn't count.
    private bool IsAnyUnderWay_NeedsLock()
    {
        foreach (var begun in _begun)
        {
            if (begun is { } at && metrics.Time.GetElapsedTime(at) < PatienceForAnother)
                return true;
        }

        return false;
    }

    private List<ICommitting> TakeNext_NeedsLock()
    {
        var next = _next;
        _next = [];
        return next;
    }

    // The lane behind the documents: it appends what these bring, as far as they have come to it.
    private void Start(List<ICommitting> next, int lane)
    {
        foreach (var document in next)
            Start(document.BeginAsync);
        if (lane >= 0)
            Start(() => RunAsync(lane));
    }

    // Fairly: at the end of what is ready to run.
    private void Start(Func<Task> work) => _ = Task.Factory.StartNew(
        work, CancellationToken.None, TaskCreationOptions.DenyChildAttach | TaskCreationOptions.PreferFairness, scheduler);

    // Somebody waits though a lane is idle: the append he waits for may turn out to be stuck.
    private bool ShouldWatch_NeedsLock() => !_watching && (_watching = IsAnyWaiting_NeedsLock());

    private bool IsAnyWaiting_NeedsLock() => !_gathering && _idleLanes.Count > 0 && (_waiting.Count > 0 || _next.Count > 0);

    private async Task WatchAsync()
    {
        while (true)
        {
            await Task.Delay(PatienceForAnother, metrics.Time);
            int lane;
            List<ICommitting> next;
            lock (_gate)
            {
                if (!TryStart_NeedsLock(out lane, out next))
                {
                    if (IsAnyWaiting_NeedsLock() && IsAnyUnderWay_NeedsLock())
                        continue;
                    next = TakeNext_NeedsLock();
                }

                _watching = false;
            }

            Start(next, lane);
            return;
        }
    }

    private async Task RunAsync(int lane)
    {
        var group = new List<Pending>();
        if (!TryTakeGathered(group, lane))
            return;
        do
        {
            await AppendAsync(group, lane);
        }
        while (TryTakeNext(group, lane));
    }

    private bool TryTakeGathered(List<Pending> group, int lane)
    {
        lock (_gate)
        {
            _gathering = false;
            return TryTake_NeedsLock(group, lane);
        }
    }

    // False too if somebody has waited for this: the lane goes behind them, to the end of what is ready to run.
    private bool TryTakeNext(List<Pending> group, int lane)
    {
        List<ICommitting> next;
        lock (_gate)
        {
            // Another lane, for which those who waited bring what they have.
            if (_gathering)
            {
                _idleLanes.Push(lane);
                return false;
            }

            if (_next.Count == 0)
                return TryTake_NeedsLock(group, lane);
            next = TakeNext_NeedsLock();
            _gathering = true;
        }

        Start(next, lane);
        return false;
    }

    private bool TryTake_NeedsLock(List<Pending> group, int lane)
    {
        group.Clear();
        var bytes = 0L;
        while (group.Count < MaxDocuments && bytes < MaxBytes && _waiting.TryDequeue(out var pending))
        {
            group.Add(pending);
            bytes += pending.Bytes;
        }

        if (group.Count == 0)
        {
            _idleLanes.Push(lane);
            return false;
        }

        _begun[lane] = metrics.Time.GetTimestamp();
        return true;
    }

    // Whoever hears of it may go on with the next at once.
    private void Ended(int lane)
    {
        lock (_gate)
            _begun[lane] = null;
    }

    private async Task AppendAsync(List<Pending> group, int lane)
    {
        var start = metrics.Time.GetTimestamp();
        writes.Begin(lane);
        try
        {
            var appends = new DocumentAppend[group.Count];
            for (var i = 0; i < appends.Length; i++)
                appends[i] = group[i].Append;
            var results = await log.AppendAsync(appends, CancellationToken.None);
            if (results.Count != appends.Length)
                throw new InvalidDataException($"The log gave {results.Count} results for {appends.Length} appends.");
            writes.End(lane, null);
            Ended(lane);
            metrics.Appended(appends, results, start);
            committed?.Set();
            for (var i = 0; i < appends.Length; i++)
                group[i].SetResult(results[i]);
        }
        catch (Exception exception)
        {
            metrics.AppendFailed();
            // Whatever it was, nobody knows what was written: that is what this exception says.
            var unknown = exception as LogUnavailableException
                ?? new LogUnavailableException("The append failed: " + exception.Message, exception);
            writes.End(lane, unknown.Message);
            Ended(lane);
            foreach (var pending in group)
                pending.TrySetException(unknown);
        }
    }
}
