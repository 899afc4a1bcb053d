// Adds the embedded log to an application.

using CloudSync.Log;
using CloudSync.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync;

/// <summary>Registers the operation log in a SQLite file.</summary>
public static class SqliteServiceCollectionExtensions
{
    /// <summary>
    /// Keeps the operation log in a SQLite file, which is opened when the host starts: starting fails with
    /// <see cref="LogUnusableException"/> if the file can't be used, or with <see cref="LogUnavailableException"/> if the
    /// disk is full or another process keeps it locked.
    /// </summary>
    public static IServiceCollection AddSqliteLog(
        this IServiceCollection services, Action<SqliteLogOptions>? configure = null)
    {
        var options = services.AddOptions<SqliteLogOptions>();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddSingleton<IOperationLog>(
            provider => SqliteOperationLog.Open(provider.GetRequiredService<IOptions<SqliteLogOptions>>().Value));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, OpenAtStart>());
        return services;
    }

    /// <summary>Needs the log before anything of the host starts, so that a file that can't be used stops it there.</summary>
    private sealed class OpenAtStart : IHostedService
    {
        public OpenAtStart(IOperationLog log) => ArgumentNullException.ThrowIfNull(log);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
