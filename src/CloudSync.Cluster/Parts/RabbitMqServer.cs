// A RabbitMQ server of its own: node name, ports, data and the port mapper (epmd) that Erlang wants besides. Everything is on
// the loopback interface, nothing is shared with another one on this machine, and nothing is left when it has stopped.

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace CloudSync.Cluster.Parts;

/// <summary>Where a RabbitMQ server lives and who may log in.</summary>
/// <param name="Folder">Its configuration, data and logs. Starting again in it continues with what is there.</param>
/// <param name="Port">For AMQP.</param>
/// <param name="DistributionPort">For Erlang, and the control program.</param>
/// <param name="PortMapperPort">For Erlang's port mapper.</param>
public sealed record RabbitMqSettings(string Folder, int Port, int DistributionPort, int PortMapperPort)
{
    /// <summary>The only user; created when the folder is new.</summary>
    public string User { get; init; } = "cloudsync";

    public string Password { get; init; } = "cloudsync";

    /// <summary>The only virtual host; created when the folder is new.</summary>
    public string VirtualHost { get; init; } = "cloudsync";

    /// <summary>Above this much memory it takes no more messages.</summary>
    public int MemoryMegabytes { get; init; } = 512;

    /// <summary>What a client is configured with.</summary>
    public string Uri => string.Create(
        CultureInfo.InvariantCulture,
        $"amqp://{System.Uri.EscapeDataString(User)}:{System.Uri.EscapeDataString(Password)}@127.0.0.1:{Port}/{System.Uri.EscapeDataString(VirtualHost)}");

    /// <summary>On ports that are free now.</summary>
    public static RabbitMqSettings OnFreePorts(string folder) =>
        new(folder, ServerProcess.FreePort(), ServerProcess.FreePort(), ServerProcess.FreePort());
}

