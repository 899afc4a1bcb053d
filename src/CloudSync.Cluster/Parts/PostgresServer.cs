// A PostgreSQL server in a folder of its own: a primary, or a standby that follows one.
//
// Everything it is told stands in the two files that are written at each start, postgresql.conf and pg_hba.conf.

using System.Diagnostics;
using System.Globalization;

namespace CloudSync.Cluster.Parts;

/// <summary>Where a PostgreSQL server is and how it is reached.</summary>
/// <param name="Name">Names the process, its log, and a standby towards its primary.</param>
/// <param name="Folder">Its folder; the data is in "data" below it.</param>
/// <param name="Port">Where it listens, on 127.0.0.1 only.</param>
/// <param name="Password">Of the program's role, the superuser's and the standby's.</param>
/// <param name="Detached">Whether it outlives this process.</param>
public sealed record PostgresSettings(string Name, string Folder, int Port, string Password, bool Detached = false)
{
    /// <summary>The role that the program uses; it owns <see cref="Database"/> and nothing else.</summary>
    public const string Role = "cloudsync";

    public const string Database = "cloudsync";

    /// <summary>For tests, backups and whoever keeps the server; the program never uses it.</summary>
    public const string Superuser = "postgres";

    /// <summary>The role that standbys follow with.</summary>
    public const string Replicator = "replicator";

    public int ConnectionsMax { get; init; } = 100;

    /// <summary>More settings, as they stand in postgresql.conf.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    internal string Data => Path.Combine(Folder, "data");

    /// <summary>How the program, or another role, connects.</summary>
    public string ConnectionString(string role = Role, string database = Database) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Host=127.0.0.1;Port={Port};Username={role};Password={Password};Database={database}");
}

