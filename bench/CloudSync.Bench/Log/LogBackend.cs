// A log to measure, on a fresh server or file of its own, and what it takes on disk.

using CloudSync.Log;
using CloudSync.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Bench.Log;

/// <summary>Starts what the log needs, opens it as an application would, and stops everything when it is disposed.</summary>
internal abstract class LogBackend : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("cloudsync-bench-log-");
    private IHost? _host;

    public static IReadOnlyList<string> Names { get; } = ["sqlite", "postgres", "pgbouncer"];

    public IOperationLog Log => _host!.Services.GetRequiredService<IOperationLog>();

    protected string Folder => _directory.FullName;

    public static async Task<LogBackend> StartAsync(string name, bool outbox, CancellationToken stop)
    {
        LogBackend backend = name switch
        {
            "sqlite" => new SqliteBackend(),
            "postgres" => new PostgreSqlBackend(throughPgBouncer: false),
            "pgbouncer" => new PostgreSqlBackend(throughPgBouncer: true),
            _ => throw new ArgumentException($"There is no backend '{name}'.", nameof(name)),
        };
        try
        {
            await backend.StartServersAsync(stop);
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Services.AddMetrics();
            builder.Services.AddSingleton(TimeProvider.System);
            builder.Services.Configure<OutboxOptions>(options => options.Enabled = outbox);
            backend.AddLog(builder.Services);
            backend._host = builder.Build();
            await backend._host.StartAsync(stop);
            return backend;
        }
        catch
        {
            await backend.DisposeAsync();
            throw;
        }
    }

    /// <summary>Bytes that the log takes on disk for good: without what is only written ahead.</summary>
    public abstract Task<long> MeasureBytesAsync(CancellationToken stop);

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.StopAsync();
            await ((IAsyncDisposable)_host).DisposeAsync();
        }

        await StopServersAsync();
        _directory.Delete(recursive: true);
    }

    protected virtual Task StartServersAsync(CancellationToken stop) => Task.CompletedTask;

    protected virtual Task StopServersAsync() => Task.CompletedTask;

    protected abstract void AddLog(IServiceCollection services);

    private sealed class SqliteBackend : LogBackend
    {
        private string Database => Path.Combine(Folder, "cloudsync.db");

        public override Task<long> MeasureBytesAsync(CancellationToken stop)
        {
            using var connection = LogConnection.ConnectWriter(Database, new SqliteLogOptions { Path = Database });
            connection.Execute("PRAGMA wal_checkpoint(PASSIVE)");
            return Task.FromResult(
                (connection.QueryInt64("PRAGMA page_count") - connection.QueryInt64("PRAGMA freelist_count"))
                * connection.QueryInt64("PRAGMA page_size"));
        }

        protected override void AddLog(IServiceCollection services) =>
            services.AddSqliteLog(options => options.Path = Database);
    }
}
