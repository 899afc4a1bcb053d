// Whether delivery works, and what waits: for the health check, the metrics and whoever logs that it changed.

using CloudSync.Log;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudSync.Delivery;

/// <summary>Thread-safe.</summary>
internal sealed class DeliveryState
{
    private readonly Lock _gate = new();
    private string? _reason;
    private OutboxDepth _depth;

    public bool IsUp => Reason is null;

    /// <summary>Why nothing can be delivered; null if it can, as far as is known.</summary>
    public string? Reason
    {
        get
        {
            lock (_gate)
                return _reason;
        }
    }

    public OutboxDepth Depth
    {
        get
        {
            lock (_gate)
                return _depth;
        }
        set
        {
            lock (_gate)
                _depth = value;
        }
    }

    /// <summary>True if it was up until now.</summary>
    public bool Down(string reason)
    {
        lock (_gate)
        {
            var was = _reason;
            _reason = reason;
            return was is null;
        }
    }

    /// <summary>True if it was down until now.</summary>
    public bool Up()
    {
        lock (_gate)
        {
            var was = _reason;
            _reason = null;
            return was is not null;
        }
    }
}

/// <summary>Degraded, not unhealthy: people can edit, and nothing is lost.</summary>
internal sealed class DeliveryHealth(DeliveryState state) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
        Task.FromResult(state.Reason is { } reason
            ? HealthCheckResult.Degraded($"{reason} Batches that wait in the outbox: {state.Depth.Batches}.")
            : HealthCheckResult.Healthy());
}
