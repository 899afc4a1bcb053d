// When a writer's keys are pressed, whatever the server does: the moment of each is known beforehand, and latency counts from
// it, however late the keystroke could be sent. A server that stands still for a second is seen by all that were due meanwhile.

namespace CloudSync.Bench.Generator;

/// <summary>One writer's keystrokes of one step. Moments and lengths are in ticks of the stopwatch.</summary>
/// <param name="Start">When the step begins.</param>
/// <param name="End">When it ends; no key is pressed then or later.</param>
/// <param name="Interval">Between two keystrokes.</param>
/// <param name="Phase">Where in the first interval the first one is: 0 to 1, so that writers don't type in step.</param>
/// <param name="BeginsAtOnce">There is one more at the very beginning: all writers press a key at the same moment.</param>
internal readonly record struct KeystrokeSchedule(long Start, long End, double Interval, double Phase, bool BeginsAtOnce = false)
{
    /// <summary>How many there are.</summary>
    public long Count => End <= Start ? 0 : AtOnce + Math.Max(0, (long)Math.Ceiling(((End - Start) / Interval) - Phase));

    /// <summary>When one of them is due, counted from 0.</summary>
    public long DueAt(long index) => index < AtOnce ? Start : Start + (long)((index - AtOnce + Phase) * Interval);

    private int AtOnce => BeginsAtOnce ? 1 : 0;
}
