// Group commit: while one append is under way, whatever other documents bring gathers for the next. One durable write
// then pays for all of them.

using CloudSync.Log;

namespace CloudSync.Documents;

/// <summary>Turns many documents' appends into few writes to the log. Thread-safe.</summary>
internal sealed class GroupCommit(IOperationLog log, DocumentMetrics metrics, TaskScheduler scheduler)
{
    // One write stays small enough that the next does not wait long for it.
    private const int MaxDocuments = 1_024;
    private const int MaxBytes = 8 << 20;

    private readonly Lock _gate = new();
    private Queue<Pending> _waiting = new();
    private bool _running;

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
        lock (_gate)
        {
            _waiting.Enqueue(pending);
            if (_running)
                return pending.Task;
            _running = true;
        }

        _ = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
        return pending.Task;
    }

    private async Task RunAsync()
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
                    _running = false;
                    return;
                }
            }

            await AppendAsync(group);
        }
    }

    private async Task AppendAsync(List<Pending> group)
    {
        var start = metrics.Time.GetTimestamp();
        try
        {
            var appends = new DocumentAppend[group.Count];
            for (var i = 0; i < appends.Length; i++)
                appends[i] = group[i].Append;
            var results = await log.AppendAsync(appends, CancellationToken.None);
            if (results.Count != appends.Length)
                throw new InvalidDataException($"The log gave {results.Count} results for {appends.Length} appends.");
            metrics.Appended(appends, results, start);
            for (var i = 0; i < appends.Length; i++)
                group[i].SetResult(results[i]);
        }
        catch (Exception exception)
        {
            metrics.AppendFailed();
            // Whatever it was, nobody knows what was written: that is what this exception says.
            var unknown = exception as LogUnavailableException
                ?? new LogUnavailableException("The append failed: " + exception.Message, exception);
            foreach (var pending in group)
                pending.TrySetException(unknown);
        }
    }
}
