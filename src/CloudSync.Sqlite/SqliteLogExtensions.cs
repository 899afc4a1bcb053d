// UseSqlite(): adds the embedded log to an application.

using CloudSync;
using CloudSync.Log;
using CloudSync.Sqlite;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the operation log in a SQLite file to an application.</summary>
public static class SqliteLogExtensions
{
    /// <summary>
    /// Keeps the operation log in a SQLite file. It is opened, and created if need be, when the host starts; starting
    /// fails with <see cref="LogUnusableException"/> if the file can't be used, and with
    /// <see cref="LogUnavailableException"/> if the disk is full or another process keeps the file locked.
    /// </summary>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="path">The file.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder UseSqlite(this CloudSyncBuilder builder, string path)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSqliteLog(options => options.Path = path);
        return builder;
    }

    /// <summary>Like <see cref="UseSqlite"/>, with all options, and usable without the rest of CloudSync.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddSqliteLog(
        this IServiceCollection services, Action<SqliteLogOptions> configure)
    {
        services.AddOptions<SqliteLogOptions>().Configure(configure);
        services.TryAddSingleton(provider => SqliteOperationLog.Open(
            provider.GetRequiredService<IOptions<SqliteLogOptions>>().Value,
            provider.GetRequiredService<IOptions<OutboxOptions>>().Value.Enabled));
        services.TryAddSingleton<IOperationLog>(static provider => provider.GetRequiredService<SqliteOperationLog>());
        services.TryAddSingleton<IOutbox>(static provider => provider.GetRequiredService<SqliteOperationLog>());
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
