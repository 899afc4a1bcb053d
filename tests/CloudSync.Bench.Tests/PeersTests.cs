// The peers' own servers, under the load that CloudSync is compared with them by: every keystroke is on every screen, once.

using System.Text.Json.Nodes;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class PeersTests
{
    [Theory]
    [InlineData("hocuspocus")]
    [InlineData("sharedb")]
    [InlineData("socketio")]
    public async Task A_peer_brings_every_keystroke_to_every_screen_once(string target)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(
            "load", "--target", target, "--documents", "3", "--clients", "4", "--writers", "3", "--rate", "300", "--seconds", "1",
            "--warm-up", "0", "--compose", "--json");
        Assert.True(exitCode == 0, errors);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        var offered = (long)report["offered"]!;
        Assert.InRange(offered, 290, 310);
        Assert.Equal((offered, 4 * offered, 4 * offered, 0), (
            (long)report["acknowledged"]!, (long)report["expected"]!, (long)report["delivered"]!, (long)report["lost"]!));
        Assert.Empty(report["broken"]!.AsObject());
    }
}
