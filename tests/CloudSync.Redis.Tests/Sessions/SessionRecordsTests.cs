// Who has a document open, on all gateways; and that what a dead gateway wrote goes with its lease.

using CloudSync.Cluster.Parts;
using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Tests.Shared;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Redis.Tests.Sessions;

public sealed class SessionRecordsTests(Servers servers) : IAsyncLifetime
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly List<LiveGateway> _gateways = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Prefix => Path.GetFileName(_directory.Path) + ":";

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _gateways)
            await gateway.DisposeAsync();
        _directory.Dispose();
    }

    private async Task<LiveGateway> StartAsync(string id, string? server = null)
    {
        var gateway = await LiveGateway.StartAsync(
            _directory.File("log.db"), [server ?? servers.First.ConnectionString], options =>
            {
                options.GatewayId = id;
                options.PresenceLease = TimeSpan.FromSeconds(3);
            },
            redis => redis.Prefix = Prefix);
        _gateways.Add(gateway);
        return gateway;
    }

    private static Task<DocumentSessions> ListAsync(LiveGateway gateway, int limit = 100) =>
        gateway.Get<ISessionRecords>().ListAsync("d", limit, Cancellation).AsTask();

    // Records are written once a second: there is nothing that tells when another gateway has done so.
    private static async Task<DocumentSessions> ListUntilAsync(LiveGateway gateway, Func<DocumentSessions, bool> condition)
    {
        DocumentSessions? sessions = null;
        await Eventually.IsAsync(async () => condition(sessions = await ListAsync(gateway)), () => $"It lists {sessions}.");
        return sessions!;
    }

    // Until it lists so many and says that these are all. It must not say so of fewer, unless it hasn't heard of them yet.
    private static Task<DocumentSessions> ListUntilWholeAsync(LiveGateway gateway, int count, bool isFirst = false) =>
        ListUntilAsync(gateway, sessions =>
        {
            Assert.True(isFirst || !sessions.IsComplete || sessions.Count == count, $"It says that {sessions.Count} are all.");
            return sessions.IsComplete && sessions.Count == count;
        });

    [Fact]
    public async Task Every_gateway_lists_the_sessions_of_all_with_user_gateway_and_time()
    {
        var before = DateTimeOffset.UtcNow;
        var (first, second) = (await StartAsync("one"), await StartAsync("two"));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        Assert.Equal(0, (await ListAsync(first)).Count);
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        var sessions = await ListUntilAsync(first, sessions => sessions.Count == 2);
        Assert.True(sessions.IsComplete);
        Assert.Equal(["Ada", "Bob"], sessions.Sessions.Select(session => session.UserName));
        Assert.Equal(["one", "two"], sessions.Sessions.Select(session => session.GatewayId));
        Assert.Equal("Bob", sessions.Sessions[1].UserId);
        Assert.All(sessions.Sessions, session => Assert.InRange(session.Since, before, DateTimeOffset.UtcNow));
        var one = await ListAsync(first, limit: 1);
        Assert.Equal((2, 1), (one.Count, one.Sessions.Count));
        bob.Dispose();
        await ListUntilAsync(first, sessions => sessions.Count == 1);
    }

    [Fact]
    public async Task A_gateway_that_has_died_takes_its_records_along_when_its_lease_lapses()
    {
        using var line = new CuttableLine(servers.First.Port);
        var (first, second) = (await StartAsync("one"), await StartAsync("two", line.ConnectionString + ",connectTimeout=1000"));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ListUntilAsync(first, sessions => sessions.Count == 2);
        line.Cut();
        var left = await ListUntilAsync(first, sessions => sessions.Count == 1);
        Assert.Equal("Ada", Assert.Single(left.Sessions).UserName);
        // What it left behind was taken away.
        await using var redis = await ConnectionMultiplexer.ConnectAsync(servers.First.ConnectionString);
        Assert.Equal(1, await redis.GetDatabase().HashLengthAsync(Prefix + "sessions:d"));
        // It was only cut off: it is back as soon as it can be.
        line.Mend();
        await ListUntilAsync(first, sessions => sessions.Count == 2);
    }

    [Fact]
    public async Task A_gateway_that_stops_gives_its_lease_back()
    {
        var (first, second) = (await StartAsync("one"), await StartAsync("two"));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        using var ada = await first.JoinAsync("d", "Ada");
        using (var bob = await second.JoinAsync("d", "Bob"))
        {
            await ListUntilAsync(first, sessions => sessions.Count == 2);
            _gateways.Remove(second);
            await second.DisposeAsync();
        }

        Assert.Equal(1, (await ListAsync(first)).Count);
    }

    [Fact]
    public async Task While_Redis_is_gone_a_gateway_lists_its_own_and_says_so_and_afterwards_all()
    {
        await using var redis = await Servers.StartAsync(_directory, "redis");
        var server = redis.ConnectionString + ",connectTimeout=1000";
        var (first, second) = (await StartAsync("one", server), await StartAsync("two", server));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ListUntilAsync(first, sessions => sessions.Count == 2);
        await redis.Process.KillAsync();
        var own = await ListAsync(first);
        Assert.False(own.IsComplete);
        Assert.Equal("Ada", Assert.Single(own.Sessions).UserName);
        // It has forgotten everything.
        await redis.RestartAsync(Cancellation);
        await ListUntilAsync(first, sessions => sessions.Count == 2);
        await ListUntilAsync(second, sessions => sessions.Count == 2);
    }

    [Fact]
    public async Task After_FLUSHALL_every_gateway_lists_all_again_and_until_then_says_that_some_are_missing()
    {
        await using var redis = await Servers.StartAsync(_directory, "redis");
        var (first, second) = (await StartAsync("one", redis.ConnectionString), await StartAsync("two", redis.ConnectionString));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ListUntilWholeAsync(first, 2, isFirst: true);
        await ListUntilWholeAsync(second, 2, isFirst: true);
        Assert.StartsWith("+OK", await redis.AskAsync("FLUSHALL", Cancellation), StringComparison.Ordinal);
        // Each as soon as it is asked, or has noticed.
        Assert.False((await ListAsync(first)).IsComplete);
        Assert.False((await ListAsync(second)).IsComplete);
        await ListUntilWholeAsync(first, 2);
        await ListUntilWholeAsync(second, 2);
        bob.Dispose();
        await ListUntilAsync(first, sessions => sessions is { Count: 1, IsComplete: true });
    }

    [Fact]
    public async Task After_Redis_was_full_every_gateway_lists_all_again_and_until_then_says_that_some_are_missing()
    {
        await using var redis = await Servers.StartAsync(_directory, "redis");
        var (first, second) = (await StartAsync("one", redis.ConnectionString), await StartAsync("two", redis.ConnectionString));
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ListUntilWholeAsync(first, 2, isFirst: true);
        await ListUntilWholeAsync(second, 2, isFirst: true);
        await redis.AskAsync("CONFIG SET maxmemory-policy noeviction", Cancellation);
        Assert.StartsWith("+OK", await redis.AskAsync("CONFIG SET maxmemory 1", Cancellation), StringComparison.Ordinal);
        // What there was is still known.
        Assert.Equal(2, (await ListUntilAsync(first, sessions => !sessions.IsComplete)).Count);
        Assert.Equal(2, (await ListUntilAsync(second, sessions => !sessions.IsComplete)).Count);
        using var eve = await second.JoinAsync("d", "Eve");
        Assert.False((await ListAsync(first)).IsComplete);
        // The leases go as well, as they would after a while in which nothing gets through.
        await redis.AskAsync("FLUSHALL", Cancellation);
        Assert.False((await ListUntilAsync(first, sessions => sessions.Count == 1)).IsComplete);
        Assert.StartsWith("+OK", await redis.AskAsync("CONFIG SET maxmemory 0", Cancellation), StringComparison.Ordinal);
        await ListUntilWholeAsync(first, 3);
        await ListUntilWholeAsync(second, 3);
    }

    [Fact]
    public async Task Nonsense_among_the_records_is_nobody()
    {
        var first = await StartAsync("one");
        await first.Documents.CreateAsync("d", "text", "Title", "", default, Cancellation);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(servers.First.ConnectionString);
        foreach (var (instance, value) in new[] { ("a", "no JSON"), ("b", "{}"), ("c", "{\"Count\":1,\"Sessions\":[") })
        {
            await redis.GetDatabase().StringSetAsync(Prefix + "gateway:" + instance, "alive");
            await redis.GetDatabase().HashSetAsync(Prefix + "sessions:d", instance, value);
        }

        Assert.Equal(0, (await ListAsync(first)).Count);
    }
}
