// The audit chain: what the log keeps is what anybody computes who reads the document from its beginning.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class AuditContract : LogContract
{
    private static readonly string[] Ids = ["a", "b", "c"];

    [Fact]
    public async Task Each_operation_has_the_link_that_a_reader_computes()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await AppendAsync("a", 0, Operation(1));
        await AppendAsync("a", 1, Operation(2), Operation(3, bytes: []), Operation(4, bytes: new byte[5_000]));
        await AppendAsync("a", 4, Odd(5));
        await FillAsync("b", 2);

        Assert.Equal([1, 2, 3, 4, 5], await CheckAsync("a"));
        Assert.Equal([1, 2], await CheckAsync("b"));
    }

    [Fact]
    public async Task Many_documents_in_one_append_have_chains_of_their_own()
    {
        foreach (var id in Ids)
            await CreateAsync(id);
        for (var round = 0; round < 5; round++)
        {
            var heads = await Log.ReadHeadsAsync(Ids, Cancellation);
            var results = await Log.AppendAsync(
                [.. Ids.Select((id, i) => new DocumentAppend(
                    // One of them misses its head in each round.
                    id, heads[i] + (i == round % 3 ? 1 : 0),
                    [.. Enumerable.Range(0, 1 + ((i + round) % 4)).Select(n => Odd(heads[i] + n + 1))]))],
                Cancellation);
            Assert.Equal(2, results.Count(result => result.Outcome == AppendOutcome.Appended));
        }

        foreach (var id in Ids)
            Assert.NotEmpty(await CheckAsync(id));
    }

    [Fact]
    public async Task A_link_covers_the_time_as_the_log_keeps_it()
    {
        await CreateAsync("a", Start);
        await AppendAsync(
            "a", 0,
            Operation(1, committedAt: Start.AddSeconds(-5)),
            Operation(2, committedAt: Start.AddSeconds(9).AddTicks(7)),
            Operation(3, committedAt: Start.AddSeconds(4)));
        await AppendAsync("a", 3, Operation(4, committedAt: Start.AddSeconds(8)));
        await AppendAsync("a", 4, Operation(5, committedAt: new DateTimeOffset(1960, 1, 1, 0, 0, 0, TimeSpan.Zero)));

        Assert.Equal(5, (await CheckAsync("a")).Count);
    }

    [Fact]
    public async Task After_packing_the_last_link_of_each_segment_is_left_and_the_head_s_is_the_same()
    {
        await CreateAsync("a");
        for (var version = 1; version <= 200; version++)
            await AppendAsync("a", version - 1, Odd(version));
        var head = (await Log.ReadAuditLinksAsync("a", 199, 10, Cancellation)).Single().Hash.ToArray();

        await Log.PackAsync("a", 20, 1, Cancellation);
        Assert.Equal([20, .. Enumerable.Range(21, 180).Select(version => (long)version)], await CheckAsync("a"));
        await Log.PackAsync("a", 120, 1, Cancellation);
        // The two are joined to one.
        Assert.Equal([120, .. Enumerable.Range(121, 80).Select(version => (long)version)], await CheckAsync("a"));
        await Log.PackAsync("a", 140, 1, Cancellation);
        await Log.PackAsync("a", 200, 1, Cancellation);
        Assert.Equal(200, (await CheckAsync("a"))[^1]);

        await ReopenAsync();
        Assert.Equal(head, (await Log.ReadAuditLinksAsync("a", 199, 10, Cancellation)).Single().Hash.ToArray());
        await AppendAsync("a", 200, Odd(201), Odd(202));
        Assert.Equal([201, 202], (await CheckAsync("a"))[^2..]);
    }

    [Fact]
    public async Task The_chain_goes_on_where_everything_was_packed_by_one_instance_and_another_appends()
    {
        var second = await Store.OpenAsync();
        try
        {
            await CreateAsync("a");
            await FillAsync("a", 10);
            await second.PackAsync("a", 10, 1, Cancellation);
            await second.AppendAsync([new("a", 10, [Odd(11)])], Cancellation);
            await AppendAsync("a", 11, Odd(12));

            Assert.Equal([10, 11, 12], await CheckAsync("a"));
        }
        finally
        {
            await CloseAsync(second);
        }
    }

    [Fact]
    public async Task Links_are_read_in_parts_from_any_version_on()
    {
        await CreateAsync("a");
        for (var version = 1; version <= 40; version++)
            await AppendAsync("a", version - 1, Odd(version));
        await Log.PackAsync("a", 8, 1, Cancellation);
        await Log.PackAsync("a", 12, 1, Cancellation);
        var all = await Log.ReadAuditLinksAsync("a", 0, 100_000, Cancellation);

        for (var size = 1; size <= 40; size += 13)
        {
            var parts = new List<AuditLink>();
            while (await Log.ReadAuditLinksAsync("a", parts.Count == 0 ? 0 : parts[^1].Version, size, Cancellation) is { Count: > 0 } part)
            {
                Assert.True(part.Count <= size);
                parts.AddRange(part);
            }

            AssertSame(all, parts);
        }

        foreach (var after in new long[] { 1, 7, 8, 9, 12, 13, 39, 40, 99 })
            AssertSame(all.Where(link => link.Version > after).ToList(), await Log.ReadAuditLinksAsync("a", after, 1_000, Cancellation));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(0, 100_001)]
    public async Task Links_out_of_bounds_are_refused(long after, int maxCount) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => Log.ReadAuditLinksAsync("a", after, maxCount, Cancellation));

    [Fact]
    public async Task A_document_without_operations_deleted_or_unknown_has_no_links()
    {
        await CreateAsync("a");
        Assert.Empty(await Log.ReadAuditLinksAsync("a", 0, 10, Cancellation));
        await FillAsync("a", 2);
        await Log.DeleteAsync("a", Start, Cancellation);

        Assert.Empty(await Log.ReadAuditLinksAsync("a", 0, 10, Cancellation));
        Assert.Empty(await Log.ReadAuditLinksAsync("none", 0, 10, Cancellation));
    }

    /// <summary>Compares all links of a document with those computed from its operations; their versions.</summary>
    private async Task<List<long>> CheckAsync(string id)
    {
        var links = await Log.ReadAuditLinksAsync(id, 0, 100_000, Cancellation);
        var next = 0;
        var link = AuditChain.Begin(id);
        foreach (var operation in await ReadAllAsync(id))
        {
            AuditChain.Link(link, operation, link);
            if (next < links.Count && links[next].Version == operation.Version)
                Assert.Equal(link, links[next++].Hash.ToArray());
        }

        Assert.Equal(links.Count, next);
        Assert.Equal((await Log.ReadHeadsAsync([id], Cancellation))[0], links.Count == 0 ? 0 : links[^1].Version);
        return [.. links.Select(found => found.Version)];
    }

    private static NewOperation Odd(long version) => new(
        ulong.MaxValue - (ulong)(version % 3), (ulong)version, Math.Max(0, version - 2), version % 2 == 0 ? "" : "Ἀριστοτέλης",
        Start.AddMicroseconds(version * 1_234_567 % 10_000_000), BitConverter.GetBytes(version));

    private static void AssertSame(IReadOnlyList<AuditLink> expected, IReadOnlyList<AuditLink> actual)
    {
        Assert.Equal(expected.Select(link => link.Version), actual.Select(link => link.Version));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First.Hash.ToArray(), pair.Second.Hash.ToArray()));
    }
}
