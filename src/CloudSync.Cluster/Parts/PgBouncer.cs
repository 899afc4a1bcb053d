// PgBouncer in transaction mode before a PostgreSQL server: many gateways' connections become a few of the server's.

using System.Globalization;

namespace CloudSync.Cluster.Parts;

/// <summary>Where PgBouncer is and what it leads to.</summary>
/// <param name="Name">Names the process and its log.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Port">Where it listens, on 127.0.0.1 only.</param>
/// <param name="Password">Of the program's role.</param>
/// <param name="Detached">Whether it outlives this process.</param>
public sealed record PgBouncerSettings(string Name, string Folder, int Port, string Password, bool Detached = false)
{
    /// <summary>Connections to the server for each database, at the most.</summary>
    public int ServerConnectionsMax { get; init; } = 20;

    public int ClientConnectionsMax { get; init; } = 500;

    /// <summary>How long a connection to the server that nobody uses is kept.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How the program connects. Prepared statements and the reset of a session don't pass this version of PgBouncer.
    /// </summary>
    public string ConnectionString(string role = PostgresSettings.Role, string database = PostgresSettings.Database) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Host=127.0.0.1;Port={Port};Username={role};Password={Password};Database={database};")
        + "Max Auto Prepare=0;No Reset On Close=true";
}

/// <summary>A PgBouncer that runs, or did.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    // It refuses to run as root too.
    private const string User = "postgres";

    private ServerProcess _process;

    private PgBouncer(PgBouncerSettings settings, ServerProcess process) => (Settings, _process) = (settings, process);

    public PgBouncerSettings Settings { get; }

    public ServerProcess Process => _process;

    /// <summary>Starts it.</summary>
    /// <param name="settings">Where.</param>
    /// <param name="serverPort">The port of the PostgreSQL server, on this machine.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public static async Task<PgBouncer> StartAsync(
        PgBouncerSettings settings, int serverPort, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(settings.Folder);
        await Tool.RunAsync(["chmod", "700", settings.Folder], "", settings.Folder, null, cancellationToken);
        await WriteConfigurationAsync(settings, serverPort, cancellationToken);
        return new PgBouncer(settings, await StartProcessAsync(settings, cancellationToken));
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static PgBouncer? Find(PgBouncerSettings settings) =>
        ServerProcess.Find(settings.Name, settings.Folder) is { } process ? new PgBouncer(settings, process) : null;

    /// <summary>
    /// Leads to another server from now on, after a failover. Connections to the old one end with their transactions.
    /// </summary>
    public async Task LeadToAsync(int serverPort, CancellationToken cancellationToken)
    {
        await WriteConfigurationAsync(Settings, serverPort, cancellationToken);
        _process.Send(Signals.Hangup);
    }

    /// <summary>How many clients there are, how many of them wait, and how many connections to the server.</summary>
    public async Task<(long Clients, long Waiting, long Servers)> CountAsync(CancellationToken cancellationToken)
    {
        var said = await Tool.RunAsync(
            [
                PostgresTools.Find("psql"), "--no-psqlrc", "--quiet", "--no-align", "--no-password", "--pset", "footer=off",
                "--command", "SHOW POOLS",
            ],
            "", Settings.Folder,
            new Dictionary<string, string>
            {
                ["PGHOST"] = "127.0.0.1",
                ["PGPORT"] = Settings.Port.ToString(CultureInfo.InvariantCulture),
                ["PGUSER"] = PostgresSettings.Role,
                ["PGPASSWORD"] = Settings.Password,
                ["PGDATABASE"] = "pgbouncer",
                ["PGCONNECT_TIMEOUT"] = "5",
            },
            cancellationToken);
        var rows = said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split('|')).ToArray();
        var pools = rows.Skip(1).Where(static row => row[0] != "pgbouncer").ToArray();
        // Each version has more columns than the one before, in the middle too.
        long Sum(params ReadOnlySpan<string> columns)
        {
            long sum = 0;
            foreach (var column in columns)
                sum += pools.Sum(row => long.Parse(row[Array.IndexOf(rows[0], column)], CultureInfo.InvariantCulture));
            return sum;
        }

        return (Sum("cl_active", "cl_waiting"), Sum("cl_waiting"), Sum("sv_active", "sv_idle", "sv_used"));
    }

    public Task StopAsync() => _process.StopAsync(Signals.Interrupt);

    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken) =>
        _process = await StartProcessAsync(Settings, cancellationToken);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static string Program => File.Exists("/usr/sbin/pgbouncer")
        ? "/usr/sbin/pgbouncer"
        : throw new ServerStartException("'/usr/sbin/pgbouncer' isn't there. Install PgBouncer (Debian: pgbouncer).");

    private static Task<ServerProcess> StartProcessAsync(PgBouncerSettings settings, CancellationToken cancellationToken) =>
        ServerProcess.StartAsync(
            new ServerStart(settings.Name, settings.Folder, [Program, ConfigurationFile(settings)], null, User),
            settings.Detached,
            stop => ServerProcess.ListensAsync(settings.Port, stop),
            cancellationToken);

    private static async Task WriteConfigurationAsync(
        PgBouncerSettings settings, int serverPort, CancellationToken cancellationToken)
    {
        var users = Path.Combine(settings.Folder, "users.txt");
        var password = settings.Password.Replace("\"", "\"\"", StringComparison.Ordinal);
        await File.WriteAllTextAsync(
            users, $"\"{PostgresSettings.Role}\" \"{password}\"\n", cancellationToken);
        await File.WriteAllLinesAsync(
            ConfigurationFile(settings),
            [
                "; Written at each start; changes are lost.",
                "[databases]",
                $"* = host=127.0.0.1 port={serverPort}",
                "[pgbouncer]",
                "listen_addr = 127.0.0.1",
                $"listen_port = {settings.Port}",
                "unix_socket_dir =",
                "auth_type = scram-sha-256",
                $"auth_file = {users}",
                "pool_mode = transaction",
                $"max_client_conn = {settings.ClientConnectionsMax}",
                $"default_pool_size = {settings.ServerConnectionsMax}",
                $"max_db_connections = {settings.ServerConnectionsMax}",
                // Who looks at how it is.
                $"stats_users = {PostgresSettings.Role}",
                "min_pool_size = 0",
                "reserve_pool_size = 0",
                // Of parameters at start, those that it doesn't know are refused otherwise.
                "ignore_startup_parameters = extra_float_digits",
                $"server_idle_timeout = {(int)settings.IdleTimeout.TotalSeconds}",
                "server_connect_timeout = 5",
                "server_login_retry = 1",
                "query_wait_timeout = 15",
                "tcp_keepidle = 10",
                "tcp_keepintvl = 5",
                "tcp_keepcnt = 3",
                "log_connections = 0",
                "log_disconnections = 0",
                "log_stats = 0",
            ],
            cancellationToken);
        if (Environment.UserName == "root")
            await Tool.RunAsync(["chown", "-R", $"{User}:", settings.Folder], "", settings.Folder, null, cancellationToken);
    }

    private static string ConfigurationFile(PgBouncerSettings settings) => Path.Combine(settings.Folder, "pgbouncer.ini");
}
