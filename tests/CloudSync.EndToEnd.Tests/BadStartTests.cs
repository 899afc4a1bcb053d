// A start that can't succeed: one clear line, an exit code that isn't 0, and every file as it was.

using System.Net;
using System.Net.Sockets;
using Xunit;

namespace CloudSync.EndToEnd.Tests;

public sealed class BadStartTests : IDisposable
{
    private readonly TemporaryDirectory data = new();

    // Were a start to succeed, nobody would wait for its end for ever.
    private readonly CancellationTokenSource guard =
        CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    public BadStartTests() => guard.CancelAfter(TimeSpan.FromMinutes(5));

    private CancellationToken Cancellation => guard.Token;

    private string Database => Path.Combine(data.Path, "cloudsync.db");

    public void Dispose()
    {
        guard.Dispose();
        data.Dispose();
    }

    [Fact]
    public async Task A_database_file_that_is_something_else_is_named_and_left_alone()
    {
        await File.WriteAllTextAsync(Database, "This is a letter, and nobody should lose it.\n", Cancellation);

        await AssertRefusedAsync($"'{Database}' is not a CloudSync database", "--port", "0", "--data", data.Path);
    }

    [Fact]
    public async Task A_damaged_database_is_named_and_left_alone()
    {
        await RunOnceAsync();
        using (var file = File.OpenWrite(Database))
        {
            // All but the first page, which says what the file is.
            file.Position = 4096;
            var rest = new byte[file.Length - file.Position];
            new Random(1).NextBytes(rest);
            file.Write(rest);
        }

        await AssertRefusedAsync($"'{Database}' is corrupt", "--port", "0", "--data", data.Path);
    }

    [Fact]
    public async Task A_directory_where_the_database_should_be_is_named_and_left_alone()
    {
        Directory.CreateDirectory(Database);

        await AssertRefusedAsync($"'{Database}' is a directory", "--port", "0", "--data", data.Path);

        Assert.Empty(Directory.GetFileSystemEntries(Database));
    }

    [Fact]
    public async Task A_file_where_the_data_directory_should_be_is_named_and_left_alone()
    {
        await File.WriteAllTextAsync(Database, "a file", Cancellation);

        await AssertRefusedAsync(Database, "--port", "0", "--data", Database);
    }

    [Fact]
    public async Task A_port_in_use_is_named_and_the_database_is_left_alone()
    {
        await RunOnceAsync();
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var port = ((IPEndPoint)holder.LocalEndpoint).Port;

        await AssertRefusedAsync($"port {port} is in use", "--port", $"{port}", "--data", data.Path);
    }

    /// <summary>Leaves a sound database behind.</summary>
    private async Task RunOnceAsync()
    {
        await using var server = await ServerProcess.StartAsync(data.Path, 0, Cancellation);
        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync(Cancellation));
    }

    private async Task AssertRefusedAsync(string reason, params string[] arguments)
    {
        var before = File.Exists(Database) ? await File.ReadAllBytesAsync(Database, Cancellation) : null;

        var (exitCode, output, errors) = await ServerProcess.RunAsync(Cancellation, arguments);

        Assert.NotEqual(0, exitCode);
        Assert.Equal("", output);
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("cloudsync: ", line, StringComparison.Ordinal);
        Assert.Contains(reason, line, StringComparison.Ordinal);
        if (before is not null)
            Assert.Equal(before, await File.ReadAllBytesAsync(Database, Cancellation));
    }
}
