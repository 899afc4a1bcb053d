// A Redis server, or one node of a Redis Cluster, as a process. It keeps nothing on the disk: what is in it can be lost at
// any moment, and is.

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CloudSync.Cluster.Parts;

/// <summary>What to start.</summary>
/// <param name="Folder">Its configuration, its log and its process id.</param>
/// <param name="Port">The port on 127.0.0.1.</param>
/// <param name="Name">Names the part and its files.</param>
/// <param name="Password">What clients must say; empty if nothing.</param>
/// <param name="ClusterBusPort">The port of the cluster bus if it is to be a node of a Redis Cluster, else 0.</param>
/// <param name="MaxMemoryMiB">Beyond this it lets go of what has a time to live, the longest unused first.</param>
public sealed record RedisStart(
    string Folder, int Port, string Name = "redis", string Password = "", int ClusterBusPort = 0, int MaxMemoryMiB = 256);

/// <summary>A Redis server that runs.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly RedisStart _start;
    private readonly bool _detached;

    private RedisServer(RedisStart start, bool detached, ServerProcess process) =>
        (_start, _detached, Process) = (start, detached, process);

    /// <summary>The process; another one after <see cref="RestartAsync"/>.</summary>
    public ServerProcess Process { get; private set; }

    public int Port => _start.Port;

    /// <summary>How CloudSync:Redis:Servers names it.</summary>
    public string ConnectionString => ConnectionStringOf(_start);

    public static string ConnectionStringOf(RedisStart start) =>
        $"127.0.0.1:{start.Port}" + (start.Password.Length > 0 ? $",password={start.Password}" : "");

    /// <summary>Writes its configuration, starts it and waits until it answers.</summary>
    /// <exception cref="ServerStartException">It didn't start; says why.</exception>
    public static async Task<RedisServer> StartAsync(RedisStart start, bool detached, CancellationToken cancellationToken) =>
        new(start, detached, await StartProcessAsync(start, detached, cancellationToken));

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static RedisServer? Find(RedisStart start) =>
        ServerProcess.Find(start.Name, start.Folder) is { } process ? new RedisServer(start, detached: true, process) : null;

    /// <summary>Starts it again, empty, on the same port, after it was stopped or killed.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken) =>
        Process = await StartProcessAsync(_start, _detached, cancellationToken);

    /// <summary>Sends one command and gives the reply as it came over the wire.</summary>
    public Task<string> AskAsync(string command, CancellationToken cancellationToken) =>
        AskAsync(_start, command, cancellationToken);

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    private static async Task<ServerProcess> StartProcessAsync(
        RedisStart start, bool detached, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(start.Folder);
        var file = Path.Combine(start.Folder, start.Name + ".conf");
        await File.WriteAllTextAsync(file, Configuration(start), cancellationToken);
        // The configuration may hold a password.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return await ServerProcess.StartAsync(
            new ServerStart(start.Name, start.Folder, ["redis-server", file]), detached,
            token => AnswersAsync(start, token), cancellationToken);
    }

    private static string Configuration(RedisStart start)
    {
        var lines = new List<string>
        {
            $"port {start.Port}",
            "bind 127.0.0.1",
            "daemonize no",
            $"dir {start.Folder}",
            "save \"\"",
            "appendonly no",
            string.Create(CultureInfo.InvariantCulture, $"maxmemory {start.MaxMemoryMiB}mb"),
            "maxmemory-policy volatile-lru",
            // A gateway that reads slowly for a moment is not cut off at once; what it misses would be read from the log.
            "client-output-buffer-limit pubsub 128mb 32mb 60",
        };
        if (start.Password.Length > 0)
            lines.Add($"requirepass {start.Password}");
        if (start.ClusterBusPort != 0)
        {
            lines.Add("cluster-enabled yes");
            lines.Add($"cluster-config-file {start.Name}.nodes");
            lines.Add($"cluster-port {start.ClusterBusPort}");
            lines.Add("cluster-node-timeout 2000");
            lines.Add("cluster-allow-pubsubshard-when-down no");
        }

        return string.Join('\n', lines) + "\n";
    }

    private static async Task<bool> AnswersAsync(RedisStart start, CancellationToken cancellationToken)
    {
        try
        {
            return (await AskAsync(start, "PING", cancellationToken)).StartsWith("+PONG", StringComparison.Ordinal);
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            return false;
        }
    }

    private static async Task<string> AskAsync(RedisStart start, string command, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, start.Port, cancellationToken);
        var stream = client.GetStream();
        if (start.Password.Length > 0)
        {
            var allowed = await AskAsync(stream, $"AUTH {start.Password}", cancellationToken);
            if (!allowed.StartsWith('+'))
                return allowed;
        }

        return await AskAsync(stream, command, cancellationToken);
    }

    // A simple reply or a bulk string: nothing that is asked here has another.
    private static async Task<string> AskAsync(Stream stream, string command, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), cancellationToken);
        var reply = new List<byte>();
        var buffer = new byte[4096];
        while (true)
        {
            var count = await stream.ReadAsync(buffer, cancellationToken);
            if (count == 0)
                throw new EndOfStreamException("Redis closed the connection.");
            reply.AddRange(buffer.AsSpan(0, count));
            var text = Encoding.UTF8.GetString([.. reply]);
            var line = text.IndexOf("\r\n", StringComparison.Ordinal);
            if (line < 0)
                continue;
            if (text[0] != '$')
                return text[..line];
            var length = int.Parse(text.AsSpan(1, line - 1), CultureInfo.InvariantCulture);
            if (length < 0)
                return "";
            if (reply.Count >= line + 2 + length + 2)
                return Encoding.UTF8.GetString([.. reply], line + 2, length);
        }
    }
}
