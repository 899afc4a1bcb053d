// Old versions through the cache that gateways share: made once, and right whatever happens to the cache.

using CloudSync.Cluster.Parts;
using CloudSync.Documents;
using CloudSync.Operations;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Redis.Tests.Cache;

public sealed class CacheTests(Servers servers) : IAsyncLifetime
{
    private const string Folds = "cloudsync.cache.folds";
    private const string Hits = "cloudsync.cache.reads hit";
    private const string Unusable = "cloudsync.cache.reads unusable";

    private readonly TemporaryDirectory _directory = new();
    private readonly List<IAsyncDisposable> _open = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Prefix => Path.GetFileName(_directory.Path) + ":";

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in _open)
            await opened.DisposeAsync();
        _directory.Dispose();
    }

    private async Task<LiveGateway> StartAsync(string? server = null, Action<RedisOptions>? configure = null, string log = "log.db")
    {
        var gateway = await LiveGateway.StartAsync(
            _directory.File(log), [server ?? servers.First.ConnectionString], redis: redis =>
            {
                redis.Prefix = Prefix;
                configure?.Invoke(redis);
            });
        _open.Add(gateway);
        return gateway;
    }

    // Version 1 is "1", version 2 is "12", and so on.
    private static async Task CreateAsync(LiveGateway gateway, string id, int versions)
    {
        await gateway.Documents.CreateAsync(id, "text", "Title", "", Delta.FromPlainText("1").Bytes, Cancellation);
        for (var version = 2; version <= versions; version++)
        {
            var append = Delta.Build().Retain(version - 1).Insert($"{version % 10}").ToDelta();
            await gateway.Documents.AppendAsync(id, new DocumentEdit(append.Bytes), Cancellation);
        }
    }

    private static async Task<string> ReadAsync(LiveGateway gateway, string id, long version) =>
        (await gateway.Documents.ReadAsync(id, version, Cancellation)).ToDelta().ToPlainText();

    private async Task<IDatabase> DatabaseAsync()
    {
        var redis = await ConnectionMultiplexer.ConnectAsync(servers.First.ConnectionString + ",allowAdmin=true");
        _open.Add(redis);
        return redis.GetDatabase();
    }

    private async Task<RedisKey[]> EntriesAsync(IDatabase database)
    {
        var keys = await database.ExecuteAsync("KEYS", Prefix + "version:*");
        return [.. ((RedisKey[])keys!).Where(key => !key.ToString().EndsWith(":claim", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task A_version_that_one_gateway_has_folded_is_found_by_the_other()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d", 5);
        using var counted = new Counted(second.Get<IServiceProvider>());
        Assert.Equal("123", await ReadAsync(first, "d", 3));
        Assert.Equal("123", await ReadAsync(second, "d", 3));
        Assert.Equal((1, 0), (counted[Hits], counted[Folds]));
        Assert.Equal("1234", await ReadAsync(second, "d", 4));
        Assert.Equal(1, counted[Folds]);
    }

    [Fact]
    public async Task However_many_ask_at_once_on_however_many_gateways_a_version_is_folded_once()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d", 30);
        using Counted here = new(first.Get<IServiceProvider>()), there = new(second.Get<IServiceProvider>());
        var texts = await Task.WhenAll(Enumerable.Range(0, 200).Select(i =>
            Task.Run(() => ReadAsync(i % 2 == 0 ? first : second, "d", 25), Cancellation)));
        Assert.All(texts, text => Assert.Equal("1234567890123456789012345", text));
        Assert.Equal(1, here[Folds] + there[Folds]);
    }

    [Fact]
    public async Task An_entry_that_is_damaged_cut_off_or_of_something_else_is_a_miss_and_the_log_is_right()
    {
        var gateway = await StartAsync();
        await CreateAsync(gateway, "d", 5);
        await CreateAsync(gateway, "e", 5);
        var database = await DatabaseAsync();
        await ReadAsync(gateway, "d", 2);
        await ReadAsync(gateway, "d", 3);
        await ReadAsync(gateway, "e", 3);
        var entries = await EntriesAsync(database);
        Assert.Equal(3, entries.Length);
        var two = entries.Single(key => key.ToString().Contains(":d:", StringComparison.Ordinal) && key.ToString().EndsWith(":2", StringComparison.Ordinal));
        var three = entries.Single(key => key.ToString().Contains(":d:", StringComparison.Ordinal) && key.ToString().EndsWith(":3", StringComparison.Ordinal));
        var foreign = entries.Single(key => key.ToString().Contains(":e:", StringComparison.Ordinal));
        var whole = (byte[])(await database.StringGetAsync(three))!;
        var flipped = whole.ToArray();
        flipped[^1] ^= 1;
        RedisValue[] wrong =
        [
            flipped, whole[..^1], whole[..10], Array.Empty<byte>(), "nonsense",
            await database.StringGetAsync(two), await database.StringGetAsync(foreign),
        ];
        using var counted = new Counted(gateway.Get<IServiceProvider>());
        foreach (var value in wrong)
        {
            await database.StringSetAsync(three, value);
            var unusable = counted[Unusable];
            Assert.Equal("123", await ReadAsync(gateway, "d", 3));
            Assert.True(counted[Unusable] > unusable);
            // And it is right from then on.
            Assert.Equal(whole, (byte[]?)await database.StringGetAsync(three));
        }

        Assert.Equal(wrong.Length, counted[Folds]);
    }

    [Fact]
    public async Task Entries_live_as_long_as_they_may_and_no_larger_than_they_may()
    {
        var gateway = await StartAsync(configure: redis =>
        {
            redis.CacheTimeToLive = TimeSpan.FromSeconds(1_234);
            redis.CacheEntryBytes = 1_000;
        });
        await CreateAsync(gateway, "d", 3);
        var database = await DatabaseAsync();
        await ReadAsync(gateway, "d", 2);
        var left = await database.KeyTimeToLiveAsync(Assert.Single(await EntriesAsync(database)));
        Assert.InRange(left!.Value.TotalSeconds, 1_100, 1_234);
        await gateway.Documents.CreateAsync(
            "large", "text", "Title", "", Delta.FromPlainText(new string('x', 2_000)).Bytes, Cancellation);
        Assert.Equal(2_000, (await ReadAsync(gateway, "large", 1)).Length);
        Assert.Single(await EntriesAsync(database));
    }

    [Fact]
    public async Task A_deleted_document_is_not_read_from_the_cache()
    {
        var gateway = await StartAsync();
        await CreateAsync(gateway, "d", 3);
        await ReadAsync(gateway, "d", 2);
        await gateway.Documents.DeleteAsync("d", Cancellation);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => ReadAsync(gateway, "d", 2));
        Assert.Equal(Protocol.V1.ErrorCode.DocumentNotFound, refused.Refusal.Code);
    }

    [Fact]
    public async Task After_a_backup_was_put_back_what_was_cached_of_the_versions_since_is_not_found()
    {
        var before = await StartAsync();
        await CreateAsync(before, "d", 3);
        await StopAsync(before);
        File.Copy(_directory.File("log.db"), _directory.File("backup.db"));
        before = await StartAsync();
        await AppendAsync(before, "x");
        await AppendAsync(before, "y");
        Assert.Equal("12", await ReadAsync(before, "d", 2));
        Assert.Equal("123x", await ReadAsync(before, "d", 4));
        Assert.Equal("123yx", await ReadAsync(before, "d", 5));
        await StopAsync(before);

        var after = await StartAsync(log: "backup.db");
        await AppendAsync(after, "p");
        await AppendAsync(after, "q");
        using var counted = new Counted(after.Get<IServiceProvider>());
        Assert.Equal("123p", await ReadAsync(after, "d", 4));
        Assert.Equal("123qp", await ReadAsync(after, "d", 5));
        Assert.Equal((0, 2), (counted[Hits], counted[Folds]));
        // What both have in common is.
        Assert.Equal("12", await ReadAsync(after, "d", 2));
        Assert.Equal((1, 2), (counted[Hits], counted[Folds]));

        async Task StopAsync(LiveGateway gateway)
        {
            _open.Remove(gateway);
            await gateway.DisposeAsync();
        }

        static Task AppendAsync(LiveGateway gateway, string text) => gateway.Documents.AppendAsync(
            "d", new DocumentEdit(Delta.Build().Retain(3).Insert(text).ToDelta().Bytes), Cancellation);
    }

    [Fact]
    public async Task Old_versions_are_read_while_Redis_is_gone_and_while_it_stands_still()
    {
        await using var redis = await Servers.StartAsync(_directory, "redis");
        var gateway = await StartAsync(redis.ConnectionString);
        await CreateAsync(gateway, "d", 5);
        Assert.Equal("12", await ReadAsync(gateway, "d", 2));
        redis.Process.Pause();
        Assert.Equal("12", await ReadAsync(gateway, "d", 2));
        Assert.Equal("123", await ReadAsync(gateway, "d", 3));
        redis.Process.Resume();
        await redis.Process.KillAsync();
        Assert.Equal("12", await ReadAsync(gateway, "d", 2));
        Assert.Equal("1234", await ReadAsync(gateway, "d", 4));
    }

    [Fact]
    public async Task A_gateway_that_died_over_a_fold_holds_nobody_up_for_long()
    {
        var gateway = await StartAsync();
        await CreateAsync(gateway, "d", 3);
        var database = await DatabaseAsync();
        await ReadAsync(gateway, "d", 2);
        var entry = Assert.Single(await EntriesAsync(database));
        await database.KeyDeleteAsync(entry);
        await database.StringSetAsync(entry.ToString() + ":claim", "of the dead", TimeSpan.FromHours(1));
        using var counted = new Counted(gateway.Get<IServiceProvider>());
        Assert.Equal("12", await ReadAsync(gateway, "d", 2).WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
        Assert.Equal(1, counted[Folds]);
    }
}
