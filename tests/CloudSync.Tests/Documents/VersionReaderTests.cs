// Old versions through the cache: folded once however many ask, bounded in memory, and never wrong.

using CloudSync.Documents;
using CloudSync.Operations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class VersionReaderTests
{
    private static readonly byte[] _logKey = [.. Enumerable.Range(1, 32).Select(static i => (byte)i)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static VersionKey Key(long version, string id = "d") => new(id, "1a2b", "text", version);

    private static DocumentState Text(string text) => DocumentType.Text.DecodeSnapshot(Delta.FromPlainText(text).Bytes.Span);

    private static MemoryVersionCache Cache(int bytes)
    {
        var options = new CloudSyncOptions();
        options.Limits.VersionCacheBytes = bytes;
        return new MemoryVersionCache(Options.Create(options));
    }

    [Fact]
    public async Task The_embedded_cache_lets_go_of_what_was_unused_longest_and_stays_within_its_bound()
    {
        var cache = Cache(100_000);
        for (var version = 1; version <= 50; version++)
        {
            await cache.KeepAsync(Key(version), new byte[4_000], Cancellation);
            // The first is read again and again, and so stays.
            Assert.NotNull(await cache.FindAsync(Key(1), Cancellation));
            Assert.InRange(cache.Bytes, 1, 100_000);
        }

        Assert.Null(await cache.FindAsync(Key(2), Cancellation));
        Assert.NotNull(await cache.FindAsync(Key(50), Cancellation));
    }

    [Fact]
    public async Task The_embedded_cache_takes_nothing_that_would_push_out_most_of_the_rest()
    {
        var cache = Cache(100_000);
        await cache.KeepAsync(Key(1), new byte[30_000], Cancellation);
        Assert.Null(await cache.FindAsync(Key(1), Cancellation));
        Assert.Equal(0, cache.Bytes);
    }

    [Fact]
    public async Task What_is_kept_twice_counts_once()
    {
        var cache = Cache(100_000);
        await cache.KeepAsync(Key(1), new byte[1_000], Cancellation);
        var once = cache.Bytes;
        await cache.KeepAsync(Key(1), new byte[1_000], Cancellation);
        Assert.Equal(once, cache.Bytes);
    }

    [Fact]
    public void An_entry_is_good_for_its_own_document_and_version_only()
    {
        var entry = CachedVersion.Encode(Key(3), Text("hello"), _logKey);
        Assert.Equal(5, CachedVersion.Decode(Key(3), entry, _logKey)!.Length);
        Assert.Null(CachedVersion.Decode(Key(4), entry, _logKey));
        Assert.Null(CachedVersion.Decode(Key(3, "e"), entry, _logKey));
        Assert.Null(CachedVersion.Decode(Key(3) with { Link = "1a2c" }, entry, _logKey));
        Assert.Null(CachedVersion.Decode(Key(3) with { Type = "rich-text" }, entry, _logKey));
        Assert.Null(CachedVersion.Decode(Key(3) with { Type = "unknown" }, entry, _logKey));
        // Whoever doesn't have the log's key can't make one.
        Assert.Null(CachedVersion.Decode(Key(3), entry, new byte[32]));
    }

    [Fact]
    public void No_bit_of_an_entry_can_change_and_no_byte_be_missing()
    {
        var entry = CachedVersion.Encode(Key(3), Text("hello"), _logKey);
        for (var bit = 0; bit < entry.Length * 8; bit++)
        {
            var changed = entry.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(CachedVersion.Decode(Key(3), changed, _logKey));
        }

        for (var length = 0; length < entry.Length; length++)
            Assert.Null(CachedVersion.Decode(Key(3), entry.AsSpan(0, length), _logKey));
    }

    [Fact]
    public async Task Those_who_ask_at_once_share_one_fold_and_each_gets_a_state_of_its_own()
    {
        using var directory = new TemporaryDirectory();
        await using var host = await DocumentsHost.StartAsync(directory.File("log.db"));
        await host.Service.CreateAsync("d", "text", "", "", Delta.FromPlainText("one").Bytes, Cancellation);
        await host.Service.AppendAsync("d", new DocumentEdit(Delta.FromPlainText("two ").Bytes), Cancellation);
        var reads = 0;
        var go = new TaskCompletionSource();
        host.Log.BeforeHistory = async () =>
        {
            Interlocked.Increment(ref reads);
            await go.Task;
        };
        var asking = Enumerable.Range(0, 50).Select(_ => host.Service.ReadAsync("d", 1, Cancellation)).ToList();
        // One that gives up takes nothing from the others.
        using var impatient = new CancellationTokenSource();
        var givenUp = host.Service.ReadAsync("d", 1, impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        go.SetResult();
        var contents = await Task.WhenAll(asking);
        Assert.Equal(1, reads);
        contents[0].State.Apply(Delta.FromPlainText("changed ").Bytes.Span);
        Assert.All(contents.Skip(1), content => Assert.Equal("one", content.ToDelta().ToPlainText()));
        Assert.Equal("one", (await host.Service.ReadAsync("d", 1, Cancellation)).ToDelta().ToPlainText());
        Assert.Equal(1, reads);
    }

    [Fact]
    public async Task A_fold_that_failed_is_tried_again_by_the_next_who_asks()
    {
        using var directory = new TemporaryDirectory();
        await using var host = await DocumentsHost.StartAsync(directory.File("log.db"));
        await host.Service.CreateAsync("d", "text", "", "", Delta.FromPlainText("one").Bytes, Cancellation);
        await host.Service.AppendAsync("d", new DocumentEdit(Delta.FromPlainText("two ").Bytes), Cancellation);
        host.Log.BeforeHistory = () => throw new CloudSync.Log.LogUnavailableException("Told to fail reading.");
        await Assert.ThrowsAsync<RefusedException>(() => host.Service.ReadAsync("d", 1, Cancellation));
        host.Log.BeforeHistory = () => Task.CompletedTask;
        Assert.Equal("one", (await host.Service.ReadAsync("d", 1, Cancellation)).ToDelta().ToPlainText());
    }
}
