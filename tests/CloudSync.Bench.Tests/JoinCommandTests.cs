// Joining a large document as it is measured: the real programs, with small numbers.

using System.Text.Json.Nodes;
using CloudSync.Bench.Join;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Xunit;

namespace CloudSync.Bench.Tests;

public sealed class JoinCommandTests
{
    [Fact]
    public async Task People_join_and_those_who_were_there_see_every_keystroke()
    {
        var (exitCode, output, errors) = await Programs.RunAsync(
            "join", "--size-mb", "2", "--seconds", "2", "--warm-up", "1", "--at-once", "2", "--watchers", "3", "--json");
        Assert.True(exitCode == 0, errors + output);
        var report = JsonNode.Parse(output.TrimEnd().Split('\n')[^1])!;
        Assert.Equal(2, (int)report["size_mb"]!);
        Assert.True((long)report["joins"]! > 0);
        Assert.True((double)report["joins_per_s"]! > 0);
        Assert.InRange((double)report["open_ms_p50"]!, 0.001, (double)report["first_edit_ms_max"]!);
        Assert.InRange((double)report["first_edit_ms_p99"]!, (double)report["first_edit_ms_p50"]!, (double)report["first_edit_ms_max"]!);
        // Two seconds and one more, on four screens.
        Assert.Equal(4 * 30, (int)report["expected"]!);
        Assert.Equal(4 * 30, (int)report["delivered"]!);
        Assert.Equal(0, (int)report["lost"]!);
        Assert.True((double)report["edit_latency_ms_p99"]! > 0);
        Assert.Empty(report["failed"]!.AsObject());
        Assert.Empty(report["broken"]!.AsObject());
        Assert.Contains("| joins/s |", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("join --size-mb 0", "--size-mb is from 1 to 200.")]
    [InlineData("join --at-once 0", "--at-once is from 1 to 1000.")]
    [InlineData("join --rate 200", "--rate is from 1 to 100.")]
    [InlineData("join --url ftp://somewhere", "--url is an address such as http://localhost:8080.")]
    public async Task What_does_not_go_together_is_one_line_and_exit_code_2(string arguments, string line)
    {
        var (exitCode, output, errors) = await Programs.RunAsync(arguments.Split(' '));
        Assert.Equal((2, "", $"cloudsync: {line}\n"), (exitCode, output, errors));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_one_line_and_exit_code_1()
    {
        var (exitCode, _, errors) = await Programs.RunAsync("join", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("cloudsync: ", errors.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_that_is_not_whole_or_a_version_left_out_is_no_join()
    {
        Assert.Throws<JoinException>(() => new JoinedScreen(11).Take(Opened(10)));
        var screen = new JoinedScreen(10);
        screen.Take(Opened(10));
        Assert.True(screen.IsOpen);
        Assert.Equal(7, screen.Version);
        screen.Take(Committed(7, 1, 3));
        Assert.Equal(11, screen.Version);
        Assert.Throws<JoinException>(() => screen.Take(Committed(12, 1)));
        Assert.Throws<JoinException>(() => screen.Take(Committed(10, 1)));
        Assert.Throws<JoinException>(() => screen.Take([0xFF]));
    }

    private static byte[] Opened(int bytes) => new ServerFrame
    {
        Messages = { new ServerMessage { Opened = new Opened { DocumentId = "d", Version = 7, Snapshot = ByteString.CopyFrom(new byte[bytes]) } } },
    }.ToByteArray();

    // Operations that stand for so many versions each.
    private static byte[] Committed(ulong baseVersion, params ulong[] counts)
    {
        var committed = new Committed { DocumentId = "d", BaseVersion = baseVersion };
        committed.Operations.AddRange(counts.Select(static count => new CommittedOperation { Count = count > 1 ? count : 0 }));
        return new ServerFrame { Messages = { new ServerMessage { Committed = committed } } }.ToByteArray();
    }
}