/// <summary>A RabbitMQ server that runs.</summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Programs = "/usr/lib/rabbitmq/bin";
    private const string PortMapperName = "epmd";

    /// <summary>Its process, and the one that Erlang wants besides.</summary>
    public static readonly IReadOnlyList<string> ProcessNames = [Name, PortMapperName];

    private const string Name = "rabbitmq";

    private readonly ServerProcess _server;
    private ServerProcess? _portMapper;

    private RabbitMqServer(RabbitMqSettings settings, ServerProcess server, ServerProcess? portMapper) =>
        (Settings, _server, _portMapper) = (settings, server, portMapper);

    public RabbitMqSettings Settings { get; }

    public string Uri => Settings.Uri;

    public ServerProcess Process => _server;

    /// <summary>The process id.</summary>
    public int Id => _server.Id;

    public bool IsRunning => _server.IsRunning;

    /// <summary>What it wrote.</summary>
    public string LogFile => _server.LogFile;

    /// <summary>Starts it, and waits until a client is answered.</summary>
    /// <param name="settings">Where.</param>
    /// <param name="detached">True: it outlives this process. False: it dies with it.</param>
    /// <param name="cancellationToken">Cancels the wait, and ends it.</param>
    /// <exception cref="ServerStartException">It isn't installed, or didn't start; with the end of its log.</exception>
    public static async Task<RabbitMqServer> StartAsync(
        RabbitMqSettings settings, bool detached, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(Programs, "rabbitmq-server")))
            throw new ServerStartException($"RabbitMQ is not in {Programs}. Install the package rabbitmq-server.");
        var folder = Path.GetFullPath(settings.Folder);
        Directory.CreateDirectory(folder);
        await WriteConfigurationAsync(settings, folder, cancellationToken);
        var portMapper = await StartPortMapperAsync(settings, detached, cancellationToken);
        try
        {
            var server = await ServerProcess.StartAsync(
                new ServerStart(Name, folder, [Path.Combine(Programs, "rabbitmq-server")], Environment(settings, folder)),
                detached, token => AnswersAsync(settings.Port, token), cancellationToken);
            return new RabbitMqServer(settings, server, portMapper);
        }
        catch
        {
            await portMapper.KillAsync();
            throw;
        }
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static RabbitMqServer? Find(RabbitMqSettings settings)
    {
        var folder = Path.GetFullPath(settings.Folder);
        return ServerProcess.Find(Name, folder) is { } server
            ? new RabbitMqServer(settings, server, ServerProcess.Find(PortMapperName, folder))
            : null;
    }

    /// <summary>Whether its port mapper runs too. Without it clients are served, and the control program is not.</summary>
    public bool IsWhole => ServerProcess.Find(PortMapperName, Path.GetFullPath(Settings.Folder)) is not null;

    /// <summary>Starts its port mapper again if that has ended alone; the server makes itself known to it within seconds.</summary>
    /// <returns>Whether it had ended.</returns>
    public async Task<bool> CompleteAsync(bool detached, CancellationToken cancellationToken)
    {
        if (IsWhole)
            return false;
        _portMapper = await StartPortMapperAsync(Settings, detached, cancellationToken);
        return true;
    }

    /// <summary>The version that is installed.</summary>
    public static string FindVersion() => Directory.Exists("/usr/lib/rabbitmq/lib")
        ? Directory.GetDirectories("/usr/lib/rabbitmq/lib", "rabbitmq_server-*").Select(static folder => folder[(folder.LastIndexOf('-') + 1)..]).Max() ?? "?"
        : "?";

    /// <summary>Asks it to end, and waits. What was confirmed is on its disk.</summary>
    public async Task StopAsync()
    {
        await _server.StopAsync();
        await StopPortMapperAsync();
    }

    /// <summary>Ends it at once, as if its machine had died.</summary>
    public async Task KillAsync()
    {
        await _server.KillAsync();
        await StopPortMapperAsync();
    }

    /// <summary>Stops its clock: it keeps its connections and does nothing until <see cref="Resume"/>.</summary>
    public void Pause() => _server.Pause();

    /// <summary>Lets it go on.</summary>
    public void Resume() => _server.Resume();

    /// <summary>Runs RabbitMQ's own control program, `rabbitmqctl`, on this server; returns what it said.</summary>
    /// <exception cref="ServerStartException">It failed; with what it said.</exception>
    public async Task<string> ControlAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Programs, "rabbitmqctl"))
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        foreach (var (name, value) in Environment(Settings, Path.GetFullPath(Settings.Folder)))
            start.Environment[name] = value;
        start.ArgumentList.Add("--quiet");
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var control = System.Diagnostics.Process.Start(start)!;
        control.StandardInput.Close();
        try
        {
            var errors = control.StandardError.ReadToEndAsync(cancellationToken);
            var output = await control.StandardOutput.ReadToEndAsync(cancellationToken);
            await control.WaitForExitAsync(cancellationToken);
            return control.ExitCode == 0
                ? output
                : throw new ServerStartException($"rabbitmqctl {arguments[0]} failed: {output}{await errors}");
        }
        finally
        {
            // Nobody waits for it any more.
            if (!control.HasExited)
                control.Kill(entireProcessTree: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_portMapper is not null)
            await _portMapper.DisposeAsync();
    }

    // It ends only when it is told to: it would serve other nodes. Whichever it is: the one we started may be known no more.
    private Task StopPortMapperAsync() =>
        _portMapper?.KillAsync() ?? ServerProcess.EndAllAsync(PortMapperName, Path.GetFullPath(Settings.Folder));

    // Erlang would start one by itself, for all of this machine, and leave it behind.
    private static Task<ServerProcess> StartPortMapperAsync(
        RabbitMqSettings settings, bool detached, CancellationToken cancellationToken)
    {
        var folder = Path.GetFullPath(settings.Folder);
        return ServerProcess.StartAsync(
            new ServerStart(
                PortMapperName, folder,
                ["epmd", "-address", "127.0.0.1", "-port", Text(settings.PortMapperPort)], Environment(settings, folder)),
            detached, token => ServerProcess.ListensAsync(settings.PortMapperPort, token), cancellationToken);
    }

    private static async Task WriteConfigurationAsync(
        RabbitMqSettings settings, string folder, CancellationToken cancellationToken)
    {
        var configuration = string.Create(CultureInfo.InvariantCulture, $"""
            listeners.tcp.local = 127.0.0.1:{settings.Port}
            default_vhost = {settings.VirtualHost}
            default_user = {settings.User}
            default_pass = {settings.Password}
            loopback_users.guest = true
            # Small: it shares a machine with everything else. The write-ahead log of quorum queues is kept in memory too.
            vm_memory_high_watermark.absolute = {settings.MemoryMegabytes}MB
            raft.wal_max_size_bytes = 33554432
            disk_free_limit.absolute = 64MB
            heartbeat = 10
            log.console = true
            log.console.level = info
            log.file = false
            """);
        var file = Path.Combine(folder, "rabbitmq.conf");
        await File.WriteAllTextAsync(file, configuration + "\n", cancellationToken);
        // There is a password in it.
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(Path.Combine(folder, "enabled_plugins"), "[].\n", cancellationToken);
    }

    private static Dictionary<string, string> Environment(RabbitMqSettings settings, string folder) => new()
    {
        // Erlang keeps its cookie there.
        ["HOME"] = folder,
        ["RABBITMQ_NODENAME"] = $"cloudsync{Text(settings.Port)}@localhost",
        ["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf"),
        ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(folder, "none"),
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(folder, "none"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "enabled_plugins"),
        ["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "data"),
        ["RABBITMQ_LOG_BASE"] = Path.Combine(folder, "logs"),
        ["RABBITMQ_PID_FILE"] = Path.Combine(folder, "rabbitmq.erlang.pid"),
        ["RABBITMQ_NODE_PORT"] = Text(settings.Port),
        ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
        ["RABBITMQ_DIST_PORT"] = Text(settings.DistributionPort),
        ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
            "+S 2:2 +P 65536 +t 1048576 -kernel inet_dist_use_interface {127,0,0,1}",
        ["ERL_EPMD_PORT"] = Text(settings.PortMapperPort),
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        // No Erlang program starts a port mapper by itself, the control program least of all: it would hold the port, belong to
        // nobody, and outlive everything.
        ["ERL_AFLAGS"] = "-start_epmd false",
        // The script then becomes the server instead of watching it, so that the process we know is the server.
        ["detached"] = "true",
    };

    // It listens before it has finished starting: it can be used when it answers the protocol's first words.
    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, patience.Token);
            var stream = client.GetStream();
            await stream.WriteAsync("AMQP\0\0\x9\x1"u8.ToArray(), patience.Token);
            var answer = new byte[1];
            // The frame of a method: connection.start.
            return await stream.ReadAsync(answer, patience.Token) == 1 && answer[0] == 1;
        }
        catch (Exception exception) when (
            exception is SocketException or IOException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
