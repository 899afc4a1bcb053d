// The launcher's program as a process: what it says, and with which exit code. A cluster is not started for it.

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using CloudSync.Cluster.Parts;
using Xunit;

namespace CloudSync.Cluster.Tests.Commands;

public sealed class CommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    public CommandTests() => File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0b111_101_101);

    private string Data => Path.Combine(_folder.FullName, "cluster");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("up", "--gateways", "0")]
    [InlineData("up", "--port", "99999")]
    [InlineData("scale")]
    [InlineData("scale", "many")]
    [InlineData("fly")]
    public async Task Wrong_usage_is_told_in_one_line(params string[] arguments)
    {
        var (code, errors) = await RunAsync(arguments);
        Assert.Equal(2, code);
        Assert.StartsWith("cloudsync: ", errors, StringComparison.Ordinal);
        Assert.Single(Lines(errors));
        Assert.False(Directory.Exists(Data));
    }

    [Theory]
    [InlineData(1, "status")]
    [InlineData(0, "down")]
    [InlineData(2, "scale", "2")]
    public async Task Where_there_is_no_cluster_it_says_so_and_makes_none(int exitCode, params string[] arguments)
    {
        var (code, errors) = await RunAsync(arguments);
        Assert.Equal(exitCode, code);
        Assert.Contains("There is no cluster here", errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task A_port_in_use_is_named_before_anything_is_started()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var (code, errors) = await RunAsync("up", "--port", $"{port}");
        Assert.Equal(1, code);
        Assert.Contains($"Port {port} is in use", errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Theory]
    [InlineData("up")]
    [InlineData("status")]
    [InlineData("down")]
    [InlineData("connection")]
    public async Task A_file_in_the_place_of_the_folder_is_told_in_one_line(string command)
    {
        await File.WriteAllTextAsync(Data, "", TestContext.Current.CancellationToken);
        var (code, errors) = await RunAsync(command);
        Assert.Equal(command switch { "up" or "status" => 1, "down" => 0, _ => 2 }, code);
        Assert.Contains("--data", Assert.Single(Lines(errors)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/proc/c")]
    [InlineData("")]
    public async Task A_folder_that_cannot_be_made_is_told_in_one_line(string folder)
    {
        var (code, errors) = await RunInAsync(folder, "up");
        Assert.InRange(code, 1, 2);
        Assert.Contains("--data", Assert.Single(Lines(errors)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_PostgreSQL_cannot_reach_is_told_before_anything_is_started()
    {
        Assert.SkipUnless(Environment.UserName == "root", "PostgreSQL runs as who starts it.");
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)0b111_000_000);
        var (code, errors) = await RunAsync("up", "--port", $"{ServerProcess.FreePort()}");
        Assert.Equal(1, code);
        Assert.EndsWith(
            $"can't reach '{Data}': make it and the folders above it readable for all, or choose another.", Assert.Single(Lines(errors)),
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task A_folder_that_another_launcher_is_at_work_in_is_told_so()
    {
        Directory.CreateDirectory(Data);
        await using var other = new FileStream(
            Path.Combine(Data, "cluster.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        var (code, errors) = await RunAsync("up");
        Assert.Equal(1, code);
        Assert.Equal($"cloudsync: Another ./cloudsync cluster is at work in '{Data}'.", Assert.Single(Lines(errors)));
    }

    [Fact]
    public async Task A_part_that_cannot_be_started_is_named_and_keeps_no_other_from_starting()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "redis-2"), "A file where its folder is to be.", TestContext.Current.CancellationToken);
        var (code, errors) = await RunAsync("up", "--gateways", "1", "--port", $"{ServerProcess.FreePort()}");
        try
        {
            Assert.Equal(1, code);
            var said = Lines(errors)[^1];
            Assert.StartsWith("cloudsync: redis-2 can't be started: ", said, StringComparison.Ordinal);
            Assert.Contains("`./cloudsync cluster down` stops all of it", said, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
            // Also those of a later stage.
            Assert.Contains("nginx runs on port", errors, StringComparison.Ordinal);
        }
        finally
        {
            (code, errors) = await RunAsync("down");
        }

        Assert.Equal(0, code);
        Assert.Contains("nginx has stopped", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("redis-2", errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Data, "*.pid", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    public async Task A_state_file_that_was_damaged_is_named(string text)
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(ClusterState.FileIn(Data), text, TestContext.Current.CancellationToken);
        var (code, errors) = await RunAsync("status");
        Assert.Equal(1, code);
        Assert.Contains($"'{ClusterState.FileIn(Data)}' can't be read", errors, StringComparison.Ordinal);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private Task<(int ExitCode, string Errors)> RunAsync(params string[] arguments) => RunInAsync(Data, arguments);

    private static async Task<(int ExitCode, string Errors)> RunInAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "CloudSync.Cluster"), [.. arguments, "--data", folder])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await output;
        return (process.ExitCode, errors);
    }
}
