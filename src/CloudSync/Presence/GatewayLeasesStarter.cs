// Keeps this gateway's lease from the start of the host.

using Microsoft.Extensions.Hosting;

namespace CloudSync.Presence;

internal sealed class GatewayLeasesStarter(GatewayLeases leases) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => leases.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
