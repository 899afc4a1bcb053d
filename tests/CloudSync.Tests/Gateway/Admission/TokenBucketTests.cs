// Buckets of whole numbers, which never give more than their rate, and forget nothing.

using System.Net;
using CloudSync.Gateway;
using CsCheck;
using Xunit;

namespace CloudSync.Tests.Gateway.Admission;

public sealed class TokenBucketTests
{
    private const long Frequency = 10_000_000;

    [Fact]
    public void What_was_saved_up_is_there_at_once_and_then_as_much_as_the_rate_gives()
    {
        var rate = new Rate(10, TimeSpan.FromSeconds(2), Frequency);
        var bucket = new TokenBucket();
        const long start = 1_000 * Frequency;
        for (var i = 0; i < 20; i++)
            Assert.Equal(0, bucket.TryTake(rate, start, 1));
        Assert.Equal(Frequency / 10, bucket.TryTake(rate, start, 1));
        // Who was refused has taken nothing.
        Assert.Equal(Frequency / 10, bucket.TryTake(rate, start, 1));
        Assert.Equal(0, bucket.TryTake(rate, start + (Frequency / 10), 1));
        Assert.Equal(Frequency / 10, bucket.TryTake(rate, start + (Frequency / 10), 1));
        Assert.False(bucket.IsFull(start + (2 * Frequency)));
        Assert.True(bucket.IsFull(start + (21 * Frequency / 10)));
    }

    [Fact]
    public void What_has_happened_is_paid_for_afterwards()
    {
        var rate = new Rate(100, TimeSpan.FromSeconds(1), Frequency);
        var bucket = new TokenBucket();
        Assert.Equal(0, bucket.Charge(rate, 0, 100));
        Assert.Equal(3 * Frequency, bucket.Charge(rate, 0, 300));
        Assert.Equal(Frequency, bucket.Charge(rate, 2 * Frequency, 0));
        Assert.Equal(0, bucket.Charge(rate, 3 * Frequency, 0));
    }

    [Fact]
    public void A_rate_beyond_all_bounds_limits_nothing_and_a_huge_count_does_not_overflow()
    {
        var unlimited = new Rate(int.MaxValue, TimeSpan.FromSeconds(10), Frequency);
        var bucket = new TokenBucket();
        Assert.Equal(0, bucket.TryTake(unlimited, 0, 1_000_000));
        var slow = new Rate(1, TimeSpan.FromSeconds(1), 1_000_000_000);
        Assert.True(new TokenBucket().Charge(slow, 0, 1 << 20) > 1_000_000L * 1_000_000_000);
    }

    [Fact]
    public void However_it_is_asked_it_gives_no_more_than_the_rate_and_what_was_saved_up() => Gen.Select(
        Gen.Int[1, 50], Gen.Int[1, 5], Gen.Int[0, 300].Select(Gen.Int[1, 3]).List[1, 200]).Sample((perSecond, seconds, asked) =>
    {
        var rate = new Rate(perSecond, TimeSpan.FromSeconds(seconds), Frequency);
        var bucket = new TokenBucket();
        long now = 0, taken = 0;
        foreach (var (milliseconds, count) in asked)
        {
            now += milliseconds * Frequency / 1_000;
            var wait = bucket.TryTake(rate, now, count);
            if (wait == 0)
            {
                taken += count;
            }
            else if (count <= perSecond * seconds)
            {
                // It is there when it was said to be, and not a moment before.
                var (before, then) = (bucket, bucket);
                Assert.True(before.TryTake(rate, now + wait - 1, count) > 0);
                Assert.Equal(0, then.TryTake(rate, now + wait, count));
            }

            Assert.True(taken <= (perSecond * seconds) + (now * perSecond / Frequency) + 1);
        }
    });

    [Fact]
    public void Whoever_did_nothing_for_a_while_is_forgotten_and_the_table_stays_bounded()
    {
        var rate = new Rate(10, TimeSpan.FromSeconds(1), Frequency);
        var table = new RateTable<IPAddress>(rate, rate, maxKnown: 2_000);
        for (var second = 0; second < 100; second++)
        {
            for (var i = 0; i < 1_000; i++)
                Assert.Equal(0, table.Connect(new IPAddress((second * 1_000) + i), second * Frequency));
            Assert.InRange(table.Count, 1, 2_000);
        }
    }

    [Fact]
    public void Of_more_than_can_be_remembered_those_beyond_share_what_one_may_do()
    {
        var rate = new Rate(10, TimeSpan.FromSeconds(1), Frequency);
        var table = new RateTable<int>(rate, rate, maxKnown: 100);
        for (var i = 0; i < 100; i++)
            Assert.Equal(0, table.Connect(i, 0));
        var admitted = 0;
        for (var i = 100; i < 200; i++)
            admitted += table.Connect(i, 0) == 0 ? 1 : 0;
        Assert.Equal(10, admitted);
        Assert.Equal(100, table.Count);
        // Those who were there first are not concerned.
        Assert.Equal(0, table.Connect(5, 0));
        // And opening has a bucket of its own.
        Assert.Equal(0, table.Open(150, 0));
    }
}
