// Processes that die, stand still, or are stopped in order.

using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos.Faults;

/// <summary>kill -9 of a part with all its processes; started again a moment later.</summary>
internal sealed class Kill(ChaosCluster cluster, string part) : Fault
{
    public override string Details => $"{part} is killed";

    public override async Task InjectAsync(CancellationToken stop) => await (await cluster.PartAsync(part)).KillAsync();

    public override Task HealAsync(CancellationToken stop) => cluster.RestartAsync(part, stop);
}

/// <summary>The primary is killed, and the standby takes its place; the old one becomes the standby.</summary>
internal sealed class KillPrimary(ChaosCluster cluster) : Fault
{
    public override string Details => $"{cluster.State.Primary}, the primary, is killed";

    public override async Task InjectAsync(CancellationToken stop) => await (await cluster.PartAsync(cluster.State.Primary)).KillAsync();

    public override Task HealAsync(CancellationToken stop) => cluster.FailOverAsync(stop);

    public override Task ClearUpAsync(CancellationToken stop) => cluster.RestartAsync(cluster.State.Standby, stop);
}

/// <summary>SIGSTOP to all processes of a part: its connections stay, and nothing answers.</summary>
internal sealed class Pause(ChaosCluster cluster, string part) : Fault
{
    private ServerProcess? _process;

    public override string Details => $"{part} stands still";

    public override async Task InjectAsync(CancellationToken stop)
    {
        _process = (await cluster.PartAsync(part)).Process;
        _process?.Pause();
    }

    public override Task HealAsync(CancellationToken stop)
    {
        _process?.Resume();
        return Task.CompletedTask;
    }
}

/// <summary>Everything is killed at the same moment.</summary>
internal sealed class RestartAll(ChaosCluster cluster) : Fault
{
    public override string Details => "everything is killed";

    public override async Task InjectAsync(CancellationToken stop)
    {
        string[] names = [.. cluster.State.Postgres.Keys, .. cluster.Redis, "rabbitmq", "pgbouncer", .. cluster.Gateways, "worker", NginxServer.Name];
        var parts = await Task.WhenAll(names.Select(cluster.PartAsync));
        await Task.WhenAll(parts.Select(static part => part.KillAsync()));
    }

    public override Task HealAsync(CancellationToken stop) => cluster.RestartAllAsync(stop);
}

/// <summary>Each gateway in turn is told to end, as a deploy does it, and started again.</summary>
internal sealed class Deploy(ChaosCluster cluster) : Fault
{
    public override string Details => "each gateway is stopped in order and started again";

    public override async Task InjectAsync(CancellationToken stop)
    {
        foreach (var gateway in cluster.Gateways)
        {
            await (await cluster.PartAsync(gateway)).StopAsync();
            await cluster.RestartAsync(gateway, stop);
        }
    }

    public override Task HealAsync(CancellationToken stop) => Task.CompletedTask;
}
