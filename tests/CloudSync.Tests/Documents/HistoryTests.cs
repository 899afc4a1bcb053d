// History: packed in the background, its snapshots pruned, and yet every version can be read as it was.

using CloudSync.Operations;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class HistoryTests : IDisposable
{
    private const int Operations = 600;

    private static readonly TimeSpan _guard = TimeSpan.FromMinutes(2);

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly List<string> _texts = [""];
    private int _snapshotsRemoved;

    private string Path => _directory.File("log.db");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Every_version_can_be_read_after_it_was_packed_and_also_when_a_snapshot_is_damaged()
    {
        await using (var host = await StartAsync(OftenPacked))
        {
            var packed = PackedThrough(host, Operations / 2);
            using var session = await CreateAsync(host);
            await WriteAsync(session, Operations);
            while (!packed.IsCompleted)
                await WriteAsync(session, 50);
            Assert.NotEqual(0, Volatile.Read(ref _snapshotsRemoved));
            await CheckEveryVersionAsync(host);
        }

        await using (var host = await StartAsync(OftenPacked))
        {
            // Packed through the head: snapshots are left in segments and after them.
            var head = _texts.Count - 1;
            while ((await host.Log.PackAsync("d", head, 1, CancellationToken.None)).Operations > 0)
            {
            }

            var snapshots = await SnapshotsAsync(host);
            Assert.InRange(snapshots.Count, 2, head / 50);
            foreach (var version in snapshots)
            {
                await ExecuteAsync($"UPDATE snapshots SET state = x'FFFFFF' WHERE version = {version}");
                foreach (var near in new[] { version - 1, version, version + 1, head }.Where(near => near <= head))
                    Assert.Equal(_texts[(int)near], await ReadAsync(host, near));
            }

            await CheckEveryVersionAsync(host);
        }
    }

    [Fact]
    public async Task What_an_idle_document_leaves_behind_is_packed_and_opened_again_as_it_was()
    {
        await using var host = await StartAsync();
        var packed = PackedThrough(host, 300);
        using (var session = await CreateAsync(host))
            await WriteAsync(session, 300);
        Assert.False(packed.IsCompleted);

        _time.Advance(new CloudSyncOptions().DocumentIdleTimeout + TimeSpan.FromSeconds(2));
        await packed.WaitAsync(_guard, TestContext.Current.CancellationToken);

        Assert.Equal(0, host.Documents.Count);
        using var again = await host.OpenAsync("d", 2);
        Assert.Equal(_texts[300], again.Text);
        again.Submit(Insert(0, "!"));
        await again.ReachAsync(301);
        using var behind = await host.OpenAsync("d", 3, fromVersion: 17);
        await behind.ReachAsync(301);
        Assert.Equal(301, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
        var operations = await host.Service.ReadOperationsAsync("d", 0, 1_000, CancellationToken.None);
        Assert.Equal(Enumerable.Range(1, 301).Select(version => (long)version), operations.Select(o => o.Version));
        Assert.All(operations.Take(300), operation => Assert.Equal("user-1", operation.Author));
    }

    [Fact]
    public async Task An_operation_that_was_packed_is_found_when_it_is_sent_again()
    {
        await using var host = await StartAsync();
        var packed = PackedThrough(host, 300);
        using (var session = await CreateAsync(host))
            await WriteAsync(session, 300);
        _time.Advance(new CloudSyncOptions().DocumentIdleTimeout + TimeSpan.FromSeconds(2));
        await packed.WaitAsync(_guard, TestContext.Current.CancellationToken);

        using var again = await host.OpenAsync("d", 1);
        again.Submit(Insert(0, "sent before"), baseVersion: 99, sequence: 100);
        await again.ReadUntilAsync(() => again.Acknowledged.Count == 1);

        Assert.Equal([100L], again.Acknowledged);
        Assert.Equal(300, (await host.Service.GetAsync("d", CancellationToken.None)).Head);
    }

    [Fact]
    public async Task Packing_that_fails_hurts_nobody_and_is_done_later()
    {
        await using var host = await StartAsync(OftenPacked);
        var failed = new TaskCompletionSource();
        var failing = true;
        host.Log.FailPack = () =>
        {
            failed.TrySetResult();
            return Volatile.Read(ref failing);
        };
        using var session = await CreateAsync(host);
        await WriteAsync(session, 300);
        await failed.Task.WaitAsync(_guard, TestContext.Current.CancellationToken);
        var packed = PackedThrough(host, 400);

        Volatile.Write(ref failing, false);
        while (!packed.IsCompleted)
            await WriteAsync(session, 50);

        await CheckEveryVersionAsync(host);
    }

    [Fact]
    public async Task A_document_that_is_deleted_while_it_waits_to_be_packed_leaves_the_others_alone()
    {
        await using var host = await StartAsync(OftenPacked);
        using (await CreateAsync(host, "gone"))
            await host.Service.DeleteAsync("gone", CancellationToken.None);
        var packed = PackedThrough(host, 100);
        using var session = await CreateAsync(host);
        await WriteAsync(session, 400);

        await packed.WaitAsync(_guard, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(-1, 1, "HistoryTailOperations")]
    [InlineData(0, 0, "HistoryPackOperations")]
    public void Options_that_cannot_work_are_refused_by_name(int tail, int pack, string setting)
    {
        var options = new CloudSyncOptions { HistoryTailOperations = tail, HistoryPackOperations = pack };

        var result = new CloudSyncOptionsValidator().Validate(null, options);

        Assert.Contains(setting, Assert.Single(result.Failures!), StringComparison.Ordinal);
    }

    private static void OftenPacked(CloudSyncOptions options)
    {
        options.SnapshotOperations = 25;
        options.HistoryTailOperations = 30;
        options.HistoryPackOperations = 60;
    }

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    private Task<DocumentsHost> StartAsync(Action<CloudSyncOptions>? configure = null) =>
        DocumentsHost.StartAsync(Path, configure: configure, time: _time);

    private static async Task<TestSession> CreateAsync(DocumentsHost host, string id = "d")
    {
        await host.Service.CreateAsync(id, "rich-text", "", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);
        return await host.OpenAsync(id, 1);
    }

    /// <summary>Done when a step of packing has reached a version.</summary>
    private Task PackedThrough(DocumentsHost host, long version)
    {
        var packed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Log.AfterPack = (_, result) =>
        {
            Interlocked.Add(ref _snapshotsRemoved, result.SnapshotsRemoved);
            if (result.PackedThrough >= version)
                packed.TrySetResult();
        };
        return packed.Task;
    }

    private async Task WriteAsync(TestSession session, int operations)
    {
        for (var i = 0; i < operations; i++)
        {
            var version = (int)session.Version;
            var text = _texts[version];
            // Typing, with something taken back now and then.
            var deletes = version % 7 == 6;
            session.Submit(deletes
                ? Delta.Build().Retain(text.Length - 1).Delete(1).ToDelta()
                : Insert(text.Length, ((char)('a' + (version % 26))).ToString()));
            await session.ReachAsync(version + 1);
            _texts.Add(session.Text);
        }
    }

    private async Task CheckEveryVersionAsync(DocumentsHost host)
    {
        for (var version = 0; version < _texts.Count; version++)
            Assert.Equal(_texts[version], await ReadAsync(host, version));
    }

    private static async Task<string> ReadAsync(DocumentsHost host, long version) =>
        Delta.FromState((await host.Service.ReadAsync("d", version, CancellationToken.None)).State).ToPlainText();

    private static async Task<List<long>> SnapshotsAsync(DocumentsHost host)
    {
        var versions = new List<long>();
        var version = long.MaxValue;
        while (await host.Log.FindSnapshotAsync("d", version, CancellationToken.None) is { } snapshot)
        {
            versions.Add(snapshot.Version);
            version = snapshot.Version - 1;
        }

        return versions;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The statements stand in this file.
        command.CommandText = sql;
#pragma warning restore CA2100
        Assert.Equal(1, await command.ExecuteNonQueryAsync());
    }
}
