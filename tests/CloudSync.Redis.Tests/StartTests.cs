// What stops a start, in one line that names the setting, and what doesn't.

using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Redis.Tests;

public sealed class StartTests(Servers servers) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private async Task<string> RefusalAsync(params string[] names)
    {
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(async () =>
        {
            await using var gateway = await LiveGateway.StartAsync(_directory.File("log.db"), names);
        });
        var line = Assert.Single(refused.Failures);
        Assert.DoesNotContain('\n', line);
        return line;
    }

    [Fact]
    public async Task A_password_that_is_asked_for_and_not_set_is_named()
    {
        var line = await RefusalAsync(servers.First.ConnectionString, $"127.0.0.1:{servers.WithPassword.Port}");
        Assert.StartsWith($"CloudSync:Redis:Servers:1 (127.0.0.1:{servers.WithPassword.Port}) can't be used: ", line, StringComparison.Ordinal);
        Assert.Contains("password", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_password_is_refused_and_not_repeated()
    {
        var line = await RefusalAsync($"127.0.0.1:{servers.WithPassword.Port},password=guess");
        Assert.Contains("refuses the user or password", line, StringComparison.Ordinal);
        Assert.DoesNotContain("guess", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_right_password_is_taken()
    {
        await using var gateway = await LiveGateway.StartAsync(
            _directory.File("log.db"), [servers.WithPassword.ConnectionString]);
        Assert.Empty(gateway.Lines.Of(5003));
    }

    [Fact]
    public async Task What_is_no_Redis_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AnswerAsync(listener);
        var line = await RefusalAsync($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port},connectTimeout=30000");
        Assert.Contains("no Redis", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense=1")]
    public async Task What_is_no_configuration_is_refused(string server) =>
        Assert.Contains("CloudSync:Redis:Servers:0", await RefusalAsync(server), StringComparison.Ordinal);

    [Fact]
    public async Task No_server_is_refused() =>
        Assert.Contains("CloudSync:Redis:Servers", await RefusalAsync(), StringComparison.Ordinal);

    [Fact]
    public async Task The_same_server_twice_is_refused() => Assert.Contains(
        "the same server", await RefusalAsync(servers.First.ConnectionString, servers.First.ConnectionString + ",ssl=false"),
        StringComparison.Ordinal);

    [Theory]
    [InlineData("has 1 names for 2 servers", "a")]
    [InlineData("has one name twice", "a", "a")]
    [InlineData("must have 1 to 256 characters", "a", "")]
    // As JSON has it.
    [InlineData("must have 1 to 256 characters", "a", null)]
    public void Names_that_do_not_fit_the_servers_are_refused(string why, params string?[] names)
    {
        var options = new RedisOptions { Servers = { "redis-1:6379", "redis-2:6379" } };
        foreach (var name in names)
            options.Names.Add(name!);
        Assert.Contains(why, Assert.Single(new RedisOptionsValidator().Validate(null, options).Failures!), StringComparison.Ordinal);
    }

    private static async Task AnswerAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                _ = await client.GetStream().ReadAsync(new byte[4096].AsMemory());
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
            }
        }
        catch (Exception exception) when (exception is SocketException or IOException or ObjectDisposedException)
        {
        }
    }
}
