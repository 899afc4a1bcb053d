// Moments as the tables hold them: microseconds since 1970-01-01 UTC, cut off and not rounded. As numbers, and not as
// PostgreSQL's timestamps, since the audit chain covers exactly these.

namespace CloudSync.PostgreSql;

internal static class PostgreSqlTime
{
    public static long ToMicroseconds(DateTimeOffset moment) =>
        (moment.UtcTicks / TimeSpan.TicksPerMicrosecond) - (DateTimeOffset.UnixEpoch.Ticks / TimeSpan.TicksPerMicrosecond);

    public static DateTimeOffset FromMicroseconds(long microseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);
}
