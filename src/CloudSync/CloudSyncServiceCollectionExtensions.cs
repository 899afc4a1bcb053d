// AddCloudSync(): everything of CloudSync but the log, which an adapter adds.

using CloudSync;
using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Gateway;
using CloudSync.Gateway.Polling;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds CloudSync to an application.</summary>
public static class CloudSyncServiceCollectionExtensions
{
    /// <summary>
    /// Adds documents, presence and the gateway, with options from the configuration section "CloudSync". Add a log to
    /// the builder that is returned, and the endpoint with <c>MapCloudSync()</c>.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Changes options after the configuration was read.</param>
    /// <returns>Where a log and other parts are added.</returns>
    public static CloudSyncBuilder AddCloudSync(
        this IServiceCollection services, Action<CloudSyncOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptions<CloudSyncOptions>().BindConfiguration("CloudSync").ValidateOnStart();
        if (configure is not null)
            options.Configure(configure);
        options.PostConfigure(static options =>
        {
            if (string.IsNullOrWhiteSpace(options.GatewayId))
                options.GatewayId = Guid.NewGuid().ToString("N")[..12];
        });
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<CloudSyncOptions>, CloudSyncOptionsValidator>());
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IFanout, InProcessFanout>();
        services.AddDocuments();
        services.TryAddSingleton<ConnectionTable>();
        services.TryAddSingleton<GatewayMetrics>();
        services.TryAddSingleton(static provider => ProcessLag.OfThreadPool(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<GatewayEnvironment>();
        services.TryAddSingleton<GatewayEndpoint>();
        services.TryAddSingleton<PolledConnections>();
        services.TryAddSingleton<PollingMetrics>();
        services.TryAddSingleton<PollingEndpoint>();
        services.TryAddSingleton(static provider => new GatewayStatus(
            provider.GetRequiredService<GatewayEnvironment>(), provider.GetRequiredService<OpenDocuments>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ConnectionSweep>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PolledConnections>(
            static provider => provider.GetRequiredService<PolledConnections>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, GatewayDrain>());
        return new CloudSyncBuilder(services);
    }
}
