// What the parts of a cluster are, where each lives, and what is to be said of it.

using System.Globalization;
using System.Text.Json.Nodes;
using CloudSync.Cluster.Parts;

namespace CloudSync.Cluster;

public sealed partial class LocalCluster
{
    private const int Data = 0;
    private const int Before = 1;
    private const int Programs = 2;
    private const int Edge = 3;

    private ClusterPart<NginxServer> Nginx => Part(NginxServer.Name, CreateNginx);

    private ClusterPart<PgBouncer> PgBouncer => Part("pgbouncer", CreatePgBouncer);

    private IEnumerable<ClusterPart<GatewayServer>> Gateways => State.Gateways.Select(Gateway);

    private ClusterPart<GatewayServer> Worker => Part("worker", () => CreateGateway("worker", State.WorkerPort, "worker"));

    private ClusterPart<RabbitMqServer> RabbitMq => Part("rabbitmq", CreateRabbitMq);

    private string FolderOf(string name) => Path.Combine(_options.Folder, name);

    private ClusterPart<GatewayServer> Gateway(ClusterGateway gateway) =>
        Part(gateway.Name, () => CreateGateway(gateway.Name, gateway.Port, "gateway"));

    private ClusterPart<PostgresServer> Postgres(string name) => Part(name, () => CreatePostgres(name));

    private ClusterPart[] CreateParts() =>
    [
        Postgres(State.Primary), .. RedisStarts().Select(start => Part(start.Name, () => CreateRedis(start))), RabbitMq,
        Postgres(State.Standby), PgBouncer, .. Gateways, Worker, Nginx,
    ];

    // One object for each part as long as it is the same: it may be what keeps its process alive.
    private ClusterPart<TServer> Part<TServer>(string name, Func<ClusterPart<TServer>> create)
        where TServer : class
    {
        if (!_parts.TryGetValue(name, out var part))
            _parts[name] = part = create();
        return (ClusterPart<TServer>)part;
    }

    private PostgresSettings PostgresSettings(string name) =>
        new(name, FolderOf(name), State.Postgres[name], State.Password, _options.Detached)
        {
            ConnectionsMax = ConnectionsOfPrograms.ToPostgresMax,
        };

    /// <summary>
    /// How the commands that work on the log (audit, migrate, backup, restore) reach it: the primary itself. It has the password.
    /// </summary>
    public string ConnectionString => PostgresSettings(State.Primary).ConnectionString();

    private PgBouncerSettings PgBouncerSettings() =>
        new("pgbouncer", FolderOf("pgbouncer"), State.PgBouncerPort, State.Password, _options.Detached)
        {
            ClientConnectionsMax = ConnectionsOfPrograms.ToPgBouncerMax,
        };

    private IEnumerable<RedisStart> RedisStarts() => State.RedisPorts.Select((port, i) =>
        new RedisStart(FolderOf($"redis-{i + 1}"), port, $"redis-{i + 1}", State.Password));

    private RabbitMqSettings RabbitMqSettings() =>
        new(FolderOf("rabbitmq"), State.RabbitMqPorts[0], State.RabbitMqPorts[1], State.RabbitMqPorts[2]) { Password = State.Password };

    private NginxSettings NginxSettings() =>
        new(FolderOf("nginx"), State.Port, State.NginxStatusPort, _options.Web, _options.Detached);

    private ClusterPart<PostgresServer> CreatePostgres(string name)
    {
        var settings = PostgresSettings(name);
        var leads = name == State.Primary;
        return new ClusterPart<PostgresServer>
        {
            Name = name,
            Folder = FolderOf(name),
            ProcessNames = [name],
            Stage = leads ? Data : Before,
            Port = settings.Port,
            Address = $"postgresql://127.0.0.1:{settings.Port}/{CloudSync.Cluster.Parts.PostgresSettings.Database}",
            Find = () => PostgresServer.Find(settings),
            Start = token => leads ? PostgresServer.StartAsync(settings, token) : StartStandbyAsync(settings, token),
            Stop = static server => server.StopAsync(),
            Kill = static server => server.KillAsync(),
            ProcessOf = static server => server.Process,
            ReadVersionAsync = token => ToolVersionAsync(PostgresTools.Find("postgres"), token),
            Look = leads ? LookAtPrimaryAsync : LookAtStandbyAsync,
        };
    }

