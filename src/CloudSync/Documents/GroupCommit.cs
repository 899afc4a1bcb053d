// Group commit: while as many appends are under way as the log does well with, whatever other documents bring gathers for
// the next. One durable write then pays for all of them.

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

    // A second append beside one that is under way pays when it is large. Small ones had better wait and go together: each
    // costs the log nearly as much as a large one.
    private const int DocumentsForAnother = 32;

    private readonly Lock _gate = new();
    private readonly Queue<Pending> _waiting = new();
    private readonly Stack<int> _idleLanes = new(Enumerable.Range(0, log.AppendsAtOnce));

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
        lock (_gate)
        {
            _waiting.Enqueue(pending);
            var busy = log.AppendsAtOnce - _idleLanes.Count;
            if ((busy > 0 && _waiting.Count < DocumentsForAnother) || !_idleLanes.TryPop(out lane))
                return pending.Task;
        }

        _ = Task.Factory.StartNew(() => RunAsync(lane), CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
        return pending.Task;
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
                    return;
                }
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
