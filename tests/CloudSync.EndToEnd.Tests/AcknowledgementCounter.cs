// Counts acknowledged operations and does something at a certain one: so that the moment of a kill is a number and not a
// time.

namespace CloudSync.EndToEnd.Tests;

internal sealed class AcknowledgementCounter
{
    private readonly Lock gate = new();
    private long count;
    private long target = long.MaxValue;
    private Action? action;
    private TaskCompletionSource reached = new();

    public long Count
    {
        get
        {
            lock (gate)
                return count;
        }
    }

    /// <summary>Does something on the thread that counts the n-th operation from now on.</summary>
    /// <returns>Completes after that.</returns>
    public Task AfterAsync(int operations, Action action)
    {
        lock (gate)
        {
            target = count + operations;
            this.action = action;
            reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return reached.Task;
        }
    }

    public void Add(long operations)
    {
        lock (gate)
        {
            count += operations;
            if (count < target)
                return;
            target = long.MaxValue;
            action!();
            reached.SetResult();
        }
    }
}
