// People on different gateways write in one document and cannot tell.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class ClusterTests(RunningCluster cluster)
{
    [Fact]
    public async Task Writers_on_three_gateways_and_through_NGINX_converge()
    {
        await using var writers = await Writers.StartAsync(
            cluster, cluster.EndpointOf(0), cluster.EndpointOf(1), cluster.EndpointOf(2), cluster.Endpoint);
        await writers.WriteMoreAsync(200);
        await writers.FinishAsync();
    }

    [Fact]
    public async Task Through_NGINX_those_who_open_one_document_meet_on_one_gateway()
    {
        // Those of another test may still be on their way out.
        await NobodyIsConnectedAsync();
        // More than once: a gateway that another test has killed is left out for a moment after it is back.
        await Eventually.IsAsync(
            async () =>
            {
                var documentId = await cluster.CreateDocumentAsync();
                var clients = Enumerable.Range(0, 4).Select(_ => RunningCluster.NewClient(cluster.Endpoint)).ToArray();
                foreach (var client in clients)
                    await client.OpenAsync(documentId, RunningCluster.Cancellation);
                var connections = (await ConnectionsAsync()).Order().ToArray();
                foreach (var client in clients)
                    client.Dispose();
                await NobodyIsConnectedAsync();
                return connections is [0, 0, 4];
            },
            static () => "They don't meet.");
    }

    [Fact]
    public async Task Who_is_there_is_seen_on_every_gateway_and_goes_when_they_go()
    {
        var documentId = await cluster.CreateDocumentAsync("Hello");
        using var anns = RunningCluster.NewClient(cluster.EndpointOf(0), "ann");
        var bobs = RunningCluster.NewClient(cluster.EndpointOf(1), "bob");
        var ann = await anns.OpenAsync(documentId, RunningCluster.Cancellation);
        var bob = await bobs.OpenAsync(documentId, RunningCluster.Cancellation);
        bob.SetSelection(new Selection(2, 4));

        await Eventually.IsAsync(
            () => Task.FromResult(ann.Presence.Any(static entry => entry.User.Name == "bob" && entry.Selection == new Selection(2, 4))),
            static () => "Ann doesn't see Bob's selection.");
        await Eventually.IsAsync(
            () => Task.FromResult(bob.Presence.Any(static entry => entry.User.Name == "ann")), static () => "Bob doesn't see Ann.");

        bobs.Dispose();
        await Eventually.IsAsync(() => Task.FromResult(ann.Presence.Count == 0), static () => "Ann still sees Bob.");
    }

    [Fact]
    public async Task Gateways_are_added_and_taken_away_under_load_and_no_edit_is_lost()
    {
        await using var writers = await Writers.StartAsync(
            cluster, [.. Enumerable.Repeat(cluster.Endpoint, 2), cluster.EndpointOf(0), cluster.EndpointOf(1)]);
        // Another document's users too, most likely on other gateways.
        await using var others = await Writers.StartAsync(cluster, cluster.Endpoint, cluster.Endpoint);
        await writers.WriteMoreAsync(20);

        await cluster.Cluster.ScaleAsync(RunningCluster.Gateways + 2, null, RunningCluster.Cancellation);
        Assert.Equal(RunningCluster.Gateways + 2, (await NginxGatewaysAsync()).Count);
        await writers.WriteMoreAsync(50);

        // The writers at gateways themselves stay with those.
        await cluster.Cluster.ScaleAsync(2, null, RunningCluster.Cancellation);
        Assert.Equal(["gateway-1", "gateway-2"], await NginxGatewaysAsync());
        // Those that have gone leave no folder.
        Assert.Equal(["gateway-1", "gateway-2"], Directory.GetDirectories(cluster.Cluster.Folder, "gateway-*").Select(Path.GetFileName).Order());
        await writers.WriteMoreAsync(50);
        await others.WriteMoreAsync(20);

        await cluster.Cluster.ScaleAsync(RunningCluster.Gateways, null, RunningCluster.Cancellation);
        await writers.FinishAsync();
        await others.FinishAsync();
        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task A_gateway_that_is_drained_leaves_the_rotation_and_its_clients_come_back_without_having_been_refused()
    {
        await NobodyIsConnectedAsync();
        var documentId = await cluster.CreateDocumentAsync();
        using var client = RunningCluster.NewClient(cluster.Endpoint);
        var document = await client.OpenAsync(documentId, RunningCluster.Cancellation);
        await document.SubmitAsync(Delta.Build().Insert("kept").ToDelta());
        var gone = Array.FindIndex(await ConnectionsAsync(), static connections => connections > 0);
        var states = new System.Collections.Concurrent.ConcurrentQueue<SyncStateKind>();
        client.StateChanged += state => states.Enqueue(state.Kind);

        // Not told to NGINX: it notices by itself.
        await cluster.Part(cluster.Cluster.State.Gateways[gone].Name).StopAsync();
        await document.SubmitAsync(Delta.Build().Insert("and more, ").ToDelta()).WaitAsync(RunningCluster.Patience, RunningCluster.Cancellation);

        Assert.DoesNotContain(SyncStateKind.Refused, states);
        Assert.Equal("and more, kept", await cluster.ReadAsync(documentId));
        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task A_worker_serves_its_health_and_nothing_else()
    {
        var worker = $"http://127.0.0.1:{cluster.Cluster.State.WorkerPort}";
        var report = JsonNode.Parse(await cluster.Http.GetStringAsync($"{worker}/health/ready", RunningCluster.Cancellation))!;
        Assert.Equal("worker", (string?)report["role"]);
        foreach (var path in (string[])["/", "/api/documents", "/sync", "/openapi/v1.json"])
        {
            using var response = await cluster.Http.GetAsync(worker + path, RunningCluster.Cancellation);
            Assert.Equal(System.Net.HttpStatusCode.NotFound, response.StatusCode);
        }
    }

    private Task NobodyIsConnectedAsync() => Eventually.IsAsync(
        async () => (await ConnectionsAsync()).All(static connections => connections == 0), static () => "The connections don't end.");

    private async Task<int[]> ConnectionsAsync()
    {
        var connections = new List<int>();
        foreach (var gateway in cluster.Cluster.State.Gateways)
        {
            var report = JsonNode.Parse(await cluster.Http.GetStringAsync(
                $"http://127.0.0.1:{gateway.Port}/health/ready", RunningCluster.Cancellation))!;
            connections.Add((int)report["connections"]!);
        }

        return [.. connections];
    }

    private async Task<IReadOnlyList<string>> NginxGatewaysAsync() =>
        (string[])(await cluster.Part("nginx").LookAsync(RunningCluster.Cancellation)).Values!["gateways"];
}
