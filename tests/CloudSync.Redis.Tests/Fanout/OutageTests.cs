// Redis goes away while people edit, and comes back: nobody's edit waits for it, what others commit comes from the log, and
// gateways say what is the matter, once.

using CloudSync.Cluster.Parts;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Redis.Tests.Fanout;

public sealed class OutageTests : IAsyncLifetime
{
    private const int ServerUp = 5001;
    private const int ServerDown = 5002;
    private const int NameShared = 5008;
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly List<LiveGateway> _gateways = [];
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await Servers.StartAsync(_directory, "redis");

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _gateways)
            await gateway.DisposeAsync();
        await _redis.DisposeAsync();
        _directory.Dispose();
    }

    private async Task<LiveGateway> StartAsync(
        Action<CloudSyncOptions>? configure = null, string? server = null, Action<RedisOptions>? redis = null)
    {
        var gateway = await LiveGateway.StartAsync(
            _directory.File("log.db"), [server ?? _redis.ConnectionString + ",connectTimeout=1000"], configure, redis);
        _gateways.Add(gateway);
        return gateway;
    }

    private static Task<CloudSync.Log.DocumentRecord> CreateAsync(LiveGateway gateway, string id) => gateway.Documents.CreateAsync(
        id, "rich-text", "Title", "", Delta.FromPlainText("\n").Bytes, Cancellation);

    private static async Task TalkAsync(Person ada, Person bob, string word)
    {
        // In turn: whoever edits reads the log anyway, when its append finds another head.
        bob.Type($"{word} from Bob. ");
        await ada.ReadsAsync($"{word} from Bob");
        ada.Type($"{word} from Ada. ");
        await bob.ReadsAsync($"{word} from Ada");
    }

    [Fact]
    public async Task Editing_goes_on_while_Redis_is_killed_and_when_it_is_back()
    {
        static void ShortLease(CloudSyncOptions options) => options.PresenceLease = TimeSpan.FromSeconds(2);
        var (first, second) = (await StartAsync(ShortLease), await StartAsync(ShortLease));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await TalkAsync(ada, bob, "before");
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");

        await _redis.Process.KillAsync();
        await TalkAsync(ada, bob, "meanwhile");
        Assert.False(first.Fanout.IsHealthy);
        Assert.False(first.Fanout.IsHealthyFor("d"));
        // Nobody knows whether he is still there.
        await ada.SeesAsync(() => !ada.Sees("Bob"), "Bob's lease to lapse");
        // Whoever comes now can open and edit, too.
        using (var eve = await second.JoinAsync("d", "Eve"))
        {
            eve.Type("Eve was here. ");
            await ada.ReadsAsync("Eve was here");
        }

        await _redis.RestartAsync(Cancellation);
        await first.BecomesAsync(healthy: true);
        await second.BecomesAsync(healthy: true);
        await TalkAsync(ada, bob, "afterwards");
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob again");
        await bob.SeesAsync(() => bob.Sees("Ada"), "Ada again");
        // One line for each change, however often it was tried.
        Assert.Single(first.Lines.Of(ServerDown));
        Assert.Equal(2, first.Lines.Of(ServerUp).Count());
    }

    [Fact]
    public async Task Editing_goes_on_while_Redis_stands_still_and_when_it_goes_on()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await TalkAsync(ada, bob, "before");
        _redis.Process.Pause();
        await TalkAsync(ada, bob, "meanwhile");
        await first.BecomesAsync(healthy: false);
        await TalkAsync(ada, bob, "later");
        _redis.Process.Resume();
        await first.BecomesAsync(healthy: true);
        await second.BecomesAsync(healthy: true);
        await TalkAsync(ada, bob, "afterwards");
    }

    [Fact]
    public async Task A_gateway_starts_while_Redis_is_down_and_uses_it_when_it_is_there()
    {
        await _redis.Process.KillAsync();
        var (first, second) = (await StartAsync(), await StartAsync());
        Assert.Contains("CloudSync:Redis:Servers:0", Assert.Single(first.Lines.Of(5003)), StringComparison.Ordinal);
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await TalkAsync(ada, bob, "before");
        await _redis.RestartAsync(Cancellation);
        await first.BecomesAsync(healthy: true);
        await second.BecomesAsync(healthy: true);
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");
        await TalkAsync(ada, bob, "afterwards");
    }

    [Fact]
    public async Task A_gateway_cut_off_from_Redis_is_missed_by_the_others_and_its_edits_are_read_from_the_log()
    {
        using var line = new CuttableLine(_redis.Port);
        var (first, second) = (await StartAsync(), await StartAsync(server: line.ConnectionString + ",connectTimeout=1000"));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await TalkAsync(ada, bob, "before");
        line.Cut();
        // Ada's gateway reaches Redis as ever, and yet must not rely on it.
        await first.BecomesAsync(healthy: false);
        await TalkAsync(ada, bob, "meanwhile");
        Assert.Contains("is not heard on it any more", Assert.Single(first.Lines.Of(ServerDown)), StringComparison.Ordinal);
        line.Mend();
        await first.BecomesAsync(healthy: true);
        await second.BecomesAsync(healthy: true);
        await TalkAsync(ada, bob, "afterwards");
    }

    [Fact]
    public async Task A_gateway_that_died_is_not_missed_any_more_once_it_was_started_again()
    {
        using var line = new CuttableLine(_redis.Port);
        var first = await StartAsync(redis: static redis => redis.SilencePatience = TimeSpan.FromHours(1));
        await StartAsync(static options => options.GatewayId = "second", line.ConnectionString + ",connectTimeout=1000");
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        await first.BecomesAsync(healthy: true);
        // To those who stay it is as dead as can be.
        line.Cut();
        await first.BecomesAsync(healthy: false);

        var again = await StartAsync(static options => options.GatewayId = "second");
        await first.BecomesAsync(healthy: true);

        using var bob = await again.JoinAsync("d", "Bob");
        await TalkAsync(ada, bob, "afterwards");
    }

    [Fact]
    public async Task Two_gateways_of_one_name_are_told_so()
    {
        var first = await StartAsync(static options => options.GatewayId = "same");
        await first.BecomesAsync(healthy: true);
        await StartAsync(static options => options.GatewayId = "same");
        await first.Lines.HasAsync(NameShared, Cancellation);
    }

    [Fact]
    public async Task A_gateway_that_stops_says_goodbye_and_is_not_missed()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using (var bob = await second.JoinAsync("d", "Bob"))
            await TalkAsync(ada, bob, "before");
        await first.BecomesAsync(healthy: true);
        var changes = 0;
        first.Fanout.HealthChanged += () => Interlocked.Increment(ref changes);
        _gateways.Remove(second);
        await second.DisposeAsync();
        // Longer than anybody is waited for, by the gateway's own count of signs.
        var signs = 0;
        var waited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var heard = await first.Fanout.SubscribeAsync("~probe", _ =>
        {
            if (Interlocked.Increment(ref signs) > 15)
                waited.TrySetResult();
        }, Cancellation);
        await waited.Task.WaitAsync(Guard, Cancellation);
        Assert.Equal(0, changes);
        Assert.Empty(first.Lines.Of(ServerDown));
    }
}
