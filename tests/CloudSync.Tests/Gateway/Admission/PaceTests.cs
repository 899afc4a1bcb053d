// The pace: under its ceiling, slower when the process is late, and everybody gets in in the end.

using CloudSync.Gateway;
using Xunit;

namespace CloudSync.Tests.Gateway.Admission;

public sealed class PaceTests
{
    private const long Frequency = 1_000_000;

    private static readonly TimeSpan _late = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void No_more_are_taken_than_the_ceiling_says()
    {
        var pace = new Pace(1_000, Frequency);
        var taken = 0;
        for (long now = 0; now < 20 * Frequency; now += 100)
        {
            pace.Measured(TimeSpan.Zero, now);
            taken += pace.TryTake(now, out _) ? 1 : 0;
        }

        // Half of it in the beginning, all of it within three seconds.
        Assert.InRange(taken, 18_000, 20_000);
    }

    [Fact]
    public void Lag_slows_it_down_to_a_fiftieth_and_not_to_nothing_and_it_recovers_within_seconds()
    {
        var pace = new Pace(1_000, Frequency);
        long now = 0;
        for (var i = 0; i < 100; i++)
            pace.Measured(_late, now += 10_000);
        Assert.Equal(20, pace.PerSecond);
        for (var i = 0; i < 100; i++)
            pace.Measured(TimeSpan.FromMilliseconds(1), now += 10_000);
        Assert.Equal(220, pace.PerSecond, 1.0);
        for (var i = 0; i < 410; i++)
            pace.Measured(TimeSpan.Zero, now += 10_000);
        Assert.Equal(1_000, pace.PerSecond);
        // After a quiet time it isn't known any more whether that is too much.
        pace.Measured(TimeSpan.Zero, now += 2 * Frequency);
        Assert.Equal(500, pace.PerSecond);
    }

    [Fact]
    public void One_late_moment_halves_it_at_the_most()
    {
        var pace = new Pace(1_000, Frequency);
        pace.Measured(TimeSpan.FromSeconds(10), Frequency / 2);
        Assert.Equal(250, pace.PerSecond);
        pace.Measured(TimeSpan.FromMilliseconds(25), Frequency / 2);
        Assert.Equal(200, pace.PerSecond);
    }

    [Fact]
    public void Those_who_are_refused_are_told_times_that_are_spread_over_what_the_queue_before_them_takes()
    {
        var pace = new Pace(1_000, Frequency);
        while (pace.TryTake(0, out _))
        {
        }

        var waits = new List<TimeSpan>();
        for (var i = 0; i < 8_000; i++)
        {
            Assert.False(pace.TryTake(0, out var wait));
            waits.Add(wait);
        }

        // The one that was asked above was the first.
        Assert.InRange(waits[0].TotalMilliseconds, 100, 106);
        Assert.InRange(waits[^1].TotalSeconds, 20, 20.2);
        // Four fifths of the pace are promised, a slot to each.
        Assert.All(waits.Zip(waits.Skip(1)), static pair => Assert.Equal(2.5, (pair.Second - pair.First).TotalMilliseconds, 0.01));
    }

    [Fact]
    public void A_queue_beyond_all_patience_is_spread_over_half_a_minute_and_no_later()
    {
        var pace = new Pace(50, Frequency);
        while (pace.TryTake(0, out _))
        {
        }

        var waits = new List<double>();
        for (var i = 0; i < 20_000; i++)
        {
            Assert.False(pace.TryTake(0, out var wait));
            waits.Add(wait.TotalSeconds);
        }

        Assert.All(waits, static wait => Assert.InRange(wait, 0.1, 60));
        for (var second = 30; second < 60; second++)
            Assert.InRange(waits.TakeLast(15_000).Count(wait => wait >= second && wait < second + 1), 450, 550);
    }

    [Theory]
    [InlineData(100, 18_000, 0)]
    [InlineData(1_000, 18_000, 100)]
    [InlineData(500, 2_000, 50)]
    public void Everybody_gets_in_in_the_end_also_when_others_come_meanwhile(int perSecond, int storm, int othersPerSecond)
    {
        var pace = new Pace(perSecond, Frequency);
        var arrivals = new PriorityQueue<int, long>();
        for (var i = 0; i < storm; i++)
            arrivals.Enqueue(i, 0);
        for (var i = 0; i < othersPerSecond * 60; i++)
            arrivals.Enqueue(-1, i * Frequency / othersPerSecond);
        int admitted = 0, refusals = 0;
        long last = 0;
        while (arrivals.TryDequeue(out var who, out var now))
        {
            pace.Measured(TimeSpan.Zero, now);
            if (pace.TryTake(now, out var wait))
            {
                (admitted, last) = (admitted + (who < 0 ? 0 : 1), now);
                continue;
            }

            refusals++;
            arrivals.Enqueue(who, now + (long)(wait.TotalSeconds * Frequency));
        }

        Assert.Equal(storm, admitted);
        // What it takes at the pace, and a wait of the longest kind.
        Assert.InRange(last / Frequency, 0, (storm / perSecond * 2) + 60);
        // Nobody asks again and again.
        Assert.InRange(refusals, storm / 2, (storm + (othersPerSecond * 60)) * 6);
    }

    // Times were promised at half of the ceiling at least, however slow it was: of 8,750, each was told five times.
    [Fact]
    public void Where_the_process_can_take_far_less_than_the_ceiling_nobody_is_told_again_and_again()
    {
        const int storm = 8_750;
        const int possiblePerSecond = 300;
        var pace = new Pace(5_000, Frequency);
        var arrivals = new PriorityQueue<int, long>();
        for (var i = 0; i < storm; i++)
            arrivals.Enqueue(i, i * (Frequency / 4) / storm);
        var refusals = 0;
        double work = 0;
        long last = 0;
        while (arrivals.TryDequeue(out var who, out var now))
        {
            // What was let in is worked off at what is possible, and what comes after it is as late.
            work = Math.Max(0, work - ((now - last) * possiblePerSecond / (double)Frequency));
            last = now;
            pace.Measured(TimeSpan.FromSeconds(work / possiblePerSecond), now);
            if (pace.TryTake(now, out var wait))
            {
                work++;
                continue;
            }

            refusals++;
            arrivals.Enqueue(who, now + (long)(wait.TotalSeconds * Frequency));
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{refusals / (double)storm:0.0} refusals each, the last was in after {last / (double)Frequency:0.0} s");
        Assert.InRange(refusals, 0, storm * 3);
        Assert.InRange(last / Frequency, 0, 3 * storm / possiblePerSecond);
    }
}
