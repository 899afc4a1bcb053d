// The cluster that all tests of the whole product share: started once, one test at a time. Each test leaves it as it was.

using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Cluster.Parts;
using CloudSync.Cluster.Tests.Whole;
using Xunit;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: AssemblyFixture(typeof(RunningCluster))]

namespace CloudSync.Cluster.Tests.Whole;

public sealed class RunningCluster : IAsyncLifetime
{
    public const int Gateways = 3;

    /// <summary>An upper bound for whatever is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");
    private LocalCluster? _cluster;

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal LocalCluster Cluster => _cluster!;

    /// <summary>Through NGINX.</summary>
    public HttpClient Http { get; } = new() { Timeout = Patience };

    /// <summary>The WebSocket endpoint, through NGINX.</summary>
    public Uri Endpoint => new($"ws://localhost:{Cluster.State.Port}/sync");

    public async ValueTask InitializeAsync()
    {
        // PostgreSQL runs as another user, who has to get there.
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0b111_101_101);
        var assets = _folder.CreateSubdirectory("web").CreateSubdirectory("assets");
        await File.WriteAllTextAsync(Path.Combine(assets.FullName, "app-1a2b3c.js"), "console.log('the app');\n");
        await using (var compressed = new System.IO.Compression.GZipStream(
            File.Create(Path.Combine(assets.FullName, "app-1a2b3c.js.gz")), System.IO.Compression.CompressionLevel.SmallestSize))
            await compressed.WriteAsync("console.log('the app');\n"u8.ToArray());
        var options = new ClusterOptions(
            Path.Combine(_folder.FullName, "cluster"), Path.Combine(AppContext.BaseDirectory, "CloudSync.Server"),
            Path.Combine(_folder.FullName, "web"), Detached: false)
        {
            Port = ServerProcess.FreePort(),
            Gateways = Gateways,
            Settings = new Dictionary<string, string> { ["CloudSync__DrainWindow"] = "00:00:02", ["CloudSync__PresenceLease"] = "00:00:05" },
        };
        _cluster = LocalCluster.Open(options, create: true)!;
        await _cluster.StartAsync(null, Cancellation);
        Http.BaseAddress = _cluster.Address;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    /// <summary>The part of a name.</summary>
    internal ClusterPart Part(string name) => Cluster.Parts.Single(part => part.Name == name);

    /// <summary>The WebSocket endpoint of one gateway, past NGINX.</summary>
    internal Uri EndpointOf(int gateway) => new($"ws://127.0.0.1:{Cluster.State.Gateways[gateway].Port}/sync");

    internal async Task<string> CreateDocumentAsync(string text = "")
    {
        var request = new JsonObject { ["type"] = "text", ["content"] = new JsonArray(new JsonObject { ["insert"] = text }) };
        if (text.Length == 0)
            request.Remove("content");
        using var response = await Http.PostAsJsonAsync("/api/documents", request, Cancellation);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (string)(await response.Content.ReadFromJsonAsync<JsonObject>(Cancellation))!["id"]!;
    }

    /// <summary>The text of a document as the log has it.</summary>
    internal Task<string> ReadAsync(string documentId) =>
        Http.GetStringAsync($"/api/documents/{documentId}/export?format=text", Cancellation);

    internal static CloudSyncClient NewClient(Uri endpoint, string name = "") => new(endpoint, new CloudSyncClientOptions
    {
        User = new User(name, name, "#336699"),
        // Nobody waits half a minute here.
        BackoffStep = TimeSpan.FromMilliseconds(100),
        BackoffMax = TimeSpan.FromSeconds(1),
        ConnectTimeout = TimeSpan.FromSeconds(10),
    });

    internal async Task<ClusterStatus> StatusAsync() => await ClusterStatus.ReadAsync(Cluster, Cancellation);

    /// <summary>Starts what a test has ended, and waits until all is well again.</summary>
    internal async Task RecoverAsync()
    {
        await Cluster.StartAsync(null, Cancellation);
        ClusterStatus? status = null;
        await Eventually.IsAsync(async () => (status = await StatusAsync()).Well, () => $"Not all is well: {status!.ToJson()}");
    }
}
