// The client's polling code awaits without a context, as a library's should: then what completes is gone on with where it is completed,
// if there is no context at that place, and on the machine's thread pool if there is one. So all that it awaits here is completed
// without one, in the client's process all the same.

namespace CloudSync.Simulation.Network.Http;

internal static class Bare
{
    /// <summary>Runs something without a context, now.</summary>
    public static void Run(Action act)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            act();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }
}

/// <summary>A clock whose timers ring without a context.</summary>
internal sealed class BareClock(TimeProvider clock) : TimeProvider
{
    public override long TimestampFrequency => clock.TimestampFrequency;

    public override TimeZoneInfo LocalTimeZone => clock.LocalTimeZone;

    public override long GetTimestamp() => clock.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        clock.CreateTimer(state => Bare.Run(() => callback(state)), state, dueTime, period);
}
