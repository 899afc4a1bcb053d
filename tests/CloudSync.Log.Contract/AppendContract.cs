// Appending: compare-and-set for each document, all or nothing, documents apart from each other.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class AppendContract : LogContract
{
    [Fact]
    public async Task An_appended_operation_is_read_as_it_was_given()
    {
        await CreateAsync("a");
        var given = new NewOperation(
            ulong.MaxValue, ulong.MaxValue - 1, 0, "ada", Start.AddTicks(1_234_567), new byte[] { 0, 255, 0, 128 });

        var result = await AppendAsync("a", 0, given);

        Assert.Equal(new AppendResult(AppendOutcome.Appended, 1), result);
        var read = Assert.Single(await ReadAllAsync("a"));
        Assert.Equal(1, read.Version);
        Assert.Equal(given.ClientId, read.ClientId);
        Assert.Equal(given.ClientSequence, read.ClientSequence);
        Assert.Equal(0, read.BaseVersion);
        Assert.Equal("ada", read.Author);
        Assert.Equal(Start.AddTicks(1_234_560), read.CommittedAt);
        Assert.Equal(given.Bytes.ToArray(), read.Bytes.ToArray());
    }

    [Fact]
    public async Task Operations_appended_together_become_consecutive_versions()
    {
        await CreateAsync("a");
        await FillAsync("a", 2);
        await FillAsync("a", 3, head: 2);

        var read = await ReadAllAsync("a");
        Assert.Equal([1, 2, 3, 4, 5], read.Select(operation => operation.Version));
        Assert.Equal(["1/1", "1/2", "1/3", "1/4", "1/5"], read.Select(Text));
        Assert.Equal(5, (await Log.FindAsync("a", Cancellation))!.Head);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public async Task With_another_head_than_expected_nothing_is_written(long expectedHead)
    {
        await CreateAsync("a");
        await FillAsync("a", 3);
        var before = await Log.FindAsync("a", Cancellation);

        var result = await AppendAsync(
            "a", expectedHead, Operation(8, committedAt: Start.AddDays(1)), Operation(9));

        Assert.Equal(new AppendResult(AppendOutcome.Conflict, 3), result);
        Assert.Equal(["1/1", "1/2", "1/3"], (await ReadAllAsync("a")).Select(Text));
        Assert.Equal(before, await Log.FindAsync("a", Cancellation));
    }

    [Fact]
    public async Task Conflicts_and_missing_documents_leave_the_other_documents_of_the_same_append_alone()
    {
        foreach (var id in new[] { "a", "b", "c", "gone" })
            await CreateAsync(id);
        await FillAsync("b", 1);
        await Log.DeleteAsync("gone", Start, Cancellation);

        var results = await Log.AppendAsync(
            [
                new DocumentAppend("none", 0, [Operation(1)]),
                new DocumentAppend("c", 0, [Operation(1), Operation(2)]),
                new DocumentAppend("b", 0, [Operation(7), Operation(8)]),
                new DocumentAppend("gone", 0, [Operation(1)]),
                new DocumentAppend("a", 0, [Operation(1)]),
            ],
            Cancellation);

        Assert.Equal(
            [
                new AppendResult(AppendOutcome.NotFound, 0),
                new AppendResult(AppendOutcome.Appended, 2),
                new AppendResult(AppendOutcome.Conflict, 1),
                new AppendResult(AppendOutcome.NotFound, 0),
                new AppendResult(AppendOutcome.Appended, 1),
            ],
            results);
        Assert.Equal([1, 1, 2], await Log.ReadHeadsAsync(["a", "b", "c"], Cancellation));
        Assert.Equal(["1/1"], (await ReadAllAsync("b")).Select(Text));
        Assert.Equal(["1/1", "1/2"], (await ReadAllAsync("c")).Select(Text));
    }

    [Fact]
    public async Task An_append_to_five_hundred_documents_is_answered_in_its_own_order()
    {
        var ids = Enumerable.Range(0, 500).Select(i => $"d{i * 7919 % 500}").ToArray();
        foreach (var id in ids)
            await CreateAsync(id);

        var results = await Log.AppendAsync(
            [.. ids.Select((id, i) => new DocumentAppend(id, 0, [.. Enumerable.Repeat(Operation((ulong)i), 1 + (i % 3))]))],
            Cancellation);

        Assert.Equal(
            ids.Select((_, i) => new AppendResult(AppendOutcome.Appended, 1 + (i % 3))), results);
        Assert.Equal(results.Select(result => result.Head), await Log.ReadHeadsAsync(ids, Cancellation));
    }

    [Fact]
    public async Task A_resent_operation_is_found_by_reading_on_from_its_base()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);
        var sent = Operation(sequence: 1, clientId: 77) with { BaseVersion = 3 };
        await AppendAsync("a", 3, sent);
        await AppendAsync("a", 4, Operation(4));

        // The answer was lost; the client sends the same again, and the server's append meets another head.
        Assert.Equal(new AppendResult(AppendOutcome.Conflict, 5), await AppendAsync("a", 3, sent));

        var found = Assert.Single(
            await ReadAllAsync("a", after: 3), operation => operation is { ClientId: 77, ClientSequence: 1 });
        Assert.Equal(4, found.Version);
        Assert.Equal(3, found.BaseVersion);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4_000)]
    [InlineData(1 << 20)]
    public async Task Operations_of_any_size_come_back_byte_for_byte(int size)
    {
        await CreateAsync("a");
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);

        await AppendAsync("a", 0, Operation(1), Operation(2, bytes: bytes), Operation(3));

        var read = await ReadAllAsync("a");
        Assert.Equal(["1/1", "1/3"], [Text(read[0]), Text(read[2])]);
        Assert.True(read[1].Bytes.Span.SequenceEqual(bytes));
    }

    [Fact]
    public async Task The_log_keeps_its_own_copy_of_the_bytes()
    {
        await CreateAsync("a");
        var bytes = new byte[] { 1, 2, 3 };
        await AppendAsync("a", 0, Operation(1, bytes: bytes));
        bytes[0] = 9;

        Assert.Equal([1, 2, 3], Assert.Single(await ReadAllAsync("a")).Bytes.ToArray());
    }

    [Fact]
    public async Task A_time_before_its_predecessors_is_raised_to_it()
    {
        await CreateAsync("a", Start);

        await AppendAsync(
            "a",
            0,
            Operation(1, committedAt: Start.AddSeconds(-5)),
            Operation(2, committedAt: Start.AddSeconds(9)),
            Operation(3, committedAt: Start.AddSeconds(4)));
        await AppendAsync("a", 3, Operation(4, committedAt: Start.AddSeconds(8)));

        Assert.Equal(
            [Start, Start.AddSeconds(9), Start.AddSeconds(9), Start.AddSeconds(9)],
            (await ReadAllAsync("a")).Select(operation => operation.CommittedAt));
        Assert.Equal(Start.AddSeconds(9), (await Log.FindAsync("a", Cancellation))!.ChangedAt);
    }

    [Fact]
    public async Task An_append_to_no_document_is_answered_with_nothing() =>
        Assert.Empty(await Log.AppendAsync([], Cancellation));

    [Fact]
    public async Task The_same_document_twice_or_without_operations_is_refused_and_nothing_is_written()
    {
        await CreateAsync("a");
        await CreateAsync("b");

        await Assert.ThrowsAsync<ArgumentException>(() => Log.AppendAsync(
            [new("b", 0, [Operation(1)]), new("a", 0, [Operation(1)]), new("a", 1, [Operation(2)])], Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => Log.AppendAsync(
            [new("b", 0, [Operation(1)]), new("a", 0, [])], Cancellation));

        Assert.Equal([0, 0], await Log.ReadHeadsAsync(["a", "b"], Cancellation));
    }

    [Fact]
    public async Task An_append_that_was_cancelled_before_it_began_writes_nothing()
    {
        await CreateAsync("a");
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Log.AppendAsync([new("a", 0, [Operation(1)])], cancelled.Token));

        Assert.Equal([0], await Log.ReadHeadsAsync(["a"], Cancellation));
        await FillAsync("a", 1);
    }

    [Fact]
    public async Task After_closing_and_opening_everything_is_there()
    {
        await CreateAsync("a", title: "Kept");
        await FillAsync("a", 3);
        await Log.SaveSnapshotAsync("a", 2, new byte[] { 5, 6 }, Cancellation);
        var before = await Log.FindAsync("a", Cancellation);

        await ReopenAsync();

        Assert.Equal(before, await Log.FindAsync("a", Cancellation));
        Assert.Equal(["1/1", "1/2", "1/3"], (await ReadAllAsync("a")).Select(Text));
        Assert.Equal([5, 6], (await Log.FindSnapshotAsync("a", 3, Cancellation))!.State.ToArray());
        await FillAsync("a", 1, head: 3);
    }
}
