// Many appenders at once, in one instance and in several on the same place.

using Xunit;

namespace CloudSync.Log.Contract;

public abstract class ConcurrencyContract : LogContract
{
    private static readonly string[] Documents = ["a", "b", "c"];

    [Fact]
    public async Task Appenders_that_race_lose_nothing_and_write_nothing_twice() => await RaceAsync([Log], appenders: 16);

    [Fact]
    public async Task Appenders_in_several_instances_lose_nothing_and_write_nothing_twice()
    {
        var second = await Store.OpenAsync();
        var third = await Store.OpenAsync();
        try
        {
            await RaceAsync([Log, second, third], appenders: 9);
        }
        finally
        {
            await CloseAsync(second);
            await CloseAsync(third);
        }
    }

    [Fact]
    public async Task What_one_instance_has_appended_another_reads_at_once_and_conflicts_with()
    {
        var second = await Store.OpenAsync();
        try
        {
            await CreateAsync("a");
            Assert.NotNull(await second.FindAsync("a", Cancellation));
            await FillAsync("a", 2);
            Assert.Equal([2], await second.ReadHeadsAsync(["a"], Cancellation));

            Assert.Equal(
                [new AppendResult(AppendOutcome.Conflict, 2)],
                await second.AppendAsync([new("a", 1, [Operation(5, clientId: 2)])], Cancellation));
            Assert.Equal(
                [new AppendResult(AppendOutcome.Appended, 3)],
                await second.AppendAsync([new("a", 2, [Operation(6, clientId: 2)])], Cancellation));

            Assert.Equal(["1/1", "1/2", "2/6"], (await ReadAllAsync("a")).Select(Text));
        }
        finally
        {
            await CloseAsync(second);
        }
    }

    [Fact]
    public async Task Of_many_who_create_the_same_id_exactly_one_succeeds()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            try
            {
                await CreateAsync("a", title: $"{i}");
                return i;
            }
            catch (DocumentExistsException)
            {
                return -1;
            }
        }));

        var winner = Assert.Single(outcomes, outcome => outcome >= 0);
        Assert.Equal($"{winner}", (await Log.FindAsync("a", Cancellation))!.Title);
    }

    [Fact]
    public async Task Of_many_appends_to_the_same_head_exactly_one_is_written()
    {
        await CreateAsync("a");

        var results = await Task.WhenAll(
            Enumerable.Range(1, 50).Select(i => AppendAsync("a", 0, Operation(1, clientId: (ulong)i), Operation(2))));

        Assert.Single(results, result => result.Outcome == AppendOutcome.Appended);
        Assert.All(results, result => Assert.Equal(2, result.Head));
        Assert.Equal(2, (await ReadAllAsync("a")).Count);
    }

    [Fact]
    public async Task Reads_beside_appends_see_whole_appends_and_dense_versions()
    {
        await CreateAsync("a");
        const int Appends = 100;
        var reading = Task.Run(
            async () =>
            {
                long head;
                do
                {
                    var read = await ReadAllAsync("a");
                    head = read.Count;
                    Assert.Equal(0, head % 3);
                    Assert.Equal(Enumerable.Range(1, read.Count).Select(i => (long)i), read.Select(o => o.Version));
                }
                while (head < Appends * 3);
            },
            Cancellation);

        for (var i = 0; i < Appends; i++)
            await FillAsync("a", 3, head: i * 3);
        await reading;
    }

    /// <summary>
    /// Each appender writes its operations into every document, one after the other, reading anew after a conflict.
    /// </summary>
    private async Task RaceAsync(IReadOnlyList<IOperationLog> logs, int appenders)
    {
        const int Operations = 20;
        foreach (var id in Documents)
            await CreateAsync(id);

        await Task.WhenAll(Enumerable.Range(1, appenders).Select(appender => Task.Run(
            () => AppendAllAsync(logs[appender % logs.Count], (ulong)appender, Operations), Cancellation)));

        foreach (var id in Documents)
        {
            var read = await ReadAllAsync(id);
            Assert.Equal(Enumerable.Range(1, appenders * Operations).Select(i => (long)i), read.Select(o => o.Version));
            Assert.Equal(read.Count, (await Log.FindAsync(id, Cancellation))!.Head);
            foreach (var own in read.GroupBy(operation => operation.ClientId))
            {
                Assert.Equal(
                    Enumerable.Range(1, Operations).Select(i => (ulong)i), own.Select(o => o.ClientSequence));
            }
        }
    }

    private static async Task AppendAllAsync(IOperationLog log, ulong clientId, int operations)
    {
        var written = new int[Documents.Length];
        var heads = new long[Documents.Length];
        while (written.Any(count => count < operations))
        {
            var open = Enumerable.Range(0, Documents.Length).Where(i => written[i] < operations).ToArray();
            var results = await log.AppendAsync(
                [.. open.Select(i => new DocumentAppend(
                    Documents[i], heads[i], [Operation((ulong)written[i] + 1, clientId)]))],
                Cancellation);
            for (var i = 0; i < open.Length; i++)
            {
                heads[open[i]] = results[i].Head;
                if (results[i].Outcome == AppendOutcome.Appended)
                    written[open[i]]++;
            }
        }
    }
}
