// Packing: whatever could be read before is read after it, to the last byte, wherever the borders are.

using CloudSync.Operations;
using Xunit;

namespace CloudSync.Log.Contract;

public abstract class PackContract : LogContract
{
    private static readonly string[] Authors = ["ada", "", "grace", "Ἀριστοτέλης"];

    /// <summary>Damages the newest segment of a document, by the store's own means.</summary>
    protected abstract Task DamageSegmentAsync(string documentId);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(700)]
    [InlineData(1_499)]
    [InlineData(1_500)]
    public async Task Every_range_is_read_after_packing_as_it_was_before(long through)
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await WriteAsync("a", 1_500);
        await FillAsync("b", 3);
        var before = await ReadAllAsync("a");

        await PackAllAsync("a", through);

        AssertSame(before, await ReadAllAsync("a"));
        var random = new Random((int)through);
        for (var i = 0; i < 200; i++)
        {
            // Many of them around the border.
            var after = i % 2 == 0 ? random.Next(0, 1_501) : Math.Max(0, through - random.Next(0, 20));
            var count = random.Next(1, 60);
            AssertSame(
                before.Skip((int)after).Take(count).ToList(),
                await Log.ReadAsync("a", after, count, int.MaxValue, Cancellation));
        }

        AssertSame([], await Log.ReadAsync("a", 1_500, 10, 1_000, Cancellation));
        AssertSame([], await Log.ReadAsync("a", 9_999, 10, 1_000, Cancellation));
        Assert.Equal(["1/1", "1/2", "1/3"], (await ReadAllAsync("b")).Select(Text));
    }

    [Fact]
    public async Task A_range_ends_at_the_byte_limit_wherever_the_borders_are()
    {
        await CreateAsync("a");
        await WriteAsync("a", 300);
        var random = new Random(4);
        var cases = Enumerable.Range(0, 100).Select(_ => (After: random.Next(0, 300), Bytes: random.Next(0, 400))).ToList();
        var before = new List<IReadOnlyList<LoggedOperation>>();
        foreach (var (after, bytes) in cases)
            before.Add(await Log.ReadAsync("a", after, 1_000, bytes, Cancellation));

        for (var through = 100; through <= 300; through += 100)
        {
            await PackAllAsync("a", through);
            for (var i = 0; i < cases.Count; i++)
                AssertSame(before[i], await Log.ReadAsync("a", cases[i].After, 1_000, cases[i].Bytes, Cancellation));
        }
    }

    [Fact]
    public async Task Ranges_read_one_after_the_other_by_several_readers_make_the_whole()
    {
        await CreateAsync("a");
        await WriteAsync("a", 2_000);
        var whole = await ReadAllAsync("a");
        await PackAllAsync("a", 1_000);
        await PackAllAsync("a", 1_900);

        await Task.WhenAll(Enumerable.Range(1, 6).Select(async reader =>
        {
            var read = new List<LoggedOperation>();
            while (read.Count < whole.Count)
                read.AddRange(await Log.ReadAsync("a", read.Count, 17 * reader, 1_000 * reader, Cancellation));
            AssertSame(whole, read);
        }));
    }

    [Fact]
    public async Task The_version_at_any_moment_is_found_as_before()
    {
        await CreateAsync("a");
        await WriteAsync("a", 600);
        var read = await ReadAllAsync("a");
        var moments = read.SelectMany(operation => new[]
        {
            operation.CommittedAt, operation.CommittedAt.AddMicroseconds(-1), operation.CommittedAt.AddTicks(7),
        }).Concat([DateTimeOffset.MinValue, Start.AddDays(-1), DateTimeOffset.MaxValue]).ToArray();
        var before = await FindAllAsync();

        foreach (var through in new[] { 1, 200, 401, 600 })
        {
            await PackAllAsync("a", through);
            Assert.Equal(before, await FindAllAsync());
        }

        async Task<List<long?>> FindAllAsync()
        {
            var versions = new List<long?>();
            foreach (var moment in moments)
                versions.Add(await Log.FindVersionAsync("a", moment, Cancellation));
            return versions;
        }
    }

    [Fact]
    public async Task A_resent_operation_is_found_in_a_segment_too()
    {
        await CreateAsync("a");
        await FillAsync("a", 3);
        var sent = Operation(sequence: ulong.MaxValue, clientId: 77) with { BaseVersion = 3 };
        await AppendAsync("a", 3, sent);
        await AppendAsync("a", 4, Operation(4));
        await PackAllAsync("a", 5);

        Assert.Equal(new AppendResult(AppendOutcome.Conflict, 5), await AppendAsync("a", 3, sent));
        var found = Assert.Single(
            await ReadAllAsync("a", after: 3),
            operation => operation is { ClientId: 77, ClientSequence: ulong.MaxValue });
        Assert.Equal((4, 3), (found.Version, found.BaseVersion));
    }

    [Fact]
    public async Task What_was_packed_is_told_and_packing_again_does_nothing()
    {
        await CreateAsync("a");
        await WriteAsync("a", 100);

        Assert.Equal(new PackResult(0, 0, 0), await Log.PackAsync("a", 100, 101, Cancellation));
        Assert.Equal(new PackResult(60, 60, 0), await Log.PackAsync("a", 60, 60, Cancellation));
        Assert.Equal(new PackResult(0, 60, 0), await Log.PackAsync("a", 60, 1, Cancellation));
        Assert.Equal(new PackResult(0, 60, 0), await Log.PackAsync("a", 40, 1, Cancellation));
        Assert.Equal(new PackResult(0, 60, 0), await Log.PackAsync("a", long.MaxValue, 41, Cancellation));
        Assert.Equal(new PackResult(40, 100, 0), await Log.PackAsync("a", long.MaxValue, 40, Cancellation));
        Assert.Equal(new PackResult(0, 100, 0), await Log.PackAsync("a", long.MaxValue, 1, Cancellation));
        Assert.Equal(new PackResult(0, 0, 0), await Log.PackAsync("none", 100, 1, Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Log.PackAsync("a", -1, 1, Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Log.PackAsync("a", 1, 0, Cancellation));
    }

    [Fact]
    public async Task A_packed_document_goes_on_where_it_was_and_is_there_after_opening_again()
    {
        await CreateAsync("a");
        await WriteAsync("a", 50);
        await PackAllAsync("a", 50);
        var record = await Log.FindAsync("a", Cancellation);
        Assert.Equal(50, record!.Head);
        await AppendAsync("a", 50, Operation(51, committedAt: Start.AddDays(-9)));
        await ReopenAsync();

        var read = await ReadAllAsync("a");
        Assert.Equal(51, read.Count);
        // Time doesn't go back, though its predecessor is in a segment.
        Assert.Equal(read[49].CommittedAt, read[50].CommittedAt);
        Assert.Equal([51], await Log.ReadHeadsAsync(["a"], Cancellation));
    }

    [Fact]
    public async Task A_deleted_document_is_neither_read_nor_packed()
    {
        await CreateAsync("a");
        await WriteAsync("a", 50);
        await PackAllAsync("a", 20);
        await Log.DeleteAsync("a", Start, Cancellation);

        Assert.Empty(await ReadAllAsync("a"));
        Assert.Empty(await ReadAllAsync("a", after: 10));
        Assert.Null(await Log.FindVersionAsync("a", DateTimeOffset.MaxValue, Cancellation));
        Assert.Equal(0, (await Log.PackAsync("a", 50, 1, Cancellation)).Operations);
    }

    [Fact]
    public async Task Large_operations_and_many_clients_are_packed_too()
    {
        await CreateAsync("a");
        var random = new Random(6);
        var head = 0;
        for (var i = 0; i < 4; i++)
        {
            var operations = Enumerable.Range(0, 40).Select(j =>
            {
                var bytes = new byte[random.Next(5) == 0 ? random.Next(1 << 20) : random.Next(10)];
                random.NextBytes(bytes);
                return Operation((ulong)random.NextInt64(), (ulong)random.NextInt64(), bytes: bytes) with
                {
                    Author = new string((char)random.Next('a', 'z'), random.Next(2_000)),
                };
            }).ToArray();
            await AppendAsync("a", head, operations);
            head += operations.Length;
        }

        await AppendAsync("a", head, Operation(1, bytes: new byte[9 << 20]), Operation(2));
        var before = await ReadAllAsync("a");

        await PackAllAsync("a", long.MaxValue);

        AssertSame(before, await ReadAllAsync("a"));
        AssertSame([before[^2]], await Log.ReadAsync("a", head, 1, 1, Cancellation));
    }

    [Fact]
    public async Task Of_the_snapshots_within_a_segment_the_newest_is_kept_and_the_two_newest_of_all()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        foreach (var id in new[] { "a", "b" })
        {
            await WriteAsync(id, 1_000);
            for (var version = 100; version <= 1_000; version += 100)
                await Log.SaveSnapshotAsync(id, version, BitConverter.GetBytes(version), Cancellation);
        }

        Assert.Equal(new PackResult(450, 450, 3), await Log.PackAsync("a", 450, 1, Cancellation));
        Assert.Equal([400, 500, 600, 700, 800, 900, 1_000], await SnapshotsAsync("a"));
        // Joined with the segment before, as they are alike in size.
        Assert.Equal(new PackResult(550, 1_000, 5), await Log.PackAsync("a", 1_000, 1, Cancellation));
        Assert.Equal([900, 1_000], await SnapshotsAsync("a"));
        Assert.Equal(10, (await SnapshotsAsync("b")).Count);

        async Task<List<long>> SnapshotsAsync(string id)
        {
            var versions = new List<long>();
            for (var version = 1_000L; await Log.FindSnapshotAsync(id, version, Cancellation) is { } found;)
            {
                Assert.Equal(BitConverter.GetBytes((int)found.Version), found.State.ToArray());
                versions.Insert(0, found.Version);
                version = found.Version - 1;
            }

            return versions;
        }
    }

    [Fact]
    public async Task A_damaged_segment_is_named_and_hurts_no_other_document()
    {
        await CreateAsync("a");
        await CreateAsync("b");
        await WriteAsync("a", 100);
        await WriteAsync("b", 100);
        await PackAllAsync("a", 90);
        await PackAllAsync("b", 90);
        await DamageSegmentAsync("a");

        var refusal = await Assert.ThrowsAsync<LogUnusableException>(() => ReadAllAsync("a"));
        Assert.Contains("segment of document 'a'", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        await Assert.ThrowsAsync<LogUnusableException>(() => Log.FindVersionAsync("a", Start.AddSeconds(1), Cancellation));
        Assert.Equal(10, (await ReadAllAsync("a", after: 90)).Count);
        Assert.Equal(100, (await ReadAllAsync("b")).Count);
        // It would be joined with it: nothing is packed, nothing is lost.
        await AppendAsync("a", 100, [.. Enumerable.Range(1, 200).Select(i => Operation((ulong)i))]);
        await Assert.ThrowsAsync<LogUnusableException>(() => Log.PackAsync("a", 300, 1, Cancellation));
        Assert.Equal(210, (await ReadAllAsync("a", after: 90)).Count);
    }

    [Fact]
    public async Task Packing_beside_appends_readers_and_another_instance_loses_and_doubles_nothing()
    {
        const int Appends = 300, Each = 20;
        var second = await Store.OpenAsync();
        try
        {
            await CreateAsync("a");
            using var appended = new CancellationTokenSource();
            var packers = new[] { Log, second, Log }.Select(log => Task.Run(
                async () =>
                {
                    while (!appended.IsCancellationRequested)
                    {
                        var head = (await log.ReadHeadsAsync(["a"], Cancellation))[0];
                        await log.PackAsync("a", head, 1, Cancellation);
                    }
                },
                Cancellation)).ToList();
            var readers = new[] { Log, second }.Select(log => Task.Run(
                async () =>
                {
                    while (!appended.IsCancellationRequested)
                    {
                        var head = (await log.ReadHeadsAsync(["a"], Cancellation))[0];
                        var read = await log.ReadAsync("a", head / 2, 1_000, int.MaxValue, Cancellation);
                        Assert.True(read.Count >= Math.Min(head - (head / 2), 1_000));
                        for (var i = 0; i < read.Count; i++)
                            Assert.Equal($"1/{(head / 2) + i + 1}", Text(read[i]));
                    }
                },
                Cancellation)).ToList();
            for (var i = 0; i < Appends; i++)
                await FillAsync("a", Each, head: i * Each);
            await appended.CancelAsync();
            await Task.WhenAll([.. packers, .. readers]);

            var all = await ReadAllAsync("a");
            Assert.Equal(Enumerable.Range(1, Appends * Each).Select(i => $"1/{i}"), all.Select(Text));
            AssertSame(all, await second.ReadAsync("a", 0, 100_000, int.MaxValue, Cancellation));
        }
        finally
        {
            await CloseAsync(second);
        }
    }

    private async Task PackAllAsync(string id, long through)
    {
        while ((await Log.PackAsync(id, through, 1, Cancellation)).Operations > 0)
        {
        }
    }

    /// <summary>Appends operations of all kinds, by several clients and authors, at all distances of time.</summary>
    private async Task WriteAsync(string id, int count)
    {
        var random = new Random(count);
        var at = Start;
        var sequences = new ulong[5];
        var operations = new NewOperation[count];
        for (var i = 0; i < count; i++)
        {
            var client = random.Next(5);
            at = random.Next(4) switch
            {
                0 => at,
                1 => at.AddMicroseconds(random.Next(1, 300)),
                2 => at.AddMicroseconds(random.Next(1, 3_000_000)),
                _ => at.AddMinutes(random.Next(0, 100_000)).AddMicroseconds(random.Next(1_000)),
            };
            operations[i] = new NewOperation(
                (ulong)client * 0x1234_5678_9ABC_DEF1, ++sequences[client], Math.Max(0, i - random.Next(4)),
                Authors[random.Next(Authors.Length)], at, AnyOperation(random));
        }

        Assert.Equal(AppendOutcome.Appended, (await AppendAsync(id, 0, operations)).Outcome);
    }

    private static byte[] AnyOperation(Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                var bytes = new byte[random.Next(12)];
                random.NextBytes(bytes);
                return bytes;
            case 1:
                return [.. """[{"p":["list",0],"li":"""u8, (byte)('0' + random.Next(10)), .. "}]"u8];
            default:
                var delta = Delta.Build().Retain(random.Next(2_000));
                if (random.Next(3) == 0)
                    delta.Delete(random.Next(1, 300));
                return delta.Insert(random.Next(2) == 0 ? "é😀" : "y").ToDelta().Bytes.ToArray();
        }
    }

    private static void AssertSame(IReadOnlyList<LoggedOperation> expected, IReadOnlyList<LoggedOperation> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i] with { Bytes = default }, actual[i] with { Bytes = default });
            if (!expected[i].Bytes.Span.SequenceEqual(actual[i].Bytes.Span))
                Assert.Fail($"The bytes of version {expected[i].Version} differ.");
        }
    }
}
