// Moments as the tables hold them: microseconds since 1970-01-01 UTC, cut off and not rounded.

namespace CloudSync.Sqlite;

internal static class SqliteTime
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    public static long ToMicroseconds(DateTimeOffset moment) =>
        (moment.UtcTicks / TicksPerMicrosecond) - (DateTimeOffset.UnixEpoch.Ticks / TicksPerMicrosecond);

    public static DateTimeOffset FromMicroseconds(long microseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(microseconds * TicksPerMicrosecond);
}
