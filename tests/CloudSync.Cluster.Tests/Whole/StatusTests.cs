// `status` tells the truth.

using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

public sealed class StatusTests(RunningCluster cluster)
{
    [Fact]
    public async Task All_parts_are_named_with_what_they_are_and_are_well()
    {
        await cluster.RecoverAsync();
        var status = JsonNode.Parse((await cluster.StatusAsync()).ToJson())!;
        Assert.True((bool)status["well"]!, status.ToJsonString());
        var parts = status["parts"]!.AsArray().ToDictionary(static part => (string)part!["name"]!, static part => part!);
        Assert.Equal(
            ["nginx", "pgbouncer", "postgres-1", "postgres-2", "rabbitmq", "redis-1", "redis-2", "worker"],
            parts.Keys.Where(static name => !name.StartsWith("gateway-", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(RunningCluster.Gateways, parts.Keys.Count(static name => name.StartsWith("gateway-", StringComparison.Ordinal)));
        foreach (var (name, part) in parts)
        {
            Assert.Equal(cluster.Part(name).Process!.Id, (int)part["processId"]!);
            Assert.Matches(@"^\d+\.\d+", (string)part["version"]!);
            Assert.Equal((int)part["port"]!, new Uri((string)part["address"]!).Port);
        }

        var primary = parts[cluster.Cluster.State.Primary]["values"]!;
        Assert.Equal("sync", (string)primary["standby"]!);
        // Secrets are for those who may read the state file.
        Assert.DoesNotContain(cluster.Cluster.State.Password, status.ToJsonString());
    }

    [Fact]
    public async Task A_part_that_was_killed_is_down_and_only_that_is_started_again()
    {
        var before = cluster.Cluster.Parts.ToDictionary(static part => part.Name, static part => part.Process!.Id);
        await cluster.Part("redis-2").KillAsync();

        var status = await cluster.StatusAsync();
        Assert.False(status.Well);
        var part = status.Parts.Single(static part => part.Name == "redis-2");
        Assert.Equal((PartStatus.Down, null), (part.State, part.ProcessId));

        Assert.Equal(1, await cluster.Cluster.StartAsync(null, RunningCluster.Cancellation));
        await cluster.RecoverAsync();
        Assert.Equal(
            before.Where(static part => part.Key != "redis-2"),
            cluster.Cluster.Parts.Where(static part => part.Name != "redis-2")
                .Select(static part => KeyValuePair.Create(part.Name, part.Process!.Id)));
    }

    [Fact]
    public async Task RabbitMQ_whose_port_mapper_has_ended_is_not_well_and_is_given_another_while_it_runs()
    {
        var rabbit = ((ClusterPart<CloudSync.Cluster.Parts.RabbitMqServer>)cluster.Part("rabbitmq")).Server!;
        await CloudSync.Cluster.Parts.ServerProcess.Find("epmd", rabbit.Settings.Folder)!.KillAsync();

        var part = (await cluster.StatusAsync()).Parts.Single(static part => part.Name == "rabbitmq");
        Assert.Equal(PartStatus.Ill, part.State);
        Assert.Contains("port mapper", part.Details, StringComparison.Ordinal);

        Assert.Equal(1, await cluster.Cluster.StartAsync(null, RunningCluster.Cancellation));
        await cluster.RecoverAsync();
        Assert.Equal(rabbit.Id, cluster.Part("rabbitmq").Process!.Id);
    }

    [Fact]
    public async Task A_part_that_stands_still_is_not_well()
    {
        var redis = cluster.Part("redis-1");
        redis.Process!.Pause();
        try
        {
            var part = (await cluster.StatusAsync()).Parts.Single(static part => part.Name == "redis-1");
            Assert.Equal((PartStatus.Ill, redis.Process.Id), (part.State, part.ProcessId));
        }
        finally
        {
            redis.Process.Resume();
        }

        await cluster.RecoverAsync();
    }

    [Fact]
    public void The_state_file_is_for_its_owner_only() => Assert.Equal(
        UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ClusterState.FileIn(cluster.Cluster.Folder)));
}
