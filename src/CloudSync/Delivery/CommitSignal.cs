// A hint, within the process, that something was committed: so that the relay need not wait for its next look.

namespace CloudSync.Delivery;

/// <summary>Set by the group commit, waited for by the relay. Thread-safe.</summary>
internal sealed class CommitSignal
{
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something was committed.</summary>
    public void Set() => _next.TrySetResult();

    /// <summary>From here on only what comes later counts. The next wait is for that.</summary>
    public void Reset()
    {
        if (_next.Task.IsCompleted)
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Returns when it is set, or after a while.</summary>
    public Task WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken) =>
        Task.WhenAny(_next.Task, Task.Delay(longest, time, cancellationToken));
}