    private async Task<PostgresServer> StartStandbyAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        var primary = Postgres(State.Primary).Server
            ?? throw new ServerStartException($"{settings.Name} follows {State.Primary}, which doesn't run.");
        var data = Path.Combine(settings.Folder, "data");
        // It led until the other was promoted. What it has and the other hasn't was never acknowledged: it is copied anew.
        if (Directory.Exists(data) && !File.Exists(Path.Combine(data, "standby.signal")))
            Directory.Delete(data, recursive: true);
        if (!Directory.Exists(data))
        {
            var slot = settings.Name.Replace('-', '_');
            await primary.QueryAsync(
                $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{slot}'",
                cancellationToken);
        }

        var standby = await PostgresServer.StartStandbyAsync(settings, primary, PrimaryPortFor(settings.Name), cancellationToken);
        await primary.SetSynchronousStandbyAsync(settings.Name, cancellationToken);
        return standby;
    }

    private static async Task<PartCondition> LookAtPrimaryAsync(PostgresServer server, CancellationToken cancellationToken)
    {
        var answer = await server.QueryAsync(
            """
            SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                coalesce((SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming' ORDER BY sync_state DESC LIMIT 1), 'none'),
                coalesce((SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint FROM pg_stat_replication
                    WHERE state = 'streaming' ORDER BY sync_state DESC LIMIT 1), 0),
                current_setting('synchronous_standby_names')
            """,
            cancellationToken);
        var fields = answer.Split('|');
        var (connections, standby, behind, names) = (Number(fields[1]), fields[2], Number(fields[3]), fields[4]);
        var follows = standby is "sync" or "quorum";
        var waits = names.Length > 0 && !follows;
        var said = (follows, waits) switch
        {
            (true, _) => $"standby {standby}, {Words.Count(behind, "byte")} behind",
            (_, true) => "but WRITING STANDS STILL: every edit waits for the standby, which doesn't follow; `cluster up` starts it again",
            _ => "without a standby: EVERY EDIT IS ON THIS DISK ONLY; `cluster up` makes one",
        };
        return new PartCondition(
            fields[0] == "f" && follows, $"primary, {said}; {Words.Count(connections, "connection")}",
            new Dictionary<string, object>
            {
                ["role"] = "primary", ["standby"] = standby, ["editsWait"] = waits, ["bytesBehind"] = behind, ["connections"] = connections,
            });
    }

    private static async Task<PartCondition> LookAtStandbyAsync(PostgresServer server, CancellationToken cancellationToken)
    {
        var answer = await server.QueryAsync(
            "SELECT pg_is_in_recovery(), coalesce((SELECT status FROM pg_stat_wal_receiver), 'none')", cancellationToken);
        var fields = answer.Split('|');
        return new PartCondition(
            fields[0] == "t" && fields[1] == "streaming", fields[1] == "streaming" ? "standby, follows" : "standby, follows nobody",
            new Dictionary<string, object> { ["role"] = "standby", ["receiver"] = fields[1] });
    }

    private ClusterPart<PgBouncer> CreatePgBouncer()
    {
        var settings = PgBouncerSettings();
        return new ClusterPart<PgBouncer>
        {
            Name = settings.Name,
            Folder = settings.Folder,
            ProcessNames = [settings.Name],
            Stage = Before,
            Port = settings.Port,
            Address = $"postgresql://127.0.0.1:{settings.Port}/{CloudSync.Cluster.Parts.PostgresSettings.Database}",
            Find = () => CloudSync.Cluster.Parts.PgBouncer.Find(settings),
            Start = token => CloudSync.Cluster.Parts.PgBouncer.StartAsync(settings, PrimaryPortFor(settings.Name), token),
            Stop = static server => server.StopAsync(),
            Kill = static server => server.KillAsync(),
            ProcessOf = static server => server.Process,
            ReadVersionAsync = static token => ToolVersionAsync("/usr/sbin/pgbouncer", token),
            Look = static async (server, token) =>
            {
                var (clients, waiting, servers) = await server.CountAsync(token);
                return new PartCondition(
                    waiting == 0 || servers > 0, $"{Words.Count(clients, "client")}, {waiting} of them waiting, {Words.Count(servers, "connection")} to the server",
                    new Dictionary<string, object> { ["clients"] = clients, ["waiting"] = waiting, ["serverConnections"] = servers });
            },
        };
    }

    private ClusterPart<RedisServer> CreateRedis(RedisStart start) => new()
    {
        Name = start.Name,
        Folder = start.Folder,
        ProcessNames = [start.Name],
        Stage = Data,
        Port = start.Port,
        Address = $"redis://127.0.0.1:{start.Port}",
        Find = () => RedisServer.Find(start),
        Start = token => RedisServer.StartAsync(start, _options.Detached, token),
        Stop = static server => server.Process.StopAsync(),
        Kill = static server => server.Process.KillAsync(),
        ProcessOf = static server => server.Process,
        ReadVersionAsync = static token => ToolVersionAsync("redis-server", token),
        Look = static async (server, token) =>
        {
            var pong = await server.AskAsync("PING", token);
            var keys = await server.AskAsync("DBSIZE", token);
            return new PartCondition(
                pong.Contains("PONG", StringComparison.Ordinal), $"answers, {Words.Count(Number(keys.TrimStart(':')), "key")}",
                new Dictionary<string, object> { ["keys"] = Number(keys.TrimStart(':')) });
        },
    };

    private ClusterPart<RabbitMqServer> CreateRabbitMq()
    {
        var settings = RabbitMqSettings();
        return new ClusterPart<RabbitMqServer>
        {
            Name = "rabbitmq",
            Folder = settings.Folder,
            ProcessNames = RabbitMqServer.ProcessNames,
            Stage = Data,
            Port = settings.Port,
            Address = $"amqp://127.0.0.1:{settings.Port}/{settings.VirtualHost}",
            Find = () => RabbitMqServer.Find(settings),
            Start = token => RabbitMqServer.StartAsync(settings, _options.Detached, token),
            Complete = (server, token) => server.CompleteAsync(_options.Detached, token),
            Stop = static server => server.StopAsync(),
            Kill = static server => server.KillAsync(),
            ProcessOf = static server => server.Process,
            ReadVersionAsync = static _ => Task.FromResult(RabbitMqServer.FindVersion()),
            Look = static async (server, token) =>
            {
                if (!server.IsWhole)
                    return new PartCondition(false, "serves, but its port mapper (epmd) has ended; `cluster up` starts it again");
                var list = JsonNode.Parse(await server.ControlAsync(
                    token, "list_queues", "--vhost", server.Settings.VirtualHost, "--formatter", "json", "name", "messages"))!.AsArray();
                var queues = list.ToDictionary(static queue => (string)queue!["name"]!, static queue => (long)queue!["messages"]!);
                return new PartCondition(
                    true, $"{Words.Count(queues.Count, "queue")}, {Words.Count(queues.Values.Sum(), "message")}",
                    new Dictionary<string, object> { ["queues"] = queues });
            },
        };
    }

    private ClusterPart<GatewayServer> CreateGateway(string name, int port, string role)
    {
        var settings = new GatewaySettings(
            name, FolderOf(name), port, role, _options.ServerProgram, _options.Web, Configuration(name), _options.Detached);
        return new ClusterPart<GatewayServer>
        {
            Name = name,
            Folder = settings.Folder,
            ProcessNames = [name],
            Stage = Programs,
            Port = port,
            Address = $"http://127.0.0.1:{port}/",
            Find = () => GatewayServer.Find(settings),
            Start = token => GatewayServer.StartAsync(settings, token),
            Stop = static server => server.StopAsync(),
            Kill = static server => server.KillAsync(),
            ProcessOf = static server => server.Process,
            ReadVersionAsync = _ => Task.FromResult(
                System.Diagnostics.FileVersionInfo.GetVersionInfo(Path.ChangeExtension(settings.Program, ".dll")).ProductVersion?.Split('+')[0] ?? "?"),
            Look = static async (server, token) =>
            {
                if (await server.AskAsync(token) is not { } report)
                    return new PartCondition(false, "doesn't answer");
                var ill = report["parts"]!.AsObject().Where(static part => (string?)part.Value!["status"] != "healthy")
                    .Select(static part => $"{part.Key} is {(string?)part.Value!["status"]}").ToArray();
                var text = server.Settings.Role == "worker"
                    ? "delivers"
                    : $"{Words.Count((int)report["connections"]!, "connection")}, {Words.Count((int)report["documents"]!, "document")}";
                return new PartCondition(
                    ill.Length == 0, string.Join("; ", [text, .. ill]), new Dictionary<string, object> { ["health"] = report });
            },
        };
    }

    private ClusterPart<NginxServer> CreateNginx()
    {
        var settings = NginxSettings();
        return new ClusterPart<NginxServer>
        {
            Name = NginxServer.Name,
            Folder = settings.Folder,
            ProcessNames = [NginxServer.Name],
            Stage = Edge,
            Port = settings.Port,
            Address = Address.ToString(),
            Find = () => NginxServer.Find(settings),
            Start = async token => await ServerProcess.ListensAsync(settings.Port, token)
                ? throw new ServerStartException($"port {settings.Port} is in use. Give another one with --port.")
                : await NginxServer.StartAsync(settings, GatewayPorts(State), token),
            Stop = static server => server.StopAsync(),
            Kill = static server => server.KillAsync(),
            ProcessOf = static server => server.Process,
            ReadVersionAsync = static token => ToolVersionAsync("/usr/sbin/nginx", token),
            Look = async (server, token) =>
            {
                var connections = await server.CountConnectionsAsync(token);
                var ports = NginxServer.GatewaysOf(server.Settings);
                var names = State.Gateways.Where(gateway => ports.Contains(PortFor(NginxServer.Name, gateway.Name, gateway.Port))).Select(static gateway => gateway.Name).ToArray();
                return new PartCondition(
                    names.Length == State.Gateways.Count && names.Length == ports.Count,
                    $"leads to {string.Join(", ", names)}; {Words.Count(connections, "connection")}",
                    new Dictionary<string, object> { ["gateways"] = names, ["connections"] = connections });
            },
        };
    }

    // Where one part finds another.
    private int PortFor(string part, string other, int port) => _options.Route(part, other, port);

    private int PrimaryPortFor(string part) => PortFor(part, State.Primary, State.Postgres[State.Primary]);

    private IReadOnlyList<int> GatewayPorts(ClusterState state) =>
        [.. state.Gateways.Select(gateway => PortFor(NginxServer.Name, gateway.Name, gateway.Port))];

    // The settings of gateways and workers: what an operator would write into their environment.
    private Dictionary<string, string> Configuration(string name)
    {
        var (bouncer, standby, rabbit) = (PgBouncerSettings(), PostgresSettings(State.Standby), RabbitMqSettings());
        var configuration = new Dictionary<string, string>(State.Settings)
        {
            ["CloudSync__PostgreSql__ConnectionString"] =
                (bouncer with { Port = PortFor(name, bouncer.Name, bouncer.Port) }).ConnectionString()
                + $";Maximum Pool Size={ConnectionsOfPrograms.ToLog(State.Gateways.Count)}",
            ["CloudSync__PostgreSql__StandbyConnectionString"] =
                (standby with { Port = PortFor(name, standby.Name, standby.Port) }).ConnectionString()
                + $";Maximum Pool Size={ConnectionsOfPrograms.ToStandby}",
            ["CloudSync__RabbitMq__Uri"] = (rabbit with { Port = PortFor(name, "rabbitmq", rabbit.Port) }).Uri,
            ["CloudSync__Delivery__Snapshots"] = "true",
            ["CloudSync__Delivery__AuditFolder"] = FolderOf("audit"),
        };
        foreach (var (start, i) in RedisStarts().Select(static (start, i) => (start, i)))
        {
            configuration[string.Create(CultureInfo.InvariantCulture, $"CloudSync__Redis__Servers__{i}")] =
                RedisServer.ConnectionStringOf(start with { Port = PortFor(name, start.Name, start.Port) });
            // Each program may reach it at a port of its own.
            configuration[string.Create(CultureInfo.InvariantCulture, $"CloudSync__Redis__Names__{i}")] = start.Name;
        }

        foreach (var (setting, value) in _options.SettingsOf(name))
            configuration[setting] = value;
        return configuration;
    }

    private static long Number(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : -1;

    // The first number with a dot in what a program says of its version.
    private static async Task<string> ToolVersionAsync(string program, CancellationToken cancellationToken)
    {
        var said = await Tool.RunAsync(["/bin/sh", "-c", "\"$0\" $1 2>&1", program, program.EndsWith("nginx", StringComparison.Ordinal) ? "-v" : "--version"], "", "/", null, cancellationToken);
        return VersionNumber().Match(said).Value;
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"\d+(\.\d+)+")]
    private static partial System.Text.RegularExpressions.Regex VersionNumber();
}
