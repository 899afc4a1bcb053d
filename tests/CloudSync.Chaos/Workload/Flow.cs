// Whether edits flow: of each writer, when the newest of his acknowledged edits was begun.

using System.Collections.Concurrent;

namespace CloudSync.Chaos.Workload;

internal sealed class Flow
{
    private readonly ConcurrentDictionary<string, long> _newest = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Counts a writer in.</summary>
    public void Add(string writer) => _newest[writer] = 0;

    /// <summary>An edit of a writer was acknowledged.</summary>
    public void Acknowledged(string writer, long began)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _newest[writer] = Math.Max(_newest[writer], began);
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.TrySetResult();
    }

    /// <summary>Those of whom no edit that was begun after a moment has been acknowledged.</summary>
    public IReadOnlyList<string> Waiting(long since) =>
        [.. _newest.Where(writer => writer.Value <= since).Select(static writer => writer.Key).Order(StringComparer.Ordinal)];

    /// <summary>Waits until of each writer an edit that was begun after a moment is acknowledged.</summary>
    /// <returns>False if it took longer than that.</returns>
    public async Task<bool> WhenFlowingAsync(long since, TimeSpan patience, CancellationToken stop)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        enough.CancelAfter(patience);
        while (true)
        {
            Task changed;
            lock (_gate)
                changed = _changed.Task;
            if (Waiting(since).Count == 0)
                return true;
            try
            {
                await changed.WaitAsync(enough.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}
