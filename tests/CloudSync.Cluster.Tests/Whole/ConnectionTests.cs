// However much the gateways have to do, PostgreSQL has few connections.

using System.Diagnostics;
using CloudSync.Client;
using CloudSync.Cluster.Parts;
using CloudSync.Operations;
using Npgsql;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class ConnectionTests(RunningCluster cluster)
{
    private const int ConnectionsMax = 25;
    private const int DocumentsEach = 40;
    private const int ReadersEach = 20;
    private const int Samples = 25;
    private const int EditsMin = 3_000;

    private const string Count =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

    [Fact]
    public async Task Under_full_load_on_three_gateways_neither_PostgreSQL_has_more_than_25_connections()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(RunningCluster.Cancellation);
        var clients = new List<CloudSyncClient>();
        var load = new List<Task>();
        var (edits, reads) = (0, 0);
        try
        {
            for (var gateway = 0; gateway < RunningCluster.Gateways; gateway++)
            {
                var client = RunningCluster.NewClient(cluster.EndpointOf(gateway), $"writer-{gateway}");
                clients.Add(client);
                var ids = new List<string>();
                for (var i = 0; i < DocumentsEach; i++)
                {
                    ids.Add(await cluster.CreateDocumentAsync("Hello"));
                    var document = await client.OpenAsync(ids[i], RunningCluster.Cancellation);
                    load.Add(WriteAsync(document));
                }

                var http = new Uri($"http://127.0.0.1:{cluster.Cluster.State.Gateways[gateway].Port}/api/documents/");
                for (var i = 0; i < ReadersEach; i++)
                    load.Add(ReadAsync(http, ids, new Random((100 * gateway) + i)));
            }

            var (primary, standby) = (ServerOf(cluster.Cluster.State.Primary), ServerOf(cluster.Cluster.State.Standby));
            var (most, mostOfStandby) = (0, 0);
            var patience = Stopwatch.StartNew();
            for (var samples = 0; samples < Samples || Volatile.Read(ref edits) < EditsMin; samples++)
            {
                Assert.True(patience.Elapsed < RunningCluster.Patience, $"Only {edits} edits.");
                most = Math.Max(most, int.Parse(await primary.QueryAsync(Count, RunningCluster.Cancellation), null));
                mostOfStandby = Math.Max(mostOfStandby, int.Parse(await standby.QueryAsync(Count, RunningCluster.Cancellation), null));
            }

            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{most} connections to the primary, {mostOfStandby} to the standby; {edits} edits, {reads} reads in {patience.Elapsed.TotalSeconds:0.0} s");
            // Both had something to do.
            Assert.InRange(most, 3, ConnectionsMax);
            Assert.InRange(mostOfStandby, 3, ConnectionsMax);
            Assert.True(reads > 100, $"Only {reads} reads.");
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(load).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            foreach (var client in clients)
                client.Dispose();
        }

        Assert.All(load, static task => Assert.False(task.IsFaulted, $"{task.Exception}"));

        async Task WriteAsync(CollaborativeDocument document)
        {
            while (!stop.IsCancellationRequested)
            {
                await document.SubmitAsync(Delta.Build().Insert("x").ToDelta()).WaitAsync(stop.Token);
                Interlocked.Increment(ref edits);
            }
        }

        // Versions that nobody has asked for before, so that they are folded.
        async Task ReadAsync(Uri gateway, List<string> ids, Random random)
        {
            using var http = new HttpClient { BaseAddress = gateway, Timeout = RunningCluster.Patience };
            while (!stop.IsCancellationRequested)
            {
                var id = ids[random.Next(ids.Count)];
                var head = (long)System.Text.Json.Nodes.JsonNode.Parse(await http.GetStringAsync(id, stop.Token))!["version"]!;
                _ = await http.GetStringAsync($"{id}/snapshot?version={random.NextInt64(1, head + 1)}", stop.Token);
                Interlocked.Increment(ref reads);
            }
        }
    }

    // PgBouncer turned some of 29 gateways' connections away, and was busy with nothing but that: edits were not saved.
    [Fact]
    public async Task As_many_gateways_as_there_may_be_find_room_at_PgBouncer()
    {
        var connections = (ClusterOptions.GatewaysMax + 1) * ConnectionsOfPrograms.ToLog(ClusterOptions.GatewaysMax);
        var bouncer = ((ClusterPart<PgBouncer>)cluster.Part("pgbouncer")).Server!;
        await using var source = NpgsqlDataSource.Create(
            $"{bouncer.Settings.ConnectionString()};Maximum Pool Size={connections};Timeout=60");
        var opened = new List<NpgsqlConnection>();
        try
        {
            while (opened.Count < connections)
                opened.Add(await source.OpenConnectionAsync(RunningCluster.Cancellation));
        }
        finally
        {
            foreach (var connection in opened)
                await connection.DisposeAsync();
        }
    }

    // With 16 for each of 29, logins after a broken connection took longer than anybody waits for one.
    [Fact]
    public void All_programs_together_have_no_more_connections_than_PgBouncer_can_greet_at_once()
    {
        for (var gateways = 1; gateways <= ClusterOptions.GatewaysMax; gateways++)
        {
            var each = ConnectionsOfPrograms.ToLog(gateways);
            Assert.InRange(each, 6, 16);
            Assert.True(each == 6 || (gateways + 1) * each <= 160, $"{gateways} gateways have {each} each.");
            Assert.InRange((gateways + 1) * each, 1, ConnectionsOfPrograms.ToPgBouncerMax);
        }
    }

    private PostgresServer ServerOf(string name) => ((ClusterPart<PostgresServer>)cluster.Part(name)).Server!;
}
