// Token buckets in whole numbers: one number for each bucket, no timer, and nothing to be done while nothing happens.

namespace CloudSync.Gateway;

/// <summary>So many a second, and the worth of some seconds at once.</summary>
/// <param name="perSecond">How many a second.</param>
/// <param name="atOnce">How long it may have been saved up.</param>
/// <param name="frequency">Ticks of the clock in a second.</param>
internal readonly struct Rate(long perSecond, TimeSpan atOnce, long frequency)
{
    /// <summary>What a full bucket holds, in ticks of the clock.</summary>
    public long Capacity { get; } = (long)(atOnce.TotalSeconds * frequency);

    /// <summary>How long the bucket takes to fill again after so many.</summary>
    public long Cost(long count) => (long)((Int128)count * frequency / perSecond);
}

/// <summary>A bucket, full at first. Not thread-safe.</summary>
internal struct TokenBucket
{
    // The one thing there is to know: a bucket that was full at a time is full from then on.
    private long _fullAt;

    /// <summary>Nothing was taken for so long that it is as if it had never been used.</summary>
    public readonly bool IsFull(long now) => _fullAt <= now;

    /// <summary>Takes so many, or none.</summary>
    /// <param name="rate">Always the same for one bucket.</param>
    /// <param name="now">A timestamp.</param>
    /// <param name="count">How many.</param>
    /// <returns>0 if they were taken; else after how many ticks they will be there, if nobody takes them before.</returns>
    public long TryTake(in Rate rate, long now, long count)
    {
        var fullAt = Math.Max(_fullAt, now) + rate.Cost(count);
        var wait = fullAt - now - rate.Capacity;
        if (wait > 0)
            return wait;
        _fullAt = fullAt;
        return 0;
    }

    /// <summary>Takes so many, also if they aren't there: for what has happened already.</summary>
    /// <param name="rate">Always the same for one bucket.</param>
    /// <param name="now">A timestamp.</param>
    /// <param name="count">How many.</param>
    /// <returns>After how many ticks all is there that was taken; 0 if it was.</returns>
    public long Charge(in Rate rate, long now, long count)
    {
        _fullAt = Math.Max(_fullAt, now) + rate.Cost(count);
        return Math.Max(0, _fullAt - now - rate.Capacity);
    }
}
