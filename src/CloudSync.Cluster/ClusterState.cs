// What a cluster is made of: ports, passwords, which gateways there are. Kept in one file, which only its owner may read.

using System.Security.Cryptography;
using System.Text.Json;
using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster;

/// <summary>A cluster in a folder. Changed only by writing it anew.</summary>
public sealed record ClusterState
{
    private const string FileName = "cluster.json";

    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };

    public required string Password { get; init; }

    /// <summary>Where NGINX listens.</summary>
    public required int Port { get; init; }

    public required int NginxStatusPort { get; init; }

    /// <summary>The two PostgreSQL servers, by name.</summary>
    public required IReadOnlyDictionary<string, int> Postgres { get; init; }

    /// <summary>Which of them leads.</summary>
    public required string Primary { get; init; }

    public required int PgBouncerPort { get; init; }

    public required IReadOnlyList<int> RedisPorts { get; init; }

    /// <summary>For AMQP, for Erlang, for its port mapper.</summary>
    public required IReadOnlyList<int> RabbitMqPorts { get; init; }

    public required int WorkerPort { get; init; }

    public required IReadOnlyList<ClusterGateway> Gateways { get; init; }

    /// <summary>The number of the next gateway; no name is used twice.</summary>
    public required int NextGateway { get; init; }

    /// <summary>More settings of the gateways and the worker, as environment variables.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    public string Standby => Postgres.Keys.Single(name => name != Primary);

    /// <summary>A new cluster on ports that are free now, with a password of its own.</summary>
    public static ClusterState Create(int port, int gateways) => new ClusterState
    {
        Password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)),
        Port = port,
        NginxStatusPort = ServerProcess.FreePort(),
        Postgres = new Dictionary<string, int> { ["postgres-1"] = ServerProcess.FreePort(), ["postgres-2"] = ServerProcess.FreePort() },
        Primary = "postgres-1",
        PgBouncerPort = ServerProcess.FreePort(),
        RedisPorts = [ServerProcess.FreePort(), ServerProcess.FreePort()],
        RabbitMqPorts = [ServerProcess.FreePort(), ServerProcess.FreePort(), ServerProcess.FreePort()],
        WorkerPort = ServerProcess.FreePort(),
        Gateways = [],
        NextGateway = 1,
    }.WithGateways(gateways);

    /// <summary>With so many gateways: the newest are left out, or new ones come after them.</summary>
    public ClusterState WithGateways(int count)
    {
        var gateways = Gateways.Take(count).ToList();
        var next = NextGateway;
        while (gateways.Count < count)
            gateways.Add(new ClusterGateway($"gateway-{next++}", ServerProcess.FreePort()));
        return this with { Gateways = gateways, NextGateway = next };
    }

    /// <summary>With another port for each part whose own somebody else has now. Nothing of it runs.</summary>
    public async Task<ClusterState> WithFreePortsAsync(CancellationToken cancellationToken)
    {
        return this with
        {
            NginxStatusPort = await FreeAsync(NginxStatusPort),
            Postgres = new Dictionary<string, int>
            {
                [Primary] = await FreeAsync(Postgres[Primary]), [Standby] = await FreeAsync(Postgres[Standby]),
            },
            PgBouncerPort = await FreeAsync(PgBouncerPort),
            RedisPorts = await AllFreeAsync(RedisPorts),
            // Its data is kept under its port.
            WorkerPort = await FreeAsync(WorkerPort),
            Gateways = [.. Gateways.Zip(
                await AllFreeAsync([.. Gateways.Select(static gateway => gateway.Port)]),
                static (gateway, port) => gateway with { Port = port })],
        };

        async Task<int> FreeAsync(int port) =>
            await ServerProcess.ListensAsync(port, cancellationToken) ? ServerProcess.FreePort() : port;

        async Task<IReadOnlyList<int>> AllFreeAsync(IReadOnlyList<int> ports)
        {
            var free = new List<int>();
            foreach (var port in ports)
                free.Add(await FreeAsync(port));
            return free;
        }
    }

    public static string FileIn(string folder) => Path.Combine(folder, FileName);

    /// <summary>Null if there is no cluster in this folder.</summary>
    /// <exception cref="ServerStartException">The file is not what was written.</exception>
    public static ClusterState? Read(string folder)
    {
        if (!File.Exists(FileIn(folder)))
            return null;
        try
        {
            var state = JsonSerializer.Deserialize<ClusterState>(File.ReadAllText(FileIn(folder)), _json);
            return state is { IsWhole: true } ? state : throw new JsonException("Something is missing in it.");
        }
        catch (JsonException exception)
        {
            throw new ServerStartException($"'{FileIn(folder)}' can't be read: {exception.Message}");
        }
    }

    // What the types don't say.
    private bool IsWhole => Password is not null && Gateways is not null && RedisPorts is not null && Settings is not null
        && Postgres is { Count: 2 } && Primary is not null && Postgres.ContainsKey(Primary) && RabbitMqPorts is { Count: 3 };

    /// <summary>Replaces the file in one step.</summary>
    public void Write(string folder)
    {
        var file = FileIn(folder);
        using (var stream = new FileStream(file + ".new", new FileStreamOptions
        {
            Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            JsonSerializer.Serialize(stream, this, _json);
            stream.Flush(flushToDisk: true);
        }

        File.Move(file + ".new", file, overwrite: true);
    }
}

/// <summary>A gateway of a cluster.</summary>
public sealed record ClusterGateway(string Name, int Port);
