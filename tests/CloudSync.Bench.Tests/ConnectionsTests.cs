// bench connections: who opens what, and the whole of it with small numbers.

using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudSync.Bench.Connections;
using CloudSync.Bench.Generator;
using CloudSync.Bench.GeneratorProcesses;
using CsCheck;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class ConnectionsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_connection_is_opened_once_and_no_process_or_gateway_has_more_than_it_can() =>
        Gen.Int[1, 600_000].Sample(count =>
        {
            var plan = ConnectionsPlan.Create(count, null, null, TimeSpan.Zero, 0, bare: false, []);
            var spread = plan.Spread(plan.Processes).SelectMany(static part => part).ToArray();
            Assert.Equal(count, spread.Sum(static document => document.Clients));
            Assert.Equal(plan.Documents, spread.Select(static document => document.Id).Distinct().Count());
            Assert.All(plan.Spread(plan.Processes), static part => Assert.InRange(part.Sum(static document => document.Clients), 1, 18_000));
            var gateways = spread.GroupBy(static document => document.Server).ToArray();
            Assert.Equal(plan.Gateways, gateways.Length);
            Assert.All(gateways, static group => Assert.InRange(group.Sum(static document => document.Clients), 1, 18_000));
        }, iter: 200);

    [Fact]
    public void More_than_a_process_can_open_is_refused()
    {
        var exception = Assert.Throws<InvalidDataException>(
            () => ConnectionsPlan.Create(40_000, 1, null, TimeSpan.Zero, 0, bare: false, []));
        Assert.StartsWith("A process would have 40,000 connections; at most 18,000 are possible.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connections_are_opened_by_processes_held_and_what_was_typed_came_to_every_screen()
    {
        var (exitCode, output, errors) = await Programs.RunAsync(
            "connections", "--count", "120", "--documents", "6", "--processes", "2", "--seconds", "1", "--rate", "30", "--json");
        Assert.True(exitCode == 0, errors);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(120, (int)report["connections"]!);
        Assert.Equal(2, (int)report["processes"]!);
        Assert.Equal(0, (int)report["dropped"]!);
        Assert.Empty(report["not_opened"]!.AsObject());
        var acknowledged = (int)report["edits_acknowledged"]!;
        // Each types at a moment of its own: thirty, but for the luck of the dice.
        Assert.InRange(acknowledged, 10, 60);
        Assert.Equal(acknowledged * 20, (int)report["delivered"]!);
        Assert.Equal(0, (int)report["lost"]!);
        Assert.NotNull(report["bytes_per_connection"]);
        Assert.NotNull(report["gc_pause_ms_p99"]);
        Assert.NotNull(report["cpu_cores"]);
    }

    [Theory]
    [InlineData("connections --count 0", "--count is from 1 to 1000000.")]
    [InlineData("connections --count 5 --documents 6", "--documents are at most as many as --count.")]
    [InlineData("connections --processes 3 --documents 2", "--processes are at most as many as --documents: a document's connections are all in one.")]
    [InlineData("connections --rate -1", "--rate is from 0 to 100000.")]
    public async Task What_does_not_go_together_is_one_line_and_exit_code_2(string arguments, string line)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(arguments.Split(' '));
        Assert.Equal((2, "", $"cloudsync: {line}\n"), (exitCode, output, errors));
    }

    [Fact]
    public async Task A_generator_process_ends_with_its_input_in_the_midst_of_holding()
    {
        await using var server = new ScriptedServer(static async peer =>
        {
            await peer.WelcomeAsync();
            await peer.WaitForEndAsync();
        });
        using var process = Process.Start(new ProcessStartInfo(Programs.Bench, [GeneratorCommand.Name])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        try
        {
            await TellAsync(new OpenOrder([server.Address], [new PlannedDocument("d", 0, 3, 0)], false, true, 2, ["127.0.0.7"], 1));
            while (await process.StandardOutput.ReadLineAsync(Stop) is { } line)
            {
                var report = JsonSerializer.Deserialize<GeneratorReport>(line, GeneratorMessages.Json)!;
                if (!report.IsOpen)
                    continue;
                Assert.Equal((3, 0), (report.Live, report.Broken));
                break;
            }

            await TellAsync(new HoldOrder(3_600, 0));
            process.StandardInput.Close();
            await process.WaitForExitAsync(Stop);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }

        async Task TellAsync(object order) => await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(order, order.GetType(), GeneratorMessages.Json));
    }
}
