// Group commit: while an append is under way, whatever other documents bring gathers for the next. One durable write then
// pays for all of them. A log that does well with several at once gets another when there is much for it.

using CloudSync.Delivery;
using CloudSync.Log;

namespace CloudSync.Documents;

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
    private bool _watching;

    private sealed class Pending(DocumentAppend append)
        : TaskCompletionSource<AppendResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public DocumentAppend Append { get; } = append;

        public long Bytes { get; } = append.Operations.Sum(operation => (long)operation.Bytes.Length);
    }

    /// <summary>Appends; at most one call for each document at a time.</summary>
    /// <exception cref="LogUnavailableException">The outcome is unknown: read the log.</exception>
    public Task<AppendResult> AppendAsync(DocumentAppend append)
    {
        var pending = new Pending(append);
        int lane;
        var watch = false;
        lock (_gate)
        {
            _waiting.Enqueue(pending);
            if (!TryBegin_NeedsLock(out lane))
            {
                watch = !_watching && _idleLanes.Count > 0;
                _watching |= watch;
            }
        }

        if (lane >= 0)
            Start(lane);
        else if (watch)
            _ = WatchAsync();
        return pending.Task;
    }

    private bool TryBegin_NeedsLock(out int lane)
    {
        if (_waiting.Count == 0 || (_waiting.Count < DocumentsForAnother && IsAnyUnderWay_NeedsLock()) || !_idleLanes.TryPop(out lane))
        {
            lane = -1;
            return false;
        }

        _begun[lane] = metrics.Time.GetTimestamp();
        return true;
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

    private void Start(int lane) => _ = Task.Factory.StartNew(
        () => RunAsync(lane), CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);

    // As long as somebody waits though a lane is idle: the append he waits for may turn out to be stuck.
    private async Task WatchAsync()
    {
        while (true)
        {
            await Task.Delay(PatienceForAnother, metrics.Time);
            int lane;
            lock (_gate)
            {
                if (!TryBegin_NeedsLock(out lane) && _waiting.Count > 0 && _idleLanes.Count > 0)
                    continue;
                _watching = false;
            }

            if (lane >= 0)
                Start(lane);
            return;
        }
    }

    private async Task RunAsync(int lane)
    {
        var group = new List<Pending>();
        while (true)
        {
            group.Clear();
            lock (_gate)
            {
                var bytes = 0L;
                while (group.Count < MaxDocuments && bytes < MaxBytes && _waiting.TryDequeue(out var pending))
                {
                    group.Add(pending);
                    bytes += pending.Bytes;
                }

                if (group.Count == 0)
                {
                    _idleLanes.Push(lane);
                    _begun[lane] = null;
                    return;
                }

                _begun[lane] = metrics.Time.GetTimestamp();
            }

            await AppendAsync(group, lane);
        }
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
            foreach (var pending in group)
                pending.TrySetException(unknown);
        }
    }
}
