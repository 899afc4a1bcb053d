// What AddCloudSync() returns: where adapters (the log, the fan-out) are added to.

using Microsoft.Extensions.DependencyInjection;

namespace CloudSync;

/// <summary>Adds parts to CloudSync: a log, a fan-out between gateways, an authenticator.</summary>
public sealed class CloudSyncBuilder
{
    internal CloudSyncBuilder(IServiceCollection services) => Services = services;

    /// <summary>The application's services.</summary>
    public IServiceCollection Services { get; }
}
