// A document that was edited for years: opening it costs what its newest snapshot and the few operations since cost, however
// many there were before. Work is counted here, not time; docs/complaints.md has the time.

using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Tests.Shared;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class LongHistoryTests : IDisposable
{
    private const int SnapshotOperations = 200;
    private const int AppendedAtOnce = 10_000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    // The same bound for all: it does not grow with the history.
    [Theory]
    [InlineData(1_000)]
    [InlineData(250_000)]
    public async Task A_document_with_a_very_long_history_is_not_rebuilt_from_its_first_operation(int operations)
    {
        await using var before = await StartAsync();
        await FillAsync(before, operations);
        // Nobody has made a snapshot of it yet. The first to open it folds all of it, and one is made at once: he stays, so
        // it is not that of a document which leaves memory.
        using var first = await before.OpenAsync("d", 1);
        Assert.Equal(operations, first.Version);
        Assert.InRange(before.Log.OperationsRead, operations, operations + SnapshotOperations);
        await SnapshotReachesAsync(before, operations);
        // It grows on, and then the gateway dies without having put anything in order.
        using var writer = await before.OpenAsync("d", 2);
        for (var i = 0; i < 5 * SnapshotOperations; i++)
        {
            writer.Submit(Edit(i));
            await writer.ReachAsync(operations + i + 1);
        }

        var head = operations + (5 * SnapshotOperations);
        await SnapshotReachesAsync(before, head - SnapshotOperations);

        await using var after = await StartAsync();
        using var reader = await after.OpenAsync("d", 3);
        Assert.Equal(head, reader.Version);
        Assert.Equal(writer.Text, reader.Text);
        Assert.InRange(after.Log.OperationsRead, 0, 2 * SnapshotOperations);
    }

    [Fact]
    public async Task Operations_since_the_last_snapshot_count_towards_the_next_across_crashes()
    {
        // A snapshot is worth making when the edits since the last weigh a fair part of it: of this one, more than those of
        // one life, and less than those of two.
        var content = Delta.FromPlainText(new string('y', 64_000)).Bytes;
        const int EachLife = SnapshotOperations + 10;
        await using var first = await StartAsync();
        await FillAsync(first, 0);
        await first.Log.AppendAsync(
            [new DocumentAppend("d", 0, [new NewOperation(9, 1, 0, "ada", DateTimeOffset.UnixEpoch, content)])], CancellationToken.None);
        await first.Log.SaveSnapshotAsync("d", 1, content, CancellationToken.None);
        using var stays = await WriteAsync(first, 1, EachLife);
        Assert.Equal(1, (await first.Log.FindSnapshotAsync("d", long.MaxValue, CancellationToken.None))!.Version);
        await using var second = await StartAsync();
        using var staysToo = await WriteAsync(second, 2, EachLife);
        await SnapshotReachesAsync(second, 1 + EachLife);

        static async Task<TestSession> WriteAsync(DocumentsHost host, ulong clientId, int operations)
        {
            var writer = await host.OpenAsync("d", clientId);
            for (var i = 0; i < operations; i++)
            {
                writer.Submit(Edit(i));
                await writer.ReachAsync(writer.Version + 1);
            }

            return writer;
        }
    }

    private Task<DocumentsHost> StartAsync() => DocumentsHost.StartAsync(
        _directory.File("log.db"), configure: options =>
        {
            options.SnapshotOperations = SnapshotOperations;
            // A gateway that is to count as dead must not follow what the next one does.
            options.HeadCheckInterval = TimeSpan.FromHours(1);
        });

    // What one types, and takes back: so that the document is as small as its history is long.
    private static Delta Edit(int i) => i % 2 == 0 ? Delta.FromPlainText("x") : Delta.Build().Delete(1).ToDelta();

    private static async Task FillAsync(DocumentsHost host, int operations)
    {
        await host.Service.CreateAsync("d", "text", "D", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);
        for (var head = 0; head < operations; head += AppendedAtOnce)
        {
            var batch = Enumerable.Range(head, Math.Min(AppendedAtOnce, operations - head))
                .Select(i => new NewOperation(9, (ulong)i + 1, i, "ada", DateTimeOffset.UnixEpoch, Edit(i).Bytes)).ToArray();
            var result = Assert.Single(await host.Log.AppendAsync([new DocumentAppend("d", head, batch)], CancellationToken.None));
            Assert.Equal(AppendOutcome.Appended, result.Outcome);
        }
    }

    private static Task SnapshotReachesAsync(DocumentsHost host, long version) => Eventually.IsAsync(
        async () => await host.Log.FindSnapshotAsync("d", long.MaxValue, CancellationToken.None) is { } snapshot
            && snapshot.Version >= version,
        () => $"no snapshot reaches version {version}");
}