/// <summary>A PostgreSQL server that runs, or did.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string User = "postgres";
    private const string SynchronousFileName = "synchronous.conf";

    private static readonly TimeSpan _followPatience = TimeSpan.FromSeconds(120);

    private ServerProcess _process;

    private PostgresServer(PostgresSettings settings, ServerProcess process) => (Settings, _process) = (settings, process);

    public PostgresSettings Settings { get; }

    public ServerProcess Process => _process;

    /// <summary>Starts a primary; makes it first, with the program's role and database, if its folder is empty.</summary>
    public static async Task<PostgresServer> StartAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        var isNew = !File.Exists(Path.Combine(settings.Data, "PG_VERSION"));
        if (isNew)
        {
            await PrepareFolderAsync(settings, cancellationToken);
            await InitializeAsync(settings, cancellationToken);
        }

        var server = new PostgresServer(settings, await StartProcessAsync(settings, cancellationToken));
        if (!isNew)
            return server;
        var password = settings.Password.Replace("'", "''", StringComparison.Ordinal);
        await server.QueryAsync(
            $"""
            CREATE ROLE {PostgresSettings.Role} LOGIN PASSWORD '{password}';
            CREATE ROLE {PostgresSettings.Replicator} LOGIN REPLICATION PASSWORD '{password}';
            """,
            cancellationToken);
        await server.QueryAsync(
            $"CREATE DATABASE {PostgresSettings.Database} OWNER {PostgresSettings.Role}", cancellationToken);
        return server;
    }

    /// <summary>
    /// Starts a standby; copies the primary first if its folder is empty. It keeps its place in the primary's log in a
    /// replication slot of its name, so it can be away for as much as the primary keeps (max_slot_wal_keep_size).
    /// </summary>
    public static Task<PostgresServer> StartStandbyAsync(
        PostgresSettings settings, PostgresServer primary, CancellationToken cancellationToken) =>
        StartStandbyAsync(settings, primary, primary.Settings.Port, cancellationToken);

    /// <summary>The same, the primary being found at another port than it listens on.</summary>
    public static async Task<PostgresServer> StartStandbyAsync(
        PostgresSettings settings, PostgresServer primary, int primaryPort, CancellationToken cancellationToken)
    {
        if (!File.Exists(Path.Combine(settings.Data, "PG_VERSION")))
        {
            await PrepareFolderAsync(settings, cancellationToken);
            var slot = settings.Name.Replace('-', '_');
            await Tool.RunAsync(
                [
                    PostgresTools.Find("pg_basebackup"), "--pgdata", settings.Data, "--write-recovery-conf",
                    "--create-slot", "--slot", slot, "--checkpoint", "fast", "--no-password", "--dbname",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"host=127.0.0.1 port={primaryPort} user={PostgresSettings.Replicator} application_name={slot} keepalives_idle=10"),
                ],
                User, settings.Folder, new Dictionary<string, string> { ["PGPASSWORD"] = settings.Password },
                cancellationToken);
        }

        return new PostgresServer(settings, await StartProcessAsync(settings, cancellationToken));
    }

    /// <summary>One that was started detached and still runs; null if it doesn't.</summary>
    public static PostgresServer? Find(PostgresSettings settings) =>
        ServerProcess.Find(settings.Name, settings.Folder) is { } process ? new PostgresServer(settings, process) : null;

    /// <summary>
    /// From now on a commit is acknowledged only when this standby has it on disk too; empty: when the primary has it.
    /// </summary>
    /// <exception cref="ServerStartException">The standby doesn't follow; commits don't wait for it.</exception>
    public async Task SetSynchronousStandbyAsync(string standbyName, CancellationToken cancellationToken)
    {
        var value = ValueFor(standbyName);
        // First it has all there is: nothing is lost if it becomes the primary as soon as it is waited for, and nobody waits
        // for one that never comes.
        var patience = Stopwatch.StartNew();
        while (standbyName.Length > 0 && await QueryAsync(
            $"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '{Replica(standbyName)}'",
            cancellationToken) != "1")
        {
            if (patience.Elapsed > _followPatience)
                throw new ServerStartException($"{standbyName} doesn't follow {Settings.Name} after {_followPatience.TotalSeconds:0} s; the logs of both say why.");
            await Task.Delay(20, cancellationToken);
        }

        await File.WriteAllTextAsync(
            SynchronousFile(Settings), $"synchronous_standby_names = '{value}'\n", cancellationToken);
        await QueryAsync("SELECT pg_reload_conf()", cancellationToken);
        while (await QueryAsync("SHOW synchronous_standby_names", cancellationToken) != value)
            await Task.Delay(20, cancellationToken);
        while (standbyName.Length > 0
            && await QueryAsync("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", cancellationToken) != "1")
            await Task.Delay(20, cancellationToken);
    }

    /// <summary>Whether commits wait for this standby, and it follows.</summary>
    public async Task<bool> HasSynchronousStandbyAsync(string standbyName, CancellationToken cancellationToken) =>
        await QueryAsync(
            $"SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming' AND application_name = '{Replica(standbyName)}'",
            cancellationToken) == "1";

    /// <summary>Whether the primary in a folder was told to wait for this standby. It needn't run.</summary>
    public static bool WaitsFor(string folder, string standbyName)
    {
        var file = Path.Combine(folder, "data", SynchronousFileName);
        return File.Exists(file) && File.ReadAllText(file).Contains(ValueFor(standbyName), StringComparison.Ordinal);
    }

    /// <summary>Makes a primary of a standby: failover by hand. The old primary must not come back beside it.</summary>
    public async Task PromoteAsync(CancellationToken cancellationToken)
    {
        if (await QueryAsync("SELECT pg_promote(true, 60)", cancellationToken) != "t")
            throw new ServerStartException($"{Settings.Name} wasn't promoted. See {_process.LogFile}");
    }

    /// <summary>Runs SQL as the superuser; the rows, columns parted by '|'.</summary>
    public Task<string> QueryAsync(
        string sql, CancellationToken cancellationToken, string database = PostgresSettings.Superuser) =>
        QueryAsync(Settings, sql, database, cancellationToken);

    /// <summary>An orderly end; transactions under way are rolled back.</summary>
    public Task StopAsync() => _process.StopAsync(Signals.Interrupt);

    /// <summary>Ends it and all its processes at once, as if its machine had died.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Stops the clock of the server and all its processes: its connections stay and nothing answers.</summary>
    public void Pause() => _process.Pause();

    /// <summary>Lets it go on.</summary>
    public void Resume() => _process.Resume();

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken) =>
        _process = await StartProcessAsync(Settings, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (Settings.Detached)
            return;
        if (_process.IsRunning)
            await KillAsync();
        await _process.DisposeAsync();
    }

    private static async Task<string> QueryAsync(
        PostgresSettings settings, string sql, string database, CancellationToken cancellationToken)
    {
        var output = await Tool.RunAsync(
            [
                PostgresTools.Find("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password",
                "--set", "ON_ERROR_STOP=1", "--command", sql,
            ],
            "", settings.Folder,
            new Dictionary<string, string>
            {
                ["PGHOST"] = "127.0.0.1",
                ["PGPORT"] = settings.Port.ToString(CultureInfo.InvariantCulture),
                ["PGUSER"] = PostgresSettings.Superuser,
                ["PGPASSWORD"] = settings.Password,
                ["PGDATABASE"] = database,
                ["PGCONNECT_TIMEOUT"] = "5",
            },
            cancellationToken);
        return output.Trim();
    }

    private static async Task PrepareFolderAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(settings.Folder);
        await Tool.RunAsync(["chmod", "700", settings.Folder], "", settings.Folder, null, cancellationToken);
        if (Environment.UserName != "root")
            return;
        // PostgreSQL refuses to run as root.
        await Tool.RunAsync(["chown", $"{User}:", settings.Folder], "", settings.Folder, null, cancellationToken);
        await CheckReachAsync(settings.Folder, cancellationToken);
    }

    /// <summary>Whether the user who runs PostgreSQL gets to a folder.</summary>
    /// <exception cref="ServerStartException">He doesn't; says what to do.</exception>
    public static async Task CheckReachAsync(string folder, CancellationToken cancellationToken)
    {
        if (Environment.UserName != "root")
            return;
        try
        {
            await Tool.RunAsync(["test", "-x", folder], User, "/", null, cancellationToken);
        }
        catch (ServerStartException)
        {
            throw new ServerStartException(
                $"The user '{User}', who runs PostgreSQL, can't reach '{folder}': make it and the folders above it readable for all, or choose another.");
        }
    }

    private static async Task InitializeAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        var passwordFile = Path.Combine(settings.Folder, "initial-password");
        await File.WriteAllTextAsync(passwordFile, settings.Password + "\n", cancellationToken);
        try
        {
            if (Environment.UserName == "root")
                await Tool.RunAsync(["chown", User, passwordFile], "", settings.Folder, null, cancellationToken);
            await Tool.RunAsync(
                [
                    PostgresTools.Find("initdb"), "--pgdata", settings.Data, "--username", PostgresSettings.Superuser,
                    "--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
                ],
                User, settings.Folder, null, cancellationToken);
        }
        finally
        {
            File.Delete(passwordFile);
        }
    }

    private static async Task<ServerProcess> StartProcessAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        await ServerProcess.EndAllAsync(settings.Name, settings.Folder);
        ForgetZombie(Path.Combine(settings.Data, "postmaster.pid"));
        await WriteConfigurationAsync(settings, cancellationToken);
        return await ServerProcess.StartAsync(
            new ServerStart(
                settings.Name, settings.Folder, [PostgresTools.Find("postgres"), "-D", settings.Data], null, User),
            settings.Detached,
            async stop => await ServerProcess.ListensAsync(settings.Port, stop) && await AnswersAsync(settings, stop),
            cancellationToken);
    }

    // PostgreSQL refuses to start beside a server that was killed and that nobody has reaped yet, as if it ran. None of its
    // processes does any more.
    private static void ForgetZombie(string file)
    {
        if (File.Exists(file) && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out var id)
            && ProcessIdentity.IsZombie(id))
            File.Delete(file);
    }

    private static async Task<bool> AnswersAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        try
        {
            return await QueryAsync(settings, "SELECT 1", PostgresSettings.Superuser, cancellationToken) == "1";
        }
        catch (ServerStartException)
        {
            return false; // Still starting up, or following its primary to where it is consistent.
        }
    }

    private static async Task WriteConfigurationAsync(PostgresSettings settings, CancellationToken cancellationToken)
    {
        string[] lines =
        [
            "# Written at each start; changes are lost.",
            "listen_addresses = '127.0.0.1'",
            $"port = {settings.Port}",
            "unix_socket_directories = ''",
            $"cluster_name = '{settings.Name}'",
            $"max_connections = {settings.ConnectionsMax}",
            "password_encryption = 'scram-sha-256'",
            // Law 2.
            "fsync = on",
            "full_page_writes = on",
            "synchronous_commit = on",
            // Two cores, and a machine that others use as well.
            "shared_buffers = '256MB'",
            "effective_cache_size = '2GB'",
            "jit = off",
            "max_parallel_workers_per_gather = 0",
            "wal_buffers = '16MB'",
            "wal_compression = lz4",
            "checkpoint_timeout = '10min'",
            "max_wal_size = '4GB'",
            "checkpoint_completion_target = 0.9",
            "autovacuum_naptime = '20s'",
            // Replication; a standby that never comes back mustn't fill the disk.
            "wal_level = replica",
            "max_wal_senders = 8",
            "max_replication_slots = 8",
            "max_slot_wal_keep_size = '8GB'",
            "hot_standby = on",
            "hot_standby_feedback = on",
            "wal_receiver_status_interval = '1s'",
            "wal_retrieve_retry_interval = '500ms'",
            // A client whose machine is gone holds no lock for longer than this.
            "tcp_keepalives_idle = 10",
            "tcp_keepalives_interval = 5",
            "tcp_keepalives_count = 3",
            "client_connection_check_interval = '5s'",
            "logging_collector = off",
            "log_line_prefix = '%m [%p] %u@%d '",
            "log_timezone = 'UTC'",
            "timezone = 'UTC'",
            "include_if_exists = 'synchronous.conf'",
            .. settings.More,
        ];
        await File.WriteAllLinesAsync(Path.Combine(settings.Data, "postgresql.conf"), lines, cancellationToken);
        await File.WriteAllLinesAsync(
            Path.Combine(settings.Data, "pg_hba.conf"),
            [
                "# Written at each start; changes are lost.",
                "host all all 127.0.0.1/32 scram-sha-256",
                $"host replication {PostgresSettings.Replicator} 127.0.0.1/32 scram-sha-256",
            ],
            cancellationToken);
        // A copy of the primary's would make a promoted standby wait for itself.
        if (File.Exists(Path.Combine(settings.Data, "standby.signal")))
            File.Delete(SynchronousFile(settings));
    }

    private static string SynchronousFile(PostgresSettings settings) => Path.Combine(settings.Data, SynchronousFileName);

    // How a standby calls itself towards its primary.
    private static string Replica(string standbyName) => standbyName.Replace('-', '_');

    private static string ValueFor(string standbyName) => standbyName.Length == 0 ? "" : $"FIRST 1 ({Replica(standbyName)})";
}

/// <summary>Where PostgreSQL's programs are.</summary>
internal static class PostgresTools
{
    private const string Versions = "/usr/lib/postgresql";

    /// <summary>The program of the newest version that is installed.</summary>
    public static string Find(string name)
    {
        if (Directory.Exists(Versions))
        {
            var found = Directory.GetDirectories(Versions)
                .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), out var version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin", name))
                .FirstOrDefault(File.Exists);
            if (found is not null)
                return found;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists)
            ?? throw new ServerStartException($"'{name}' isn't there. Install PostgreSQL 15 or newer (Debian: postgresql).");
    }
}
