// What a document costs Redis: one subscription for each gateway and one publish for each batch, however many have it open;
// and nothing when nobody has.

using System.Globalization;
using System.Text.RegularExpressions;
using CloudSync.Cluster.Parts;
using CloudSync.Tests.Shared;
using Xunit;

namespace CloudSync.Redis.Tests.Fanout;

public sealed partial class CostTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private RedisServer _redis = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _redis = await Servers.StartAsync(_directory, "redis");

    public async ValueTask DisposeAsync()
    {
        await _redis.DisposeAsync();
        _directory.Dispose();
    }

    // Signs are published too, seldom enough not to be mistaken for the document's messages.
    private Task<GatewayFanout> StartAsync() => GatewayFanout.StartAsync([_redis.ConnectionString], redis =>
    {
        redis.ProbeInterval = TimeSpan.FromHours(1);
        redis.ProbeTimeout = TimeSpan.FromHours(2);
    });

    private async Task<int> CallsAsync(string command)
    {
        var calls = Calls().Match(await _redis.AskAsync("INFO commandstats", Cancellation), 0);
        while (calls.Success && calls.Groups[1].Value != command)
            calls = calls.NextMatch();
        return calls.Success ? int.Parse(calls.Groups[2].Value, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"cmdstat_(\w+):calls=(\d+)")]
    private static partial Regex Calls();

    [Fact]
    public async Task Ten_thousand_subscribers_on_four_gateways_cost_one_publish_for_each_batch()
    {
        const int Batches = 20;
        var gateways = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => StartAsync()));
        foreach (var gateway in gateways)
            await GatewaysAreUpAsync(gateway);
        var heard = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var subscriptions = new List<IAsyncDisposable>();
        var (subscribesBefore, publishesBefore) = (await CallsAsync("ssubscribe"), await CallsAsync("spublish"));
        foreach (var gateway in gateways)
        {
            for (var i = 0; i < 2_500; i++)
            {
                subscriptions.Add(await gateway.SubscribeAsync("hot", _ =>
                {
                    if (Interlocked.Increment(ref heard) == 10_000 * Batches)
                        all.TrySetResult();
                }, Cancellation));
            }
        }

        for (var i = 0; i < Batches; i++)
            await gateways[i % 4].PublishAsync("hot", new byte[200], Cancellation);
        await all.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        Assert.Equal(Batches, await CallsAsync("spublish") - publishesBefore);
        Assert.Equal(4, await CallsAsync("ssubscribe") - subscribesBefore);
        foreach (var subscription in subscriptions)
            await subscription.DisposeAsync();
        await ChannelsAreGoneAsync("hot");
        foreach (var gateway in gateways)
            await gateway.DisposeAsync();
    }

    [Fact]
    public async Task A_document_that_was_opened_and_left_while_Redis_was_down_is_not_subscribed_to_afterwards()
    {
        await using var gateway = await GatewayFanout.StartAsync([_redis.ConnectionString + ",connectTimeout=1000"]);
        await GatewaysAreUpAsync(gateway);
        await _redis.Process.KillAsync();
        var left = await gateway.SubscribeAsync("left", _ => { }, Cancellation);
        var kept = await gateway.SubscribeAsync("kept", _ => { }, Cancellation);
        await left.DisposeAsync();
        await _redis.RestartAsync(Cancellation);
        await GatewaysAreUpAsync(gateway);
        Assert.Contains(":1", await SubscribersAsync("kept"), StringComparison.Ordinal);
        await ChannelsAreGoneAsync("left");
        await kept.DisposeAsync();
        await ChannelsAreGoneAsync("kept");
    }

    private static async Task GatewaysAreUpAsync(GatewayFanout gateway)
    {
        using var changed = new SemaphoreSlim(0);
        void OnChanged() => changed.Release();
        gateway.HealthChanged += OnChanged;
        while (!gateway.IsHealthy)
            Assert.True(await changed.WaitAsync(TimeSpan.FromSeconds(60), Cancellation));
        gateway.HealthChanged -= OnChanged;
    }

    // The last to leave doesn't wait for the server's confirmation.
    private Task ChannelsAreGoneAsync(string documentId) => Eventually.IsAsync(
        async () => (await SubscribersAsync(documentId)).Contains(":0", StringComparison.Ordinal),
        () => $"The channel of {documentId} is subscribed to still.");

    // An array of the channel and the number of its subscribers, on one line here.
    private async Task<string> SubscribersAsync(string documentId)
    {
        await using var redis = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(_redis.ConnectionString);
        var reply = (StackExchange.Redis.RedisResult[])(await redis.GetDatabase().ExecuteAsync(
            "PUBSUB", "SHARDNUMSUB", "cloudsync:" + documentId))!;
        return $":{(long)reply[1]}";
    }
}
