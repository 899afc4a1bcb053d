// When keys are pressed, and which keystrokes an operation holds.

using CloudSync.Bench.Generator;
using CsCheck;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class KeystrokeTests
{
    [Fact]
    public void All_may_begin_at_the_same_moment_and_go_on_each_at_their_own()
    {
        var schedule = new KeystrokeSchedule(1_000, 2_000, 100, 0.5, BeginsAtOnce: true);
        Assert.Equal(11, schedule.Count);
        Assert.Equal((1_000, 1_050, 1_150, 1_950), (schedule.DueAt(0), schedule.DueAt(1), schedule.DueAt(2), schedule.DueAt(10)));
        Assert.Equal(0, (schedule with { End = 1_000 }).Count);
    }

    [Fact]
    public void Every_keystroke_of_a_schedule_is_within_the_step_and_the_next_one_would_not_be() =>
        Gen.Select(Gen.Long[0, 1_000_000_000_000], Gen.Long[0, 60_000_000_000], Gen.Double[10_000, 1e11], Gen.Double[0, 0.999])
            .Sample((start, length, interval, phase) =>
            {
                var schedule = new KeystrokeSchedule(start, start + length, interval, phase);
                Assert.True(schedule.DueAt(schedule.Count) >= schedule.End - 1);
                if (schedule.Count == 0)
                    return;
                Assert.InRange(schedule.DueAt(0), start, start + (long)interval);
                Assert.InRange(schedule.DueAt(schedule.Count - 1), start, schedule.End - 1);
            });

    [Fact]
    public void All_writers_together_type_at_the_rate_that_was_asked_for()
    {
        var random = new Random(7);
        var second = 1_000_000_000L;
        // 300 keystrokes a second by 1,000 writers for ten seconds.
        var count = Enumerable.Range(0, 1_000)
            .Sum(_ => new KeystrokeSchedule(0, 10 * second, second * 1_000 / 300.0, random.NextDouble()).Count);
        Assert.InRange(count, 2_900, 3_100);
    }

    [Fact]
    public void Without_composing_each_operation_is_one_keystroke_of_this_step()
    {
        var writer = Begin(composes: false, earlier: 5);
        writer.Take(1);
        writer.Take(1);
        Assert.Equal((0, 0), writer.KeystrokesOf(5));
        Assert.Equal((0, 1), writer.KeystrokesOf(6));
        Assert.Equal((1, 1), writer.KeystrokesOf(7));
        Assert.Equal((0, 0), writer.KeystrokesOf(8));
    }

    [Fact]
    public void Composing_each_operation_holds_what_was_due()
    {
        var writer = Begin(composes: true, earlier: 5);
        Assert.Equal(3, writer.CountDue(writer.Schedule.DueAt(2), 10));
        writer.Take(3);
        Assert.Equal(2, writer.CountDue(writer.Schedule.DueAt(9), 2));
        writer.Take(2);
        Assert.Equal((0, 3), writer.KeystrokesOf(6));
        Assert.Equal((3, 2), writer.KeystrokesOf(7));
        Assert.Equal((0, 0), writer.KeystrokesOf(5));
        Assert.Equal((0, 0), writer.KeystrokesOf(8));
    }

    [Fact]
    public void A_version_seen_within_a_run_before_its_author_has_it_is_known_when_he_has()
    {
        var writer = Begin(composes: false, earlier: 0);
        writer.Take(1);
        writer.Take(1);
        var document = writer.Client.Document;
        Assert.Null(document.SeeInRun(1, 100).Author);
        document.Learn(2, writer, 2);
        Assert.Same(writer, document.SeeInRun(2, 101).Author);
        Assert.False(document.TryResolve(out _, out _, out _));
        document.Learn(1, writer, 1);
        Assert.True(document.TryResolve(out var author, out var sequence, out var seenAt));
        Assert.Equal((1ul, 100), (sequence, seenAt));
        Assert.Same(writer, author);
        Assert.False(document.TryResolve(out _, out _, out _));
    }

    private static LoadWriter Begin(bool composes, ulong earlier)
    {
        var document = new LoadDocument("d", 0);
        var client = new LoadClient(document, 0, 0) { Sequence = earlier, State = ClientState.Live };
        document.Clients.Add(client);
        document.Begin();
        var writer = new LoadWriter(client);
        writer.Begin(new KeystrokeSchedule(1_000, 2_000, 10, 0.5), composes);
        return writer;
    }
}
