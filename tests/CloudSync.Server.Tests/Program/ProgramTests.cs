// The program as a process: how it starts, stops, and fails to start.

using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace CloudSync.Server.Tests.Program;

public sealed class ProgramTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-test-");

    private string Data => Path.Combine(_folder.FullName, "data");

    private static RunningProgram Start(params string[] arguments) => RunningProgram.Start("CloudSync.Server", arguments);

    private static async Task<string> FailsAsync(int exitCode, params string[] arguments)
    {
        await using var program = Start(arguments);
        var (code, output, errors) = await program.ExitAsync();
        Assert.True(code == exitCode, $"{code}: {errors}");
        Assert.Equal("", output);
        Assert.StartsWith("cloudsync: ", errors);
        // One line and no stack.
        Assert.Equal(errors.Length - 1, errors.IndexOf('\n'));
        return errors;
    }

    [Fact]
    public async Task It_says_where_it_is_stops_when_asked_and_has_kept_everything()
    {
        using var http = new HttpClient();
        await using (var program = Start("--port", "0", "--data", Data))
        {
            var address = await program.ReadAfterAsync("CloudSync is running at ");
            Assert.Matches("^http://localhost:[0-9]+$", address);
            var response = await http.PostAsync(
                $"{address}/api/documents", LiveServer.Json("""{"id":"kept","content":[{"insert":"kept"}]}"""));
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
            program.Interrupt();
            Assert.Equal(0, (await program.ExitAsync()).ExitCode);
        }

        await using var again = Start("--port", "0", "--data", Data);
        var newAddress = await again.ReadAfterAsync("CloudSync is running at ");
        Assert.Equal("kept", await http.GetStringAsync($"{newAddress}/api/documents/kept/export?format=text"));
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port.ToString();
        Assert.Contains($"port {port} is in use", await FailsAsync(CommandLine.CannotListen, "--port", port, "--data", Data));
    }

    [Fact]
    public async Task A_corrupt_database_is_left_as_it_is()
    {
        Directory.CreateDirectory(Data);
        var file = Path.Combine(Data, "cloudsync.db");
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("This is not a database. ", 1000)));
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Contains("cloudsync.db", await FailsAsync(CommandLine.LogUnusable, "--port", "0", "--data", Data));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task A_database_that_is_a_folder_is_named()
    {
        Directory.CreateDirectory(Path.Combine(Data, "cloudsync.db"));
        Assert.Contains("cloudsync.db", await FailsAsync(CommandLine.LogUnusable, "--port", "0", "--data", Data));
    }

    [Fact]
    public async Task A_data_directory_that_can_not_be_made_is_named()
    {
        await File.WriteAllTextAsync(Data, "a file");
        Assert.Contains(Data, await FailsAsync(CommandLine.NoDataDirectory, "--port", "0", "--data", Path.Combine(Data, "in")));
        Assert.Equal("a file", await File.ReadAllTextAsync(Data));
    }

    [Theory]
    [InlineData("--port", "99999")]
    [InlineData("--port", "-1")]
    [InlineData("--port", "http")]
    [InlineData("--host", "no such host")]
    [InlineData("--nonsense", "1")]
    public async Task Wrong_usage_is_told(string option, string value) =>
        Assert.Contains(value == "1" ? option : value == "http" || option == "--host" ? value : option, await FailsAsync(CommandLine.WrongUsage, option, value));

    public void Dispose() => _folder.Delete(recursive: true);
}
