// The CloudSync program as one of a cluster: a gateway, or a worker.

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CloudSync.Cluster.Parts;

/// <summary>What to start.</summary>
/// <param name="Name">Names the process, its log, and the gateway among the gateways.</param>
/// <param name="Folder">Where its log is.</param>
/// <param name="Port">Where it listens, on 127.0.0.1.</param>
/// <param name="Role">"gateway" or "worker".</param>
/// <param name="Program">The built program.</param>
/// <param name="Web">The built web app; need not exist.</param>
/// <param name="Configuration">Settings, as environment variables have them. Secrets are not seen on a command line.</param>
/// <param name="Detached">Whether it outlives this process.</param>
public sealed record GatewaySettings(
    string Name, string Folder, int Port, string Role, string Program, string Web,
    IReadOnlyDictionary<string, string> Configuration, bool Detached = false);

/// <summary>A gateway or a worker that runs, or did.</summary>
public sealed class GatewayServer : IAsyncDisposable
{
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private GatewayServer(GatewaySettings settings, ServerProcess process) => (Settings, Process) = (settings, process);

    public GatewaySettings Settings { get; }

    public ServerProcess Process { get; }

    public Uri Address => AddressOf(Settings);

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="ServerStartException">It didn't start; with what it said.</exception>
    public static async Task<GatewayServer> StartAsync(GatewaySettings settings, CancellationToken cancellationToken)
    {
        if (!File.Exists(settings.Program))
            throw new ServerStartException($"The program '{settings.Program}' isn't there; build src/CloudSync.Server.");
        var environment = new Dictionary<string, string>(settings.Configuration)
        {
            ["CloudSync__Role"] = settings.Role,
            ["CloudSync__GatewayId"] = settings.Name,
            // NGINX stands before it, on this machine.
            ["CloudSync__TrustedProxies__0"] = "127.0.0.1",
            ["AllowedHosts"] = "localhost;127.0.0.1;[::1]",
        };
        var process = await ServerProcess.StartAsync(
            new ServerStart(
                settings.Name, settings.Folder,
                [
                    settings.Program, "--host", "127.0.0.1", "--port", settings.Port.ToString(CultureInfo.InvariantCulture),
                    "--data", settings.Folder, "--web", settings.Web,
                ],
                environment),
            settings.Detached,
            async stop => await AskAsync(settings, stop) is not null, cancellationToken);
        return new GatewayServer(settings, process);
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static GatewayServer? Find(GatewaySettings settings) =>
        ServerProcess.Find(settings.Name, settings.Folder) is { } process ? new GatewayServer(settings, process) : null;

    /// <summary>What it says of itself; null if it doesn't answer.</summary>
    public Task<JsonObject?> AskAsync(CancellationToken cancellationToken) => AskAsync(Settings, cancellationToken);

    /// <summary>Drains it: its clients are told to go elsewhere, what they have sent is committed, and it ends.</summary>
    public Task StopAsync() => Process.StopAsync();

    public Task KillAsync() => Process.KillAsync();

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private static Uri AddressOf(GatewaySettings settings) =>
        new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{settings.Port}/"));

    private static async Task<JsonObject?> AskAsync(GatewaySettings settings, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(AddressOf(settings), "health/ready"), cancellationToken);
            return JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken)) as JsonObject;
        }
        catch (Exception exception) when (
            exception is HttpRequestException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }
}
