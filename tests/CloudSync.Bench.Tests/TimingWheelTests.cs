// The wheel against a list of who is due when: nobody is early, nobody is forgotten, nobody comes twice.

using CloudSync.Bench.Generator;
using CsCheck;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class TimingWheelTests
{
    private const int Capacity = 20;
    private const int Slots = 8;
    private const long Width = 10;

    // What is done: schedule one (0), cancel one (1), let time pass (2).
    private static readonly Gen<(int What, int Id, int Time)[]> GenDeeds =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, Capacity - 1], Gen.Int[0, 300]).Array[1, 200];

    [Fact]
    public void Whoever_is_due_comes_once_not_early_and_at_most_a_slot_late() => GenDeeds.Sample(deeds =>
    {
        var now = 1_234L;
        var wheel = new TimingWheel(Capacity, Slots, Width, now);
        var due = new Dictionary<int, long>();
        foreach (var (what, id, time) in deeds)
        {
            switch (what)
            {
                case 0:
                    wheel.Schedule(id, now + time);
                    due[id] = now + time;
                    break;
                case 1:
                    wheel.Cancel(id);
                    due.Remove(id);
                    break;
                default:
                    now += time;
                    Take(wheel, due, now);
                    break;
            }
        }

        Take(wheel, due, now + 10_000);
        Assert.Empty(due);
    });

    [Fact]
    public void One_that_is_scheduled_again_while_it_is_taken_comes_again_and_does_not_hold_up_the_others()
    {
        var wheel = new TimingWheel(Capacity, Slots, Width, 0);
        for (var id = 0; id < Capacity; id++)
            wheel.Schedule(id, 5);
        var taken = new List<int>();
        while (wheel.TryTake(25, out var id))
        {
            taken.Add(id);
            wheel.Schedule(id, 5);
        }

        // Once for each slot that has passed since.
        Assert.Equal(2 * Capacity, taken.Count);
        Assert.All(taken.GroupBy(static id => id), static group => Assert.Equal(2, group.Count()));
    }

    private static void Take(TimingWheel wheel, Dictionary<int, long> due, long now)
    {
        while (wheel.TryTake(now, out var id))
        {
            Assert.True(due.Remove(id, out var moment), $"{id} was not due.");
            Assert.True(moment <= now, $"{id} came at {now} and was due at {moment}.");
        }

        // Rounded up to a slot, and what is scheduled for at once to the next.
        Assert.All(due, pair => Assert.True(pair.Value + (2 * Width) > now, $"{pair.Key} was due at {pair.Value} and has not come at {now}."));
    }
}
