// Reading: ranges by count and bytes, heads of many documents, versions by time, snapshots.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class ReadContract : LogContract
{
    [Theory]
    [InlineData(0, 100, new long[] { 1, 2, 3, 4, 5 })]
    [InlineData(0, 2, new long[] { 1, 2 })]
    [InlineData(3, 1, new long[] { 4 })]
    [InlineData(3, 2, new long[] { 4, 5 })]
    [InlineData(4, 100, new long[] { 5 })]
    [InlineData(5, 100, new long[0])]
    [InlineData(99, 100, new long[0])]
    public async Task A_range_begins_after_a_version_and_ends_at_the_count_or_the_head(
        long after, int maxCount, long[] versions)
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await FillAsync("a", 5);
        await FillAsync("b", 9);

        var read = await Log.ReadAsync("a", after, maxCount, int.MaxValue, Cancellation);

        Assert.Equal(versions, read.Select(operation => operation.Version));
        Assert.Equal(versions.Select(version => $"1/{version}"), read.Select(Text));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(99, 1)]
    [InlineData(100, 1)]
    [InlineData(250, 2)]
    [InlineData(300, 3)]
    [InlineData(10_000, 5)]
    public async Task A_range_ends_at_the_byte_limit_but_never_before_its_first_operation(int maxBytes, int count)
    {
        await CreateAsync("a");
        await AppendAsync("a", 0, [.. Enumerable.Range(1, 5).Select(i => Operation((ulong)i, bytes: new byte[100]))]);

        Assert.Equal(count, (await Log.ReadAsync("a", 0, 100, maxBytes, Cancellation)).Count);
    }

    [Fact]
    public async Task Ranges_read_one_after_the_other_make_the_whole()
    {
        await CreateAsync("a");
        await FillAsync("a", 100);
        var versions = new List<long>();
        while (true)
        {
            var part = await Log.ReadAsync("a", versions.Count, 7, 30, Cancellation);
            if (part.Count == 0)
                break;
            versions.AddRange(part.Select(operation => operation.Version));
        }

        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), versions);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(0, 100_001)]
    public async Task A_range_out_of_bounds_is_refused(long after, int maxCount) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => Log.ReadAsync("a", after, maxCount, 1_000, Cancellation));

    [Fact]
    public async Task Heads_come_in_the_order_of_the_ids_with_minus_1_for_what_does_not_exist()
    {
        var ids = Enumerable.Range(0, 1_000).Select(i => $"d{i}").ToArray();
        for (var i = 0; i < 10; i++)
        {
            await CreateAsync(ids[i * 100]);
            if (i > 0)
                await FillAsync(ids[i * 100], i);
        }

        var heads = await Log.ReadHeadsAsync(ids, Cancellation);

        Assert.Equal(ids.Select((_, i) => i % 100 == 0 ? i / 100L : -1), heads);
        Assert.Equal([3, -1, 3], await Log.ReadHeadsAsync(["d300", "none", "d300"], Cancellation));
        Assert.Empty(await Log.ReadHeadsAsync([], Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => Log.ReadHeadsAsync([.. ids, "more"], Cancellation));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(9, 0)]
    [InlineData(10, 1)]
    [InlineData(19, 1)]
    [InlineData(20, 4)]
    [InlineData(21, 4)]
    [InlineData(30, 5)]
    [InlineData(1_000_000_000, 5)]
    public async Task The_version_at_a_moment_is_the_newest_committed_until_then(long microseconds, long version)
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await AppendAsync("b", 0, Operation(1, committedAt: Start.AddMicroseconds(5)));
        int[] times = [10, 20, 20, 20, 30];
        await AppendAsync(
            "a", 0, [.. times.Select((at, i) => Operation((ulong)i + 1, committedAt: Start.AddMicroseconds(at)))]);

        Assert.Equal(version, await Log.FindVersionAsync("a", Start.AddMicroseconds(microseconds), Cancellation));
        Assert.Equal(
            version, await Log.FindVersionAsync("a", Start.AddMicroseconds(microseconds).AddTicks(9), Cancellation));
    }

    [Fact]
    public async Task The_moment_an_operation_was_committed_finds_it_in_any_time_zone_and_below_a_microsecond()
    {
        await CreateAsync("a");
        var moment = Start.AddTicks(17);
        await AppendAsync("a", 0, Operation(1, committedAt: moment.ToOffset(TimeSpan.FromHours(9))));

        Assert.Equal(1, await Log.FindVersionAsync("a", moment, Cancellation));
        Assert.Equal(1, await Log.FindVersionAsync("a", moment.ToOffset(TimeSpan.FromHours(-7)), Cancellation));
        Assert.Equal(0, await Log.FindVersionAsync("a", moment.AddMicroseconds(-1), Cancellation));
        Assert.Equal(0, await Log.FindVersionAsync("a", DateTimeOffset.MinValue, Cancellation));
        Assert.Equal(1, await Log.FindVersionAsync("a", DateTimeOffset.MaxValue, Cancellation));
    }

    [Fact]
    public async Task A_document_without_operations_is_at_version_0_at_any_moment()
    {
        await CreateAsync("a");

        Assert.Equal(0, await Log.FindVersionAsync("a", Start.AddDays(1), Cancellation));
        Assert.Equal(0, await Log.FindVersionAsync("a", Start.AddDays(-1), Cancellation));
    }

    [Theory]
    [InlineData(1, null)]
    [InlineData(2, 2L)]
    [InlineData(4, 2L)]
    [InlineData(5, 5L)]
    [InlineData(99, 5L)]
    public async Task The_newest_snapshot_at_or_before_a_version_is_found(long atOrBefore, long? version)
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await FillAsync("a", 6);
        await FillAsync("b", 6);
        await Log.SaveSnapshotAsync("a", 5, new byte[] { 5 }, Cancellation);
        await Log.SaveSnapshotAsync("a", 2, new byte[] { 2 }, Cancellation);
        await Log.SaveSnapshotAsync("b", 1, new byte[] { 9 }, Cancellation);

        var found = await Log.FindSnapshotAsync("a", atOrBefore, Cancellation);

        Assert.Equal(version, found?.Version);
        if (found is not null)
            Assert.Equal([(byte)version!], found.State.ToArray());
    }

    [Fact]
    public async Task A_snapshot_that_is_there_for_the_same_version_stays_as_it_is()
    {
        await CreateAsync("a");
        await FillAsync("a", 1);
        await Log.SaveSnapshotAsync("a", 1, new byte[] { 1 }, Cancellation);
        await Log.SaveSnapshotAsync("a", 1, new byte[] { 2 }, Cancellation);

        Assert.Equal([1], (await Log.FindSnapshotAsync("a", 1, Cancellation))!.State.ToArray());
    }

    [Fact]
    public async Task An_empty_and_a_large_snapshot_come_back_byte_for_byte()
    {
        await CreateAsync("a");
        await FillAsync("a", 1);
        var large = new byte[5 << 20];
        new Random(5).NextBytes(large);
        await Log.SaveSnapshotAsync("a", 0, ReadOnlyMemory<byte>.Empty, Cancellation);
        await Log.SaveSnapshotAsync("a", 1, large, Cancellation);

        Assert.Equal(0, (await Log.FindSnapshotAsync("a", 0, Cancellation))!.State.Length);
        Assert.True((await Log.FindSnapshotAsync("a", 1, Cancellation))!.State.Span.SequenceEqual(large));
    }

    [Fact]
    public async Task A_snapshot_beyond_the_head_or_of_no_document_is_not_kept()
    {
        await CreateAsync("a");
        await FillAsync("a", 1);
        await Log.SaveSnapshotAsync("a", 2, new byte[] { 2 }, Cancellation);
        await Log.SaveSnapshotAsync("none", 0, new byte[] { 2 }, Cancellation);
        await FillAsync("a", 1, head: 1);

        Assert.Null(await Log.FindSnapshotAsync("a", 2, Cancellation));
        Assert.Null(await Log.FindSnapshotAsync("none", 0, Cancellation));
    }

    [Fact]
    public async Task A_cancelled_read_ends_and_leaves_the_log_as_usable_as_it_was()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        for (var i = 0; i < 20; i++)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => Log.ReadAsync("a", 0, 10, 1_000, cancelled.Token));
        }

        Assert.Equal(3, (await ReadAllAsync("a")).Count);
    }
}
