// The Redis servers of this suite. Those that tests only use are started once; a test that kills one starts its own.

using CloudSync.Cluster.Parts;
using CloudSync.Redis.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(Servers))]

namespace CloudSync.Redis.Tests;

public sealed class Servers : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();

    public RedisServer First { get; private set; } = null!;

    public RedisServer Second { get; private set; } = null!;

    public RedisServer WithPassword { get; private set; } = null!;

    public RedisClusterServers Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cluster = RedisClusterServers.StartAsync(
            _directory.File("cluster"), 3, detached: false, TestContext.Current.CancellationToken);
        First = await StartAsync(_directory, "first");
        Second = await StartAsync(_directory, "second");
        WithPassword = await StartAsync(_directory, "password", "secret");
        Cluster = await cluster;
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await First.DisposeAsync();
        await Second.DisposeAsync();
        await WithPassword.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>A server of a test's own.</summary>
    internal static Task<RedisServer> StartAsync(TemporaryDirectory directory, string name, string password = "") =>
        RedisServer.StartAsync(
            new RedisStart(directory.File(name), ServerProcess.FreePort(), name, password), detached: false,
            TestContext.Current.CancellationToken);
}
