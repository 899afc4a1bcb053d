// UsePostgreSql(): adds the log in PostgreSQL to an application.

using System.Diagnostics.Metrics;
using CloudSync;
using CloudSync.Log;
using CloudSync.PostgreSql;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the operation log in a PostgreSQL database to an application.</summary>
public static class PostgreSqlLogExtensions
{
    /// <summary>
    /// Keeps the operation log in a PostgreSQL database. It is opened, and its tables are created if need be, when the host
    /// starts; starting fails with <see cref="LogUnusableException"/> if the database can't be used, and with
    /// <see cref="LogUnavailableException"/> if the server doesn't answer.
    /// </summary>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="connectionString">The database, directly or through PgBouncer.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder UsePostgreSql(this CloudSyncBuilder builder, string connectionString) =>
        builder.UsePostgreSql(options => options.ConnectionString = connectionString);

    /// <summary>Like <see cref="UsePostgreSql(CloudSyncBuilder, string)"/>, with all options.</summary>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder UsePostgreSql(this CloudSyncBuilder builder, Action<PostgreSqlLogOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddPostgreSqlLog(configure);
        return builder;
    }

    /// <summary>The log alone, usable without the rest of CloudSync.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddPostgreSqlLog(
        this IServiceCollection services, Action<PostgreSqlLogOptions> configure)
    {
        services.AddOptions<PostgreSqlLogOptions>().Configure(configure).ValidateOnStart();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<PostgreSqlLogOptions>, PostgreSqlLogOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static provider => new PostgreSqlMetrics(provider.GetService<IMeterFactory>()));
        // Blocks whoever asks for it first: the host, before anything of it starts.
        services.TryAddSingleton(static provider => Task.Run(() => PostgreSqlOperationLog.OpenAsync(
            provider.GetRequiredService<IOptions<PostgreSqlLogOptions>>().Value,
            provider.GetRequiredService<IOptions<OutboxOptions>>().Value.Enabled,
            provider.GetRequiredService<PostgreSqlMetrics>(),
            provider.GetService<ILoggerFactory>()?.CreateLogger("CloudSync.PostgreSql") ?? NullLogger.Instance,
            provider.GetRequiredService<TimeProvider>(),
            CancellationToken.None)).GetAwaiter().GetResult());
        services.TryAddSingleton<IOperationLog>(static provider => provider.GetRequiredService<PostgreSqlOperationLog>());
        services.TryAddSingleton<IOutbox>(static provider => provider.GetRequiredService<PostgreSqlOperationLog>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, OpenAtStart>());
        return services;
    }

    /// <summary>Needs the log before anything of the host starts, so that a database that can't be used stops it there.</summary>
    private sealed class OpenAtStart : IHostedService
    {
        public OpenAtStart(IOperationLog log) => ArgumentNullException.ThrowIfNull(log);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
