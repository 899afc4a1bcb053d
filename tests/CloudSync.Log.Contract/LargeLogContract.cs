// Very many operations in one document: written, read page by page, packed, and read again.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class LargeLogContract : LogContract
{
    private const int Batch = 10_000;
    private const int Snapshot = 23_456;
    private const int PackedThrough = 85_000;

    /// <summary>How many; a multiple of 100,000.</summary>
    protected virtual int Operations => 1_000_000;

    /// <summary>
    /// Called when the million is written: the place to show, by the store's own means, that a look-up of one version,
    /// one moment or one snapshot costs no more for it.
    /// </summary>
    protected abstract Task CheckLookUpsAsync(string documentId);

    [Fact]
    public async Task Very_many_operations_are_written_in_batches_and_read_in_ranges_packed_or_not()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        for (var head = 0; head < Operations; head += Batch)
        {
            var operations = new NewOperation[Batch];
            for (var i = 0; i < Batch; i++)
            {
                var version = head + i + 1;
                operations[i] = new NewOperation(
                    1, (ulong)version, version - 1, "ada", At(version), BitConverter.GetBytes(version));
            }

            var result = await AppendAsync("a", head, operations);
            Assert.Equal(new AppendResult(AppendOutcome.Appended, head + Batch), result);
        }

        await FillAsync("b", 1);
        await Log.SaveSnapshotAsync("a", Snapshot, new byte[] { 1 }, Cancellation);

        Assert.Equal(Operations, (await Log.FindAsync("a", Cancellation))!.Head);
        await CheckReadsAsync();
        await CheckLookUpsAsync("a");

        // Two segments and more; the page after them begins in a segment and ends in rows.
        var packed = 0L;
        while (await Log.PackAsync("a", PackedThrough, 1, Cancellation) is { Operations: > 0 } step)
        {
            packed += step.Operations;
            Assert.Equal(packed, step.PackedThrough);
        }

        Assert.Equal(PackedThrough, packed);
        await CheckReadsAsync();
    }

    private async Task CheckReadsAsync()
    {
        long read = 0;
        while (read < Operations)
        {
            var part = await Log.ReadAsync("a", read, 100_000, int.MaxValue, Cancellation);
            Assert.Equal(100_000, part.Count);
            foreach (var operation in part)
            {
                read++;
                if (operation.Version != read || BitConverter.ToInt32(operation.Bytes.Span) != read)
                    Assert.Fail($"Version {operation.Version} stands where {read} belongs.");
            }
        }

        Assert.Empty(await Log.ReadAsync("a", Operations, 1, 1_000, Cancellation));
        foreach (var version in new long[] { 1, 2, 4_095, Operations / 2, Operations - 1, Operations })
        {
            var one = Assert.Single(await Log.ReadAsync("a", version - 1, 1, 1_000, Cancellation));
            Assert.Equal(version, one.Version);
            Assert.Equal(version, await Log.FindVersionAsync("a", At(version), Cancellation));
            Assert.Equal(version - 1, await Log.FindVersionAsync("a", At(version).AddMicroseconds(-1), Cancellation));
        }

        Assert.Equal(Snapshot, (await Log.FindSnapshotAsync("a", Operations, Cancellation))!.Version);
    }

    private static DateTimeOffset At(long version) => Start.AddMilliseconds(version);
}
