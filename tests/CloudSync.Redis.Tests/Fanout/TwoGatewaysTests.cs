// People on different gateways write in one document and cannot tell, whatever becomes of the messages in between.

using CloudSync.Operations;
using Xunit;

namespace CloudSync.Redis.Tests.Fanout;

public sealed class TwoGatewaysTests(Servers servers) : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<LiveGateway> _gateways = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _gateways)
            await gateway.DisposeAsync();
        _directory.Dispose();
    }

    // A prefix of each test's own: they share the servers.
    private async Task<LiveGateway> StartAsync(
        Action<CloudSyncOptions>? configure = null, Func<CloudSync.Fanout.IFanout, CloudSync.Fanout.IFanout>? through = null,
        IEnumerable<string>? addresses = null, IEnumerable<string>? names = null)
    {
        var gateway = await LiveGateway.StartAsync(
            _directory.File("log.db"), addresses ?? [servers.First.ConnectionString, servers.Second.ConnectionString], configure,
            redis =>
            {
                redis.Prefix = Path.GetFileName(_directory.Path) + ":";
                foreach (var name in names ?? [])
                    redis.Names.Add(name);
            },
            through);
        _gateways.Add(gateway);
        return gateway;
    }

    private static Task<CloudSync.Log.DocumentRecord> CreateAsync(LiveGateway gateway, string id) => gateway.Documents.CreateAsync(
        id, "rich-text", "Title", "", Delta.FromPlainText("\n").Bytes, Cancellation);

    // All is committed, and then everybody sees all of it.
    private static async Task ConvergeAsync(LiveGateway gateway, Person ada, Person bob)
    {
        await Task.WhenAll(ada.Document.WhenSavedAsync(), bob.Document.WhenSavedAsync());
        var head = (await gateway.Documents.GetAsync("d", Cancellation)).Head;
        await ada.SeesAsync(() => ada.Document.Version == head, $"version {head}");
        await bob.SeesAsync(() => bob.Document.Version == head, $"version {head}");
        Assert.Equal(ada.Text, bob.Text);
    }

    [Fact]
    public async Task Gateways_that_reach_the_servers_by_different_addresses_meet_on_every_document_when_the_servers_have_names()
    {
        using CuttableLine one = new(servers.First.Port), other = new(servers.Second.Port);
        var first = await StartAsync(names: ["a", "b"]);
        var second = await StartAsync(addresses: [other.ConnectionString, one.ConnectionString], names: ["b", "a"]);
        for (var i = 0; i < 8; i++)
        {
            var id = $"d{i}";
            await CreateAsync(first, id);
            using var ada = await first.JoinAsync(id, "Ada");
            using var bob = await second.JoinAsync(id, "Bob");
            await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");
            await bob.SeesAsync(() => bob.Sees("Ada"), "Ada");
        }

        Assert.True(first.Fanout.IsHealthy);
    }

    [Fact]
    public async Task A_gateway_that_spreads_documents_over_other_servers_is_told_of_and_its_edits_come_from_the_log()
    {
        const int ServerDown = 5002;
        var first = await StartAsync();
        await first.BecomesAsync(healthy: true);
        var second = await StartAsync(names: ["a", "b"]);
        await first.BecomesAsync(healthy: false);
        await second.BecomesAsync(healthy: false);
        Assert.All(first.Lines.Of(ServerDown), static line => Assert.Contains("spreads documents over other servers", line, StringComparison.Ordinal));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using (var bob = await second.JoinAsync("d", "Bob"))
        {
            bob.Type("from Bob");
            await ada.ReadsAsync("from Bob");
        }

        _gateways.Remove(second);
        await second.DisposeAsync();
        await first.BecomesAsync(healthy: true);
    }

    [Fact]
    public async Task What_is_typed_on_one_gateway_is_seen_on_the_other_and_all_converge()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        for (var i = 0; i < 50; i++)
        {
            ada.Type($"a{i} ");
            bob.Type($"b{i} ");
        }

        ada.Type("ada's last ");
        bob.Type("bob's last ");
        await ada.ReadsAsync("bob's last");
        await bob.ReadsAsync("ada's last");
        await ConvergeAsync(first, ada, bob);
        Assert.All(Enumerable.Range(0, 50), i => Assert.Contains($"a{i} ", ada.Text, StringComparison.Ordinal));
        var stored = await first.Documents.ReadAsync("d", null, Cancellation);
        Assert.Equal(ada.Text, stored.ToDelta().ToPlainText());
    }

    [Fact]
    public async Task People_see_each_other_across_gateways_and_see_each_other_leave()
    {
        var (first, second) = (await StartAsync(), await StartAsync());
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        var bob = await second.JoinAsync("d", "Bob");
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");
        await bob.SeesAsync(() => bob.Sees("Ada"), "Ada");
        bob.Dispose();
        await ada.SeesAsync(() => !ada.Sees("Bob"), "Bob to leave");
    }

    [Fact]
    public async Task Whoever_is_on_a_gateway_that_has_died_vanishes_with_its_lease()
    {
        FaultyFanout? dying = null;
        static void ShortLease(CloudSyncOptions options) => options.PresenceLease = TimeSpan.FromSeconds(2);
        var first = await StartAsync(ShortLease);
        var second = await StartAsync(ShortLease, inner => dying = new FaultyFanout(inner));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");
        dying!.Mute = true;
        await ada.SeesAsync(() => !ada.Sees("Bob"), "Bob to vanish");
        dying.Mute = false;
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob to come back");
    }

    [Fact]
    public async Task Messages_that_are_lost_repeated_and_reordered_are_healed_from_the_log()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        void CheckOften(CloudSyncOptions options) => options.HeadCheckInterval = TimeSpan.FromMilliseconds(200);
        var first = await StartAsync(CheckOften, inner => new FaultyFanout(inner, new Random(seed)));
        var second = await StartAsync(CheckOften, inner => new FaultyFanout(inner, new Random(seed + 1)));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        for (var i = 0; i < 40; i++)
        {
            ada.Type($"a{i} ");
            bob.Type($"b{i} ");
            if (i % 10 == 9)
                await ada.ReadsAsync($"b{i} ");
        }

        await ConvergeAsync(first, ada, bob);
        Assert.All(Enumerable.Range(0, 40), i => Assert.Contains($"b{i} ", ada.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_last_message_lost_is_noticed_by_the_regular_check_of_heads()
    {
        FaultyFanout? mute = null;
        var first = await StartAsync(options => options.HeadCheckInterval = TimeSpan.FromMilliseconds(200));
        var second = await StartAsync(through: inner => mute = new FaultyFanout(inner));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        mute!.Mute = true;
        bob.Type("the last word");
        await ada.ReadsAsync("the last word");
    }

    [Fact]
    public async Task A_title_whose_change_was_lost_is_noticed_by_the_regular_check()
    {
        FaultyFanout? mute = null;
        var first = await StartAsync(options => options.HeadCheckInterval = TimeSpan.FromMilliseconds(200));
        var second = await StartAsync(through: inner => mute = new FaultyFanout(inner));
        await CreateAsync(first, "d");
        using var ada = await first.JoinAsync("d", "Ada");
        using var bob = await second.JoinAsync("d", "Bob");
        await ada.SeesAsync(() => ada.Sees("Bob"), "Bob");
        var renamed = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        ada.Document.Renamed += title => renamed.TrySetResult(title);
        mute!.Mute = true;
        await second.Documents.RenameAsync("d", "Another", Cancellation);
        Assert.Equal("Another", await renamed.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
    }
}
