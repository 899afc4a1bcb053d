// Reading what is known to exist: it may come from elsewhere, but it is the same.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class HistoryContract : LogContract
{
    [Theory]
    [InlineData(0, 5, new long[] { 1, 2, 3, 4, 5 })]
    [InlineData(0, 1, new long[] { 1 })]
    [InlineData(2, 4, new long[] { 3, 4 })]
    [InlineData(4, 5, new long[] { 5 })]
    [InlineData(3, 3, new long[0])]
    [InlineData(4, 2, new long[0])]
    public async Task A_range_begins_after_a_version_and_ends_with_another(long after, long through, long[] versions)
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await FillAsync("a", 5);
        await FillAsync("b", 9);

        var read = await Log.ReadHistoryAsync("a", after, through, int.MaxValue, Cancellation);

        Assert.Equal(versions, read.Select(operation => operation.Version));
        Assert.Equal(versions.Select(version => $"1/{version}"), read.Select(Text));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(250, 2)]
    [InlineData(10_000, 4)]
    public async Task A_range_ends_at_the_byte_limit_but_never_before_its_first_operation(int maxBytes, int count)
    {
        await CreateAsync("a");
        await AppendAsync("a", 0, [.. Enumerable.Range(1, 5).Select(i => Operation((ulong)i, bytes: new byte[100]))]);

        Assert.Equal(count, (await Log.ReadHistoryAsync("a", 0, 4, maxBytes, Cancellation)).Count);
    }

    [Fact]
    public async Task An_operation_is_read_the_moment_it_is_acknowledged()
    {
        await CreateAsync("a");
        for (var version = 1L; version <= 50; version++)
        {
            await FillAsync("a", 1, head: version - 1);
            var read = Assert.Single(
                await Log.ReadHistoryAsync("a", version - 1, version, int.MaxValue, Cancellation));
            Assert.Equal(version, read.Version);
        }
    }

    [Fact]
    public async Task Ranges_of_many_documents_are_read_at_once_whole_or_not_at_all()
    {
        foreach (var id in (string[])["a", "b", "c", "gone"])
        {
            await Log.CreateAsync(new NewDocument(id, id == "b" ? "rich-text" : "text", "", Start, "ada"), Cancellation);
            await FillAsync(id, 9);
        }

        await Log.DeleteAsync("gone", Start.AddDays(1), Cancellation);
        VersionRange[] ranges =
        [
            new("b", 2, 4), new("a", 1, 9), new("gone", 9, 9), new("a", 9, 9), new("a", 3, 10), new("none", 1, 1), new("c", 5, 6),
        ];

        var read = await Log.ReadRangesAsync(ranges, int.MaxValue, Cancellation);

        Assert.Equal([true, true, true, true, false, false, true], read.Select(range => range is not null));
        foreach (var (range, found) in ranges.Zip(read).Where(pair => pair.Second is not null))
        {
            var alone = await Log.ReadHistoryAsync(range.DocumentId, range.First - 1, range.Last, int.MaxValue, Cancellation);
            Assert.Equal(alone.Select(operation => operation with { Bytes = default }), found!.Operations.Select(operation => operation with { Bytes = default }));
            Assert.Equal(alone.Select(Text), found.Operations.Select(Text));
            Assert.Equal(range.DocumentId == "b" ? "rich-text" : "text", found.DocumentType);
            if (range.DocumentId == "gone")
                continue;
            var link = Assert.Single(await Log.ReadAuditLinksAsync(range.DocumentId, range.Last - 1, 1, Cancellation));
            Assert.Equal((link.Version, Convert.ToHexString(link.Hash.Span)), (found.Link!.Value.Version, Convert.ToHexString(found.Link.Value.Hash.Span)));
        }

        Assert.Empty(await Log.ReadRangesAsync([], int.MaxValue, Cancellation));
    }

    [Fact]
    public async Task Ranges_that_were_packed_or_are_over_the_byte_limit_may_be_left_out_but_no_others()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await AppendAsync("a", 0, [.. Enumerable.Range(1, 300).Select(i => Operation((ulong)i, bytes: new byte[100]))]);
        await AppendAsync("b", 0, [.. Enumerable.Range(1, 5).Select(i => Operation((ulong)i, bytes: new byte[100]))]);
        while ((await Log.PackAsync("a", 280, 1, Cancellation)).Operations > 0)
        {
        }

        var read = await Log.ReadRangesAsync([new("a", 1, 10), new("b", 1, 2), new("a", 281, 300)], int.MaxValue, Cancellation);
        Assert.Equal(10, read[0]?.Operations.Count ?? 10);
        Assert.Equal(2, read[1]!.Operations.Count);
        Assert.Equal(20, read[2]!.Operations.Count);
        read = await Log.ReadRangesAsync([new("b", 1, 2), new("b", 3, 4), new("b", 5, 5)], 400, Cancellation);
        Assert.Equal(2, read[0]!.Operations.Count);
        Assert.Equal(2, read[1]!.Operations.Count);
        Assert.Null(read[2]);
    }

    [Fact]
    public async Task Packed_and_unpacked_operations_are_read_alike()
    {
        await CreateAsync("a");
        await FillAsync("a", 500);
        while ((await Log.PackAsync("a", 300, 1, Cancellation)).Operations > 0)
        {
        }

        foreach (var (after, through) in new[] { (0, 500), (0, 300), (290, 310), (300, 301), (299, 300), (10, 20), (400, 500) })
        {
            var read = await Log.ReadHistoryAsync("a", after, through, int.MaxValue, Cancellation);
            Assert.Equal(
                Enumerable.Range(after + 1, through - after).Select(version => $"1/{version}"), read.Select(Text));
        }
    }

    [Fact]
    public async Task A_deleted_document_s_history_is_still_read_and_the_document_is_listed_as_deleted()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);
        await FillAsync("a", 97, head: 3);
        await Log.PackAsync("a", 50, 1, Cancellation);
        await CreateAsync("b", title: "Stays");
        await CreateAsync("c", title: "Gone too");
        var record = await Log.FindAsync("a", Cancellation);
        await Log.DeleteAsync("a", Start.AddDays(1), Cancellation);
        await Log.DeleteAsync("c", Start.AddDays(2), Cancellation);

        Assert.Equal(100, (await Log.ReadHistoryAsync("a", 0, 100, int.MaxValue, Cancellation)).Count);
        Assert.Empty(await Log.ReadAsync("a", 0, 100, int.MaxValue, Cancellation));
        Assert.Empty(await Log.ReadHistoryAsync("none", 0, 3, int.MaxValue, Cancellation));
        var deleted = await Log.ListDeletedAsync("", 10, Cancellation);
        Assert.Equal(["a", "c"], deleted.Select(document => document.Record.Id));
        Assert.Equal(new DeletedDocument(record!, Start.AddDays(1)), deleted[0]);
        Assert.Equal("c", Assert.Single(await Log.ListDeletedAsync("a", 10, Cancellation)).Record.Id);
        Assert.Equal("a", Assert.Single(await Log.ListDeletedAsync("", 1, Cancellation)).Record.Id);
        foreach (var document in deleted)
            Assert.Equal(document, await Log.FindDeletedAsync(document.Record.Id, Cancellation));
        foreach (var other in (string[])["b", "none", "aa", ""])
            Assert.Null(await Log.FindDeletedAsync(other, Cancellation));
    }

    [Fact]
    public async Task Documents_are_listed_by_id_whatever_is_changed_meanwhile_and_without_the_deleted()
    {
        foreach (var id in (string[])["b", "a", "C", "d", "-", "_"])
            await CreateAsync(id);
        await Log.DeleteAsync("b", Start.AddDays(1), Cancellation);
        var first = await Log.ListByIdAsync("", 3, Cancellation);
        await FillAsync("d", 3);
        var second = await Log.ListByIdAsync(first[^1].Id, 3, Cancellation);

        Assert.Equal(["-", "C", "_", "a", "d"], first.Concat(second).Select(record => record.Id));
        Assert.Equal(await Log.FindAsync("d", Cancellation), second[^1]);
        Assert.Empty(await Log.ListByIdAsync("d", 3, Cancellation));
    }

    [Fact]
    public async Task A_range_beyond_the_head_ends_at_the_head()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);

        Assert.Equal(3, (await Log.ReadHistoryAsync("a", 0, 9, int.MaxValue, Cancellation)).Count);
        Assert.Empty(await Log.ReadHistoryAsync("a", 7, 9, int.MaxValue, Cancellation));
    }
}
