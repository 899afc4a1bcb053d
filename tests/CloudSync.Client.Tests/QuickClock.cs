// A clock on which everything that has to be waited for takes a part of its time.

namespace CloudSync.Client.Tests;

internal sealed class QuickClock(int factor) : TimeProvider
{
    public override long GetTimestamp() => base.GetTimestamp() * factor;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Quick(System.CreateTimer(callback, state, Part(dueTime), Part(period)), this);

    private TimeSpan Part(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? time : time / factor;

    private sealed class Quick(ITimer timer, QuickClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(clock.Part(dueTime), clock.Part(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
