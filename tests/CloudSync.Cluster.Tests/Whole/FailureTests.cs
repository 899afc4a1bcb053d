// Each part dies as if its machine had, while people write. Nothing acknowledged is lost, whatever it is; and when it is back,
// all is well.

using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class FailureTests(RunningCluster cluster)
{
    [Fact]
    public async Task A_gateway_is_killed()
    {
        await using var writers = await WritersAsync();
        await cluster.Part("gateway-1").KillAsync();
        // Those that were on it come back, through NGINX, on another; the one past NGINX waits for this very gateway.
        await writers.WriteMoreAsync(50);
        await cluster.RecoverAsync();
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
    }

    [Theory]
    [InlineData("redis-1")]
    [InlineData("redis-2")]
    public async Task A_Redis_is_killed(string name)
    {
        await using var writers = await WritersAsync();
        await cluster.Part(name).KillAsync();
        await writers.WriteMoreAsync(50);
        var status = await cluster.StatusAsync();
        Assert.Equal(PartStatus.Down, status.Parts.Single(part => part.Name == name).State);
        await writers.FinishAsync();
        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task RabbitMQ_is_killed_and_its_port_mapper_is_not()
    {
        await using var writers = await WritersAsync();
        var rabbit = cluster.Part("rabbitmq");
        // As an operator does with the process id that status shows; nobody knows the other one any more.
        rabbit.Process!.Send(CloudSync.Cluster.Parts.Signals.Kill);
        await Eventually.IsAsync(() => Task.FromResult(rabbit.Process is null), static () => "It still runs.");
        File.Delete(Path.Combine(rabbit.Folder, "epmd.pid"));
        Assert.NotEmpty(rabbit.LeftBehind());
        Assert.Contains("lives on", (await cluster.StatusAsync()).Parts.Single(static part => part.Name == "rabbitmq").Details, StringComparison.Ordinal);
        await writers.WriteMoreAsync(50);
        await cluster.RecoverAsync();
        await writers.WriteMoreAsync(20);
        await writers.FinishAsync();
    }

    [Fact]
    public async Task PgBouncer_is_killed()
    {
        await using var writers = await WritersAsync();
        await cluster.Part("pgbouncer").KillAsync();
        await cluster.RecoverAsync();
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
    }

    [Fact]
    public async Task The_worker_is_killed()
    {
        await using var writers = await WritersAsync();
        await cluster.Part("worker").KillAsync();
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task NGINX_is_killed()
    {
        await using var writers = await WritersAsync();
        await cluster.Part("nginx").KillAsync();
        await cluster.RecoverAsync();
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
    }

    [Fact]
    public async Task The_primary_of_PostgreSQL_is_killed_and_the_standby_takes_its_place()
    {
        await using var writers = await WritersAsync();
        var (old, next) = (cluster.Cluster.State.Primary, cluster.Cluster.State.Standby);
        await cluster.Part(old).KillAsync();
        await cluster.Cluster.FailOverAsync(null, RunningCluster.Cancellation);
        await writers.WriteMoreAsync(50);
        Assert.Equal(next, cluster.Cluster.State.Primary);

        // The old one comes back as the standby.
        await cluster.RecoverAsync();
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
    }

    [Fact]
    public async Task A_planned_failover_makes_the_old_primary_the_standby_at_once()
    {
        await using var writers = await WritersAsync();
        var (old, next) = (cluster.Cluster.State.Primary, cluster.Cluster.State.Standby);
        Assert.True(await cluster.Cluster.FailOverAsync(null, RunningCluster.Cancellation));
        Assert.Equal((next, old), (cluster.Cluster.State.Primary, cluster.Cluster.State.Standby));
        // Nobody has started anything.
        var primary = await cluster.Part(next).LookAsync(RunningCluster.Cancellation);
        Assert.True(primary.IsWell, primary.Details);
        await writers.WriteMoreAsync(50);
        await writers.FinishAsync();
        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task A_failover_that_could_lose_an_edit_is_refused_and_the_next_start_mends_what_it_wanted()
    {
        var primary = ((ClusterPart<CloudSync.Cluster.Parts.PostgresServer>)cluster.Part(cluster.Cluster.State.Primary)).Server!;
        await primary.SetSynchronousStandbyAsync("", RunningCluster.Cancellation);
        await Eventually.IsAsync(
            async () => (await cluster.Part(cluster.Cluster.State.Primary).LookAsync(RunningCluster.Cancellation)).Details.Contains(
                "EVERY EDIT IS ON THIS DISK ONLY", StringComparison.Ordinal),
            static () => "It is not said that an edit is on one disk only.");

        var refused = await Assert.ThrowsAsync<ClusterUsageException>(() => cluster.Cluster.FailOverAsync(null, RunningCluster.Cancellation));
        Assert.Contains("may not have every edit", refused.Message, StringComparison.Ordinal);
        Assert.True(primary.Process.IsRunning);

        await cluster.RecoverAsync();
    }

    [Fact]
    public async Task While_the_standby_is_away_the_status_says_that_writing_stands_still()
    {
        var standby = cluster.Part(cluster.Cluster.State.Standby);
        await standby.KillAsync();
        await Eventually.IsAsync(
            async () => (await cluster.StatusAsync()).Parts.Single(part => part.Name == cluster.Cluster.State.Primary) is
                { State: PartStatus.Ill } primary && primary.Details.Contains("WRITING STANDS STILL", StringComparison.Ordinal),
            static () => "It is not said that edits wait.");
        await cluster.RecoverAsync();
    }

    // Two through NGINX, and one at each of two gateways.
    private async Task<Writers> WritersAsync()
    {
        var writers = await Writers.StartAsync(
            cluster, cluster.Endpoint, cluster.Endpoint, cluster.EndpointOf(0), cluster.EndpointOf(1));
        await writers.WriteMoreAsync(50);
        return writers;
    }
}
