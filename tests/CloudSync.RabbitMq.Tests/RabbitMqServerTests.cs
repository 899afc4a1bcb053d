// The server process itself: several at once, and nothing left of it.

using System.Diagnostics;
using CloudSync.Cluster.Parts;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class RabbitMqServerTests(BrokerFixture broker)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_second_server_runs_beside_the_first_and_leaves_no_process_behind()
    {
        using var folder = new TemporaryDirectory();
        var settings = RabbitMqSettings.OnFreePorts(folder.Path);
        await using var server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
        Assert.True(server.IsRunning);
        Assert.True(broker.Server.IsRunning);
        await server.StopAsync();
        Assert.Empty(ProcessesThatName(folder.Path));
        Assert.False(await ServerProcess.ListensAsync(settings.PortMapperPort, Cancellation));
    }

    [Fact]
    public async Task The_control_program_starts_no_port_mapper_of_its_own()
    {
        using var folder = new TemporaryDirectory();
        var settings = RabbitMqSettings.OnFreePorts(folder.Path);
        await using var server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
        await ServerProcess.Find("epmd", Path.GetFullPath(folder.Path))!.KillAsync();

        await Assert.ThrowsAsync<ServerStartException>(() => server.ControlAsync(Cancellation, "list_vhosts"));
        Assert.False(await ServerProcess.ListensAsync(settings.PortMapperPort, Cancellation));

        Assert.True(await server.CompleteAsync(detached: false, Cancellation));
        await server.StopAsync();
        Assert.Empty(ProcessesThatName(folder.Path));
    }

    // Erlang's processes carry the folder in their environment.
    private static IEnumerable<int> ProcessesThatName(string folder)
    {
        foreach (var process in Process.GetProcesses())
        {
            using (process)
            {
                var environment = $"/proc/{process.Id}/environ";
                string text;
                try
                {
                    text = File.ReadAllText(environment);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    continue;
                }

                // The shell that watched it is reaped with the fixture.
                if (text.Contains(folder, StringComparison.Ordinal) && process.ProcessName is not ("sh" or "cat"))
                    yield return process.Id;
            }
        }
    }
}
