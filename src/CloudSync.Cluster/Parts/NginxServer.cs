// NGINX before the gateways. Its configuration is deploy/nginx/nginx.conf, with the places filled in.

using System.Globalization;
using System.Text.RegularExpressions;

namespace CloudSync.Cluster.Parts;

/// <summary>Where NGINX is and what it leads to.</summary>
/// <param name="Folder">Its configuration, its log and what it caches.</param>
/// <param name="Port">Where clients connect to.</param>
/// <param name="StatusPort">Where it says how it is, on 127.0.0.1.</param>
/// <param name="Web">The built web app; need not exist.</param>
/// <param name="Detached">Whether it outlives this process.</param>
public sealed record NginxSettings(string Folder, int Port, int StatusPort, string Web, bool Detached = false)
{
    /// <summary>The address that it listens on.</summary>
    public string Host { get; init; } = "127.0.0.1";
}

/// <summary>An NGINX that runs, or did.</summary>
public sealed partial class NginxServer : IAsyncDisposable
{
    public const string Name = "nginx";

    private static readonly TimeSpan _reloadPatience = TimeSpan.FromSeconds(30);

    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    private NginxServer(NginxSettings settings, ServerProcess process) => (Settings, Process) = (settings, process);

    public NginxSettings Settings { get; }

    public ServerProcess Process { get; }

    /// <summary>Writes its configuration and starts it.</summary>
    /// <exception cref="ServerStartException">It isn't installed, or didn't start; with the end of its log.</exception>
    public static async Task<NginxServer> StartAsync(
        NginxSettings settings, IReadOnlyList<int> gatewayPorts, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(settings.Folder);
        await WriteConfigurationAsync(settings, gatewayPorts, cancellationToken);
        var process = await ServerProcess.StartAsync(
            new ServerStart(Name, settings.Folder, [Program, "-p", settings.Folder, "-c", ConfigurationFile(settings)]),
            settings.Detached,
            async stop => await ServerProcess.ListensAsync(settings.Port, stop)
                && await ServerProcess.ListensAsync(settings.StatusPort, stop),
            cancellationToken);
        return new NginxServer(settings, process);
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static NginxServer? Find(NginxSettings settings) =>
        ServerProcess.Find(Name, settings.Folder) is { } process ? new NginxServer(settings, process) : null;

    /// <summary>
    /// Leads to these gateways from now on. Connections that there are stay as they are, to whichever gateway.
    /// </summary>
    public async Task LeadToAsync(IReadOnlyList<int> gatewayPorts, CancellationToken cancellationToken)
    {
        await WriteConfigurationAsync(Settings, gatewayPorts, cancellationToken);
        // What is wrong with it is said here and not only in a log.
        await Tool.RunAsync(
            [Program, "-t", "-q", "-p", Settings.Folder, "-c", ConfigurationFile(Settings)], "", Settings.Folder, null, cancellationToken);
        var before = Workers();
        Process.Send(Signals.Hangup);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_reloadPatience);
        // New workers, which have the new configuration, are there before the old ones stop listening.
        while (!Workers().Except(before).Any() || before.Any(Accepts))
        {
            if (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                throw new ServerStartException($"NGINX doesn't take its new configuration after {_reloadPatience.TotalSeconds:0} s. See {Process.LogFile}");
            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>How many connections of clients it has; -1 if it doesn't answer.</summary>
    public async Task<int> CountConnectionsAsync(CancellationToken cancellationToken)
    {
        try
        {
            var status = await _http.GetStringAsync(
                new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Settings.StatusPort}/")), cancellationToken);
            // One of them is ours.
            return int.Parse(ActiveLine().Match(status).Groups[1].ValueSpan, CultureInfo.InvariantCulture) - 1;
        }
        catch (HttpRequestException)
        {
            return -1;
        }
    }

    /// <summary>The gateways that it leads to, as its configuration says.</summary>
    public static IReadOnlyList<int> GatewaysOf(NginxSettings settings) => File.Exists(ConfigurationFile(settings))
        ? [.. GatewayLine().Matches(File.ReadAllText(ConfigurationFile(settings)))
            .Select(static match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))]
        : [];

    /// <summary>Ends it when the answers under way are given; WebSockets are cut, and their clients come back.</summary>
    public Task StopAsync() => Process.StopAsync();

    public Task KillAsync() => Process.KillAsync();

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private static string Program => File.Exists("/usr/sbin/nginx")
        ? "/usr/sbin/nginx"
        : throw new ServerStartException("'/usr/sbin/nginx' isn't there. Install NGINX (Debian: nginx).");

    [GeneratedRegex(@"^\s*server 127\.0\.0\.1:(\d+) ", RegexOptions.Multiline)]
    private static partial Regex GatewayLine();

    [GeneratedRegex(@"Active connections: (\d+)")]
    private static partial Regex ActiveLine();

    private int[] Workers() => [.. Process.Children().Where(static id => !IsEnding(id))];

    private static bool Accepts(int worker) => Directory.Exists($"/proc/{worker}") && !IsEnding(worker);

    // The title that a worker gives itself.
    private static bool IsEnding(int worker)
    {
        try
        {
            return File.ReadAllText($"/proc/{worker}/cmdline") is var title
                && (title.Length == 0 || title.Contains("shutting down", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static async Task WriteConfigurationAsync(
        NginxSettings settings, IReadOnlyList<int> gatewayPorts, CancellationToken cancellationToken)
    {
        var gateways = gatewayPorts.Count == 0
            // There must be one.
            ? ["server 127.0.0.1:1 down;"]
            : gatewayPorts.Select(static port => string.Create(
                CultureInfo.InvariantCulture, $"server 127.0.0.1:{port} max_fails=0;"));
        var places = new Dictionary<string, string>
        {
            // Its workers are whoever has started it: the folders of a cluster of one's own needn't be open to others.
            ["USER"] = Environment.UserName == "root" ? "user root;" : "",
            ["FOLDER"] = settings.Folder,
            ["LISTEN"] = string.Create(CultureInfo.InvariantCulture, $"{settings.Host}:{settings.Port}"),
            ["STATUS_PORT"] = settings.StatusPort.ToString(CultureInfo.InvariantCulture),
            ["WEB"] = settings.Web,
            ["GATEWAYS"] = string.Join("\n        ", gateways),
        };
        await using var resource = typeof(NginxServer).Assembly.GetManifestResourceStream("nginx.conf")!;
        using var reader = new StreamReader(resource);
        var configuration = await reader.ReadToEndAsync(cancellationToken);
        foreach (var (name, value) in places)
            configuration = configuration.Replace($"@{name}@", value, StringComparison.Ordinal);
        // In one step: a reload never reads a half of it.
        var file = ConfigurationFile(settings);
        await File.WriteAllTextAsync(file + ".new", configuration, cancellationToken);
        File.Move(file + ".new", file, overwrite: true);
    }

    private static string ConfigurationFile(NginxSettings settings) => Path.Combine(settings.Folder, "nginx.conf");
}
