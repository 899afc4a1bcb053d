// PostgreSQL, started for the measurement and stopped after it, directly or behind PgBouncer.

using System.Globalization;
using CloudSync.Cluster.Parts;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Bench.Log;

internal sealed class PostgreSqlBackend(bool throughPgBouncer) : LogBackend
{
    private readonly string _password = Guid.NewGuid().ToString("N");
    private PostgresServer? _server;
    private PgBouncer? _pgBouncer;

    public override async Task<long> MeasureBytesAsync(CancellationToken stop)
    {
        var bytes = await _server!.QueryAsync(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            + "(SELECT relnamespace FROM pg_class WHERE relname = 'operations')",
            stop, PostgresSettings.Database);
        return long.Parse(bytes, CultureInfo.InvariantCulture);
    }

    protected override async Task StartServersAsync(CancellationToken stop)
    {
        // The server runs as a user of its own, who has to get to his folder.
        if (OperatingSystem.IsWindows())
            throw new IOException("PostgreSQL is started here on Linux only.");
        File.SetUnixFileMode(
            Folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute
            | UnixFileMode.OtherExecute);
        _server = await PostgresServer.StartAsync(
            new PostgresSettings("postgres", Path.Combine(Folder, "postgres"), ServerProcess.FreePort(), _password), stop);
        if (throughPgBouncer)
        {
            _pgBouncer = await PgBouncer.StartAsync(
                new PgBouncerSettings("pgbouncer", Path.Combine(Folder, "pgbouncer"), ServerProcess.FreePort(), _password),
                _server.Settings.Port, stop);
        }
    }

    protected override void AddLog(IServiceCollection services) => services.AddPostgreSqlLog(options =>
        options.ConnectionString = _pgBouncer?.Settings.ConnectionString() ?? _server!.Settings.ConnectionString());

    protected override async Task StopServersAsync()
    {
        if (_pgBouncer is not null)
            await _pgBouncer.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }
}
