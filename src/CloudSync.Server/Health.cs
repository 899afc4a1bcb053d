// /health/live: the process answers. /health/ready: it can also reach its log.

using CloudSync.Documents;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudSync.Server;

internal static class Health
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    public static void AddHealth(this IServiceCollection services) =>
        services.AddHealthChecks().AddCheck<LogCheck>("log", timeout: _patience);

    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = static _ => false });
        endpoints.MapHealthChecks("/health/ready");
    }

    private sealed class LogCheck(DocumentService documents) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken)
        {
            await documents.ListAsync(null, 1, cancellationToken).ConfigureAwait(false);
            return HealthCheckResult.Healthy();
        }
    }
}
