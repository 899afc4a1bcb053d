// A send that waits for room. What awaits it goes on in its own process, also if it doesn't ask for that: there is no other place
// to go on in.

using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network;

internal sealed class SendPromise(SimulatedProcess process) : IValueTaskSource
{
    private Exception? _failure;
    private bool _completed;
    private (Action<object?> Do, object? State)? _continuation;

    public void Complete(Exception? failure)
    {
        (_failure, _completed) = (failure, true);
        GoOn();
    }

    public ValueTaskSourceStatus GetStatus(short token) => !_completed ? ValueTaskSourceStatus.Pending
        : _failure is null ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Faulted;

    public void GetResult(short token)
    {
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _continuation = (continuation, state);
        if (_completed)
            GoOn();
    }

    private void GoOn()
    {
        if (_continuation is { } next)
            process.Post(() => next.Do(next.State));
        _continuation = null;
    }
}
