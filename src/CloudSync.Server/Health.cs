// /health/live: the process answers. /health/ready: it can do its work; 503 if it can't, or is about to stop. Both tell, as
// JSON, how each part is: a part that is down and can be done without makes it "degraded", which is still ready.

using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Gateway;
using CloudSync.Log;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudSync.Server;

internal static class Health
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    public static IHealthChecksBuilder AddHealth(this IServiceCollection services) => services.AddHealthChecks()
        .AddCheck<DrainCheck>("gateway")
        .AddCheck<LogCheck>("log", timeout: _patience)
        .AddCheck<FanoutCheck>("fan-out");

    public static void MapHealth(this IEndpointRouteBuilder endpoints, ServerRole role)
    {
        Task Write(HttpContext context, HealthReport report) => WriteAsync(context, report, role);
        endpoints.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = static _ => false, ResponseWriter = Write });
        endpoints.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = Write });
    }

    private static Task WriteAsync(HttpContext context, HealthReport report, ServerRole role)
    {
        var status = context.RequestServices.GetRequiredService<GatewayStatus>();
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(
            new HealthResource(
                Text(report.Status), Text(role), status.GatewayId, status.IsDraining, status.Connections, status.OpenDocuments,
                report.Entries.ToDictionary(
                    static entry => entry.Key,
                    static entry => new PartResource(Text(entry.Value.Status), entry.Value.Description))),
            HealthJson.Default.HealthResource));
    }

    private static string Text<T>(T value)
        where T : struct, Enum => $"{value}".ToLowerInvariant();

    // From the first moment of a stop, so that a load balancer hears of it while connections are still served.
    private sealed class DrainCheck(GatewayStatus status) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
            Task.FromResult(status.IsDraining ? HealthCheckResult.Unhealthy("It stops.") : HealthCheckResult.Healthy());
    }

    private sealed class LogCheck(DocumentService documents, GatewayStatus status) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken)
        {
            try
            {
                await documents.ListAsync(null, 1, cancellationToken).ConfigureAwait(false);
                // It serves those who read; and a gateway that is taken away doesn't make the log writable for the others.
                return status.LogTrouble is { } trouble ? HealthCheckResult.Degraded(trouble) : HealthCheckResult.Healthy();
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                // What a refusal says is for clients; what else is in an exception is not for whoever asks.
                var cause = exception is RefusedException { InnerException: { } inner } ? inner : exception;
                return HealthCheckResult.Unhealthy(
                    cause is LogUnavailableException or LogUnusableException ? cause.Message : "It can't be read.");
            }
        }
    }

    private sealed class FanoutCheck(IFanout fanout) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
            Task.FromResult(fanout.IsHealthy
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Degraded("Edits of other gateways are read from the log, a little later."));
    }
}

/// <summary>What /health/ready says.</summary>
internal sealed record HealthResource(
    string Status, string Role, string Gateway, bool Draining, int Connections, int Documents,
    IReadOnlyDictionary<string, PartResource> Parts);

/// <summary>How a part is.</summary>
internal sealed record PartResource(string Status, string? Detail);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthResource))]
internal sealed partial class HealthJson : JsonSerializerContext;
