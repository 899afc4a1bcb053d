// The moments that stand in the log.

namespace CloudSync.Documents;

internal static class CommitClock
{
    /// <summary>
    /// Now, cut off to milliseconds. The log would keep microseconds; but nobody reads a history that finely, and an
    /// operation of somebody typing would take 2.7 bytes at rest instead of 1.5 (docs/log.md).
    /// </summary>
    public static DateTimeOffset Now(TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMillisecond));
    }
}
