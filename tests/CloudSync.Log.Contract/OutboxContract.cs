// The outbox: every committed batch waits in it until somebody has delivered it; in order for each document, to one at a
// time, and never lost.

using System.Collections.Concurrent;
using Xunit;

namespace CloudSync.Log.Contract;

public abstract class OutboxContract : LogContract
{
    private IOutbox Outbox => (IOutbox)Log;

    [Fact]
    public async Task Without_an_outbox_nothing_waits()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);

        Assert.Null(await Outbox.ClaimAsync(10, Cancellation));
        Assert.Equal(new OutboxDepth(0, null), await Outbox.MeasureAsync(Cancellation));
    }

    [Fact]
    public async Task Each_committed_batch_waits_and_what_was_not_committed_does_not()
    {
        await OpenWithOutboxAsync();
        foreach (var id in new[] { "a", "b", "gone" })
            await CreateAsync(id);
        await Log.DeleteAsync("gone", Start, Cancellation);
        await FillAsync("a", 3);
        await Log.AppendAsync(
            [
                new DocumentAppend("a", 3, [Operation(1), Operation(2)]),
                new DocumentAppend("b", 7, [Operation(1)]),
                new DocumentAppend("gone", 0, [Operation(1)]),
                new DocumentAppend("none", 0, [Operation(1)]),
            ],
            Cancellation);
        await FillAsync("b", 1);

        Assert.Equal(
            [new OutboxBatch("a", 1, 3), new OutboxBatch("a", 4, 2), new OutboxBatch("b", 1, 1)],
            (await DrainAsync(Outbox, 10)).OrderBy(batch => batch.DocumentId).ThenBy(batch => batch.FirstVersion));
        Assert.Null(await Outbox.ClaimAsync(10, Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10_001)]
    public async Task A_claim_out_of_bounds_is_refused(int maxBatches) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Outbox.ClaimAsync(maxBatches, Cancellation));

    [Fact]
    public async Task A_claim_has_no_more_batches_than_asked_for_and_the_oldest_of_each_document()
    {
        await OpenWithOutboxAsync();
        await CreateAsync("a");
        for (var i = 0; i < 10; i++)
            await FillAsync("a", 1, head: i);

        await using (var claim = await Outbox.ClaimAsync(3, Cancellation))
        {
            Assert.Equal([1, 2, 3], claim!.Batches.Select(batch => batch.FirstVersion));
            await claim.CompleteAsync(Cancellation);
        }

        await using (var claim = await Outbox.ClaimAsync(3, Cancellation))
            Assert.Equal([4, 5, 6], claim!.Batches.Select(batch => batch.FirstVersion));
        Assert.Equal(7, (await Outbox.MeasureAsync(Cancellation)).Batches);
    }

    [Fact]
    public async Task What_was_claimed_and_not_completed_is_claimed_again()
    {
        await OpenWithOutboxAsync();
        await CreateAsync("a");
        await FillAsync("a", 2);
        await using (var claim = await Outbox.ClaimAsync(10, Cancellation))
            Assert.NotNull(claim);

        Assert.Equal([new OutboxBatch("a", 1, 2)], await DrainAsync(Outbox, 10));
    }

    [Fact]
    public async Task A_document_that_is_claimed_is_given_to_nobody_else_however_much_more_of_it_is_committed()
    {
        await OpenWithOutboxAsync();
        var second = await Store.OpenAsync();
        try
        {
            await CreateAsync("a");
            await FillAsync("a", 1);
            await using (var claim = await Outbox.ClaimAsync(10, Cancellation))
            {
                Assert.NotNull(claim);
                // Neither the claim holds up an append, nor does what it appends go to another.
                await FillAsync("a", 1, head: 1);
                Assert.Null(await Outbox.ClaimAsync(10, Cancellation));
                Assert.Null(await ((IOutbox)second).ClaimAsync(10, Cancellation));
                await claim.CompleteAsync(Cancellation);
            }

            Assert.Equal([new OutboxBatch("a", 2, 1)], await DrainAsync((IOutbox)second, 10));
        }
        finally
        {
            await CloseAsync(second);
        }
    }

    [Fact]
    public async Task Several_claims_at_a_time_have_different_documents()
    {
        await OpenWithOutboxAsync();
        var ids = Enumerable.Range(0, 200).Select(i => $"d{i}").ToArray();
        foreach (var id in ids)
        {
            await CreateAsync(id);
            await FillAsync(id, 1);
        }

        await using var first = await Outbox.ClaimAsync(1, Cancellation);
        await using var second = await Outbox.ClaimAsync(1, Cancellation);

        Assert.NotEqual(Assert.Single(first!.Batches).DocumentId, Assert.Single(second!.Batches).DocumentId);
    }

    [Fact]
    public async Task What_waits_is_there_after_closing_and_opening()
    {
        await OpenWithOutboxAsync();
        await CreateAsync("a");
        await FillAsync("a", 2);
        var claim = await Outbox.ClaimAsync(10, Cancellation);
        Assert.NotNull(claim);
        await claim.DisposeAsync();

        await ReopenAsync();

        Assert.Equal([new OutboxBatch("a", 1, 2)], await DrainAsync(Outbox, 10));
        await ReopenAsync();
        Assert.Null(await Outbox.ClaimAsync(10, Cancellation));
    }

    [Fact]
    public async Task The_depth_tells_how_many_wait_and_since_when()
    {
        await OpenWithOutboxAsync();
        await CreateAsync("a");
        await CreateAsync("b");
        await AppendAsync("a", 0, Operation(1, committedAt: Start.AddSeconds(3)), Operation(2, committedAt: Start.AddSeconds(4)));
        await AppendAsync("b", 0, Operation(1, committedAt: Start.AddSeconds(9)));

        var depth = await Outbox.MeasureAsync(Cancellation);
        Assert.Equal(2, depth.Batches);
        Assert.InRange(depth.Oldest!.Value, Start.AddSeconds(3), Start.AddSeconds(4));

        await DrainAsync(Outbox, 10);
        Assert.Equal(new OutboxDepth(0, null), await Outbox.MeasureAsync(Cancellation));
    }

    [Fact]
    public async Task A_deleted_document_s_batches_are_delivered_all_the_same()
    {
        await OpenWithOutboxAsync();
        await CreateAsync("a");
        await FillAsync("a", 2);
        await Log.DeleteAsync("a", Start, Cancellation);

        Assert.Equal([new OutboxBatch("a", 1, 2)], await DrainAsync(Outbox, 10));
    }

    [Fact]
    public async Task Relays_in_several_instances_that_give_up_now_and_then_deliver_all_in_order_beside_appends()
    {
        const int Documents = 20, Appends = 30;
        var seed = Environment.TickCount;
        await OpenWithOutboxAsync();
        var second = await Store.OpenAsync();
        try
        {
            var ids = Enumerable.Range(0, Documents).Select(i => $"d{i}").ToArray();
            foreach (var id in ids)
                await CreateAsync(id);
            // The versions delivered of each document, in the order in which they were; and who has it claimed.
            var delivered = ids.ToDictionary(id => id, _ => new List<OutboxBatch>());
            var claimed = new ConcurrentDictionary<string, int>();
            var left = Documents * Appends;
            var relays = Enumerable.Range(0, 4).Select(relay => Task.Run(
                async () =>
                {
                    var random = new Random(seed + relay);
                    while (Volatile.Read(ref left) > 0)
                    {
                        await using var claim = await ((IOutbox)(relay % 2 == 0 ? Log : second)).ClaimAsync(
                            random.Next(1, 50), Cancellation);
                        if (claim is null)
                        {
                            await Task.Yield();
                            continue;
                        }

                        var mine = claim.Batches.Select(batch => batch.DocumentId).Distinct().ToList();
                        Assert.All(mine, id => Assert.True(claimed.TryAdd(id, relay), $"{id} was claimed twice (seed {seed})."));
                        var completes = random.Next(4) > 0;
                        foreach (var batch in completes ? claim.Batches : [])
                            delivered[batch.DocumentId].Add(batch);
                        Assert.All(mine, id => Assert.True(claimed.TryRemove(id, out _)));
                        if (completes)
                        {
                            await claim.CompleteAsync(Cancellation);
                            Interlocked.Add(ref left, -claim.Batches.Count);
                        }
                    }
                },
                Cancellation)).ToList();
            for (var i = 0; i < Appends; i++)
            {
                var results = await (i % 2 == 0 ? Log : second).AppendAsync(
                    [.. ids.Select(id => new DocumentAppend(id, i, [Operation((ulong)i + 1)]))], Cancellation);
                Assert.All(results, result => Assert.Equal(AppendOutcome.Appended, result.Outcome));
            }

            await Task.WhenAll(relays);
            foreach (var id in ids)
                Assert.Equal(Enumerable.Range(1, Appends).Select(i => new OutboxBatch(id, i, 1)), delivered[id]);
            Assert.Null(await Outbox.ClaimAsync(10, Cancellation));
        }
        finally
        {
            await CloseAsync(second);
        }
    }

    private async Task OpenWithOutboxAsync()
    {
        Store.KeepsOutbox = true;
        await ReopenAsync();
    }

    /// <summary>Claims and completes until nothing waits.</summary>
    private static async Task<List<OutboxBatch>> DrainAsync(IOutbox outbox, int maxBatches)
    {
        var batches = new List<OutboxBatch>();
        while (await outbox.ClaimAsync(maxBatches, Cancellation) is { } claim)
        {
            await using (claim)
            {
                batches.AddRange(claim.Batches);
                await claim.CompleteAsync(Cancellation);
            }
        }

        return batches;
    }
}
