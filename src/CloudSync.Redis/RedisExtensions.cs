// UseRedis(): what gateways share besides the log goes over Redis.

using CloudSync;
using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Redis;
using CloudSync.Redis.Fanout;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds Redis to an application.</summary>
public static class RedisExtensions
{
    /// <summary>
    /// Lets several gateways on one log tell each other of edits and presence over Redis, share a cache of old versions, and
    /// know of each other's sessions. Options are bound from the configuration section "CloudSync:Redis".
    /// </summary>
    /// <remarks>
    /// Starting fails with <see cref="OptionsValidationException"/> if a server refuses the password, is no Redis or is too
    /// old. One that can't be reached doesn't stop anything: it is used as soon as it is there, and until then gateways
    /// read each other's edits from the log.
    /// </remarks>
    /// <param name="builder">What <c>AddCloudSync()</c> returned.</param>
    /// <param name="configure">Changes options after the configuration was read.</param>
    /// <returns>The builder.</returns>
    public static CloudSyncBuilder UseRedis(this CloudSyncBuilder builder, Action<RedisOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        var options = services.AddOptions<RedisOptions>().BindConfiguration("CloudSync:Redis").ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RedisOptions>, RedisOptionsValidator>());
        services.TryAddSingleton<RedisMetrics>();
        services.TryAddSingleton<RedisServers>();
        services.TryAddSingleton<RedisFanout>();
        services.Replace(ServiceDescriptor.Singleton<IFanout>(
            static provider => provider.GetRequiredService<RedisFanout>()));
        services.Replace(ServiceDescriptor.Singleton<IVersionCache, RedisVersionCache>());
        services.Replace(ServiceDescriptor.Singleton<ISessionRecords, RedisSessionRecords>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ConnectAtStart>());
        return builder;
    }

    /// <summary>Connects before anything of the host starts, so that a server that refuses us stops it there.</summary>
    private sealed class ConnectAtStart(RedisFanout fanout) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => fanout.StartAsync().WaitAsync(cancellationToken);

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
