// The load tool as it is run: the real programs, with small numbers, and the figures have to add up.

using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class LoadCommandTests
{
    [Fact]
    public async Task What_was_acknowledged_came_to_every_screen_once()
    {
        var (exitCode, output, errors) = await Programs.RunAsync(
            "load", "--documents", "3", "--clients", "4", "--writers", "2", "--rate", "60", "--seconds", "1", "--warm-up", "1", "--presence", "--json");
        Assert.True(exitCode == 0, errors);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(60, (int)report["offered"]!);
        Assert.Equal(60, (int)report["sent"]!);
        Assert.Equal(60, (int)report["acknowledged"]!);
        Assert.Equal(4 * 60, (int)report["expected"]!);
        Assert.Equal(4 * 60, (int)report["delivered"]!);
        Assert.Equal(0, (int)report["lost"]!);
        Assert.Empty(report["refused"]!.AsObject());
        Assert.Empty(report["broken"]!.AsObject());
        Assert.InRange((double)report["latency_ms_p50"]!, 0.001, (double)report["latency_ms_max"]!);
        Assert.True((long)report["server_rss_bytes"]! > 10 << 20);
        Assert.True((long)report["presence_bytes"]! > 0);
        Assert.Contains("| offered/s |", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sse")]
    [InlineData("polling")]
    public async Task Without_WebSockets_as_well_what_was_acknowledged_came_to_every_screen_once(string transport)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(
            "load", "--transport", transport, "--documents", "3", "--clients", "4", "--writers", "2", "--rate", "200", "--seconds", "2",
            "--warm-up", "1", "--presence", "--json");
        Assert.True(exitCode == 0, errors + output);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(transport, (string?)report["transport"]);
        // Each of the six writers begins at a moment of its own.
        Assert.InRange((int)report["offered"]!, 390, 410);
        Assert.Equal((int)report["offered"]!, (int)report["acknowledged"]!);
        Assert.Equal(4 * (int)report["offered"]!, (int)report["delivered"]!);
        Assert.Empty(report["broken"]!.AsObject());
        Assert.True((long)report["presence_bytes"]! > 0);
    }

    [Theory]
    [InlineData("load --rate 0", "--rate is from 0.1 to 200000.")]
    [InlineData("load --writers 3 --clients 2", "--clients are at least as many as --writers.")]
    [InlineData("load --documents 10000 --clients 2 --writers 1", "--documents times --clients is at most 18000; bench connections opens more.")]
    [InlineData("load --clients 1", "--clients are at least as many as --writers.")]
    [InlineData("load --clients 181", "--documents times --clients is at most 18000; bench connections opens more.")]
    [InlineData("load --clients 91 --transport sse", "--documents times --clients is at most 9000 without WebSockets, each of which is two connections.")]
    [InlineData("load --target sharedb --transport polling", "--transport is for cloudsync.")]
    [InlineData("load --rate 5 --rates 5 6", "Give --rate or --rates, not both.")]
    [InlineData("load --url ftp://somewhere", "--url is an address such as http://localhost:8080.")]
    public async Task What_does_not_go_together_is_one_line_and_exit_code_2(string arguments, string line)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(arguments.Split(' '));
        Assert.Equal((2, "", $"cloudsync: {line}\n"), (exitCode, output, errors));
    }

    [Fact]
    public async Task A_cluster_that_does_not_start_is_one_line_and_exit_code_1()
    {
        // The servers start, and the gateways are not to be found.
        var (exitCode, _, errors) = await Programs.RunAsync(
            new Dictionary<string, string> { ["CLOUDSYNC_SERVER"] = "/nowhere/server" }, "load", "--cluster", "--rate", "1", "--seconds", "1");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("cloudsync: ", errors, StringComparison.Ordinal);
        Assert.Contains("gateway-1 can't be started: The program '/nowhere/server' isn't there", errors, StringComparison.Ordinal);
        // Nothing of it goes on that could be looked after.
        Assert.DoesNotContain("cluster up", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_one_line_and_exit_code_1()
    {
        var (exitCode, _, errors) = await Programs.RunAsync("load", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("cloudsync: ", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }
}
