// A client in a network that breaks WebSockets comes through all the same, and comes back to them when it can.

using CloudSync.Operations;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class FallbackTests() : WithRealServer("text")
{
    [Theory]
    [InlineData(Breaking.Refuses, 1)]
    [InlineData(Breaking.Swallows, 1)]
    [InlineData(Breaking.Cuts, 2)]
    [InlineData(Breaking.CutsLater, 3)]
    public async Task A_client_whose_network_breaks_websockets_writes_over_plain_requests(Breaking breaking, int upgrades)
    {
        await using BreakingProxy proxy = new(Server.Endpoint, breaking);
        var document = await OpenAsync(proxy);
        await document.SubmitAsync(Delta.FromPlainText("Hello")).Soon();
        Assert.Equal(upgrades, proxy.Upgrades);
        Assert.Contains("STREAM", proxy.Requests);
        // And comes back the same way.
        proxy.Cut();
        await document.SubmitAsync(Delta.FromPlainText("Again ")).Soon();
        Assert.Equal(upgrades, proxy.Upgrades);
        Assert.Equal("Again Hello", document.ToPlainText());
    }

    [Fact]
    public async Task A_client_whose_network_holds_streams_back_as_well_reads_by_single_polls()
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.Refuses) { HoldsStreams = true };
        var document = await OpenAsync(proxy, clock: new QuickClock(10));
        await document.SubmitAsync(Delta.FromPlainText("Hello")).Soon();
        Assert.Single(proxy.Requests, static request => request == "STREAM");
        Assert.Contains("GET", proxy.Requests);
    }

    [Fact]
    public async Task A_client_uses_a_websocket_where_there_is_one()
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.No);
        var document = await OpenAsync(proxy);
        await document.SubmitAsync(Delta.FromPlainText("Hello")).Soon();
        Assert.Equal((1, "GET"), (proxy.Upgrades, Assert.Single(proxy.Requests)));
    }

    [Fact]
    public async Task A_client_that_has_no_token_at_first_does_not_blame_its_network()
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.No);
        var asked = 0;
        using CloudSyncClient client = new(proxy.Endpoint, new()
        {
            BackoffStep = TimeSpan.FromMilliseconds(20),
            TokenProvider = () => ++asked < 4
                ? Task.FromException<string>(new InvalidOperationException("Not yet."))
                : Task.FromResult("token"),
        });
        await client.OpenAsync("doc", TestContext.Current.CancellationToken).Soon();
        Assert.Equal(4, proxy.Upgrades);
        Assert.DoesNotContain("POST", proxy.Requests);
    }

    [Fact]
    public async Task A_client_moves_to_a_websocket_when_its_network_lets_it()
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.Refuses);
        var document = await OpenAsync(proxy, clock: new QuickClock(10));
        await document.SubmitAsync(Delta.FromPlainText("Hello")).Soon();
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Clients[0].StateChanged += state =>
        {
            if (state.Kind != SyncStateKind.Live)
                left.TrySetResult();
        };
        proxy.Breaking = Breaking.No;
        await left.Task.Soon();
        await document.SubmitAsync(Delta.FromPlainText("Again ")).Soon();
        proxy.Requests.Clear();
        await document.SubmitAsync(Delta.FromPlainText("! ")).Soon();
        Assert.Empty(proxy.Requests);
        Assert.Equal("! Again Hello", document.ToPlainText());
    }

    [Theory]
    [InlineData(TransportKind.ServerSentEvents)]
    [InlineData(TransportKind.Polling)]
    public async Task Nothing_is_lost_or_doubled_in_a_network_that_cuts_everything_again_and_again(TransportKind transport)
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.Refuses);
        var document = await OpenAsync(proxy, transport);
        var text = "";
        for (var i = 0; i < 150; i++)
        {
            document.Submit(Delta.Build().Retain(text.Length).Insert($"<{i}>").ToDelta());
            text += $"<{i}>";
            if (i % 10 == 9)
                proxy.Cut();
            await Task.Yield();
        }

        await document.WhenSavedAsync().Soon();
        Assert.Equal(text, document.ToPlainText());
        var stored = await Server.Documents.ReadAsync("doc", null, TestContext.Current.CancellationToken);
        Assert.Equal(text, Delta.FromState(stored.State).ToPlainText());
    }

    [Theory]
    [InlineData(TransportKind.ServerSentEvents)]
    [InlineData(TransportKind.Polling)]
    public async Task A_document_of_many_megabytes_comes_whole(TransportKind transport)
    {
        await using BreakingProxy proxy = new(Server.Endpoint, Breaking.Refuses);
        var writer = await OpenAsync(proxy, TransportKind.Polling);
        for (var i = 0; i < 8; i++)
            await writer.SubmitAsync(Delta.FromPlainText(new string((char)('a' + i), 900_000))).Soon();
        var reader = await OpenAsync(proxy, transport);
        Assert.Equal(writer.ToPlainText(), reader.ToPlainText());
    }

    private Task<CollaborativeDocument> OpenAsync(
        BreakingProxy proxy, TransportKind transport = TransportKind.Auto, TimeProvider? clock = null) => OpenWithAsync(
            new()
            {
                Transport = transport, Clock = clock ?? TimeProvider.System, ConnectTimeout = TimeSpan.FromSeconds(clock is null ? 2 : 15),
            },
            proxy.Endpoint);
}
