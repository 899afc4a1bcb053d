// Clients without WebSockets, through NGINX: each gets to the gateway that has its connection.

using CloudSync.Client;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class PollingTests(RunningCluster cluster)
{
    private const int Documents = 12;

    [Theory]
    [InlineData(TransportKind.ServerSentEvents)]
    [InlineData(TransportKind.Polling)]
    public async Task Through_NGINX_all_requests_of_a_connection_get_to_its_gateway(TransportKind transport)
    {
        // With so many documents each of the three gateways has some; a request that went astray would be answered 404.
        var clients = new List<CloudSyncClient>();
        var states = new List<SyncStateKind>();
        try
        {
            for (var i = 0; i < Documents; i++)
            {
                var id = await cluster.CreateDocumentAsync();
                var (writer, reader) = (NewClient(transport), NewClient(transport));
                clients.AddRange([writer, reader]);
                var (written, read) = (
                    await writer.OpenAsync(id, RunningCluster.Cancellation), await reader.OpenAsync(id, RunningCluster.Cancellation));
                foreach (var client in new[] { writer, reader })
                {
                    client.StateChanged += state =>
                    {
                        lock (states)
                            states.Add(state.Kind);
                    };
                }

                for (var n = 0; n < 10; n++)
                    await written.SubmitAsync(Delta.Build().Retain(n).Insert($"{n}").ToDelta()).WaitAsync(RunningCluster.Patience, RunningCluster.Cancellation);
                await Eventually.IsAsync(() => Task.FromResult(read.ToPlainText() == "0123456789"), read.ToPlainText);
            }

            lock (states)
                Assert.DoesNotContain(states, static kind => kind != SyncStateKind.Live);
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
        }
    }

    [Fact]
    public async Task Gateways_are_taken_away_and_added_and_no_edit_of_a_client_without_a_websocket_is_lost()
    {
        var ids = new List<string>();
        var clients = new List<CloudSyncClient>();
        try
        {
            var documents = new List<CollaborativeDocument>();
            for (var i = 0; i < Documents; i++)
            {
                ids.Add(await cluster.CreateDocumentAsync());
                clients.Add(NewClient(i % 2 == 0 ? TransportKind.ServerSentEvents : TransportKind.Polling));
                documents.Add(await clients[i].OpenAsync(ids[i], RunningCluster.Cancellation));
            }

            foreach (var (gateways, text) in new[] { (RunningCluster.Gateways, "a"), (2, "b"), (RunningCluster.Gateways, "c") })
            {
                await cluster.Cluster.ScaleAsync(gateways, null, RunningCluster.Cancellation);
                await Task.WhenAll(documents.Select(document => document.SubmitAsync(
                    Delta.Build().Retain(document.Length).Insert(text).ToDelta()).WaitAsync(RunningCluster.Patience, RunningCluster.Cancellation)));
            }

            foreach (var id in ids)
                Assert.Equal("abc", (await cluster.ReadAsync(id)).TrimEnd('\n'));
        }
        finally
        {
            foreach (var client in clients)
                client.Dispose();
            await cluster.RecoverAsync();
        }
    }

    private CloudSyncClient NewClient(TransportKind transport) => new(cluster.Endpoint, new CloudSyncClientOptions
    {
        Transport = transport,
        BackoffStep = TimeSpan.FromMilliseconds(100),
        BackoffMax = TimeSpan.FromSeconds(1),
    });
}
