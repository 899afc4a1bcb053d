// A gateway on real Kestrel, on a free port, with documents that a test plays itself or the real ones.

using System.Net;
using System.Reflection;
using CloudSync.Documents;
using CloudSync.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Tests.Gateway;

internal sealed class GatewayHost : IAsyncDisposable
{
    // So that all these tests can be run on either.
    private static readonly bool _ordinary = Environment.GetEnvironmentVariable("CLOUDSYNC_TEST_SOCKETS") == "ordinary";

    private GatewayHost(WebApplication app, FakeDocuments documents)
    {
        App = app;
        Documents = documents;
    }

    public WebApplication App { get; }

    public FakeDocuments Documents { get; }

    public IPEndPoint EndPoint
    {
        get
        {
            var address = App.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new IPEndPoint(IPAddress.Loopback, new Uri(address).Port);
        }
    }

    public Uri Uri => new($"ws://{EndPoint}/sync");

    /// <summary>Starts a gateway.</summary>
    /// <param name="configure">Changes options.</param>
    /// <param name="time">The clock of the gateway.</param>
    /// <param name="services">Adds to its services.</param>
    /// <param name="app">Adds to its pipeline, before the endpoint.</param>
    /// <param name="sockets">True: on sockets of our own; false: on ASP.NET Core's; null: as the run of the tests wants.</param>
    /// <param name="documents">True: the fake documents take the place of the real ones.</param>
    /// <param name="endpoint">Adds conventions to the endpoint.</param>
    /// <param name="pattern">Where the endpoint is.</param>
    public static async Task<GatewayHost> StartAsync(
        Action<CloudSyncOptions>? configure = null, TimeProvider? time = null,
        Action<CloudSyncBuilder>? services = null, Action<WebApplication>? app = null, bool documents = true, bool? sockets = null,
        Action<IEndpointConventionBuilder>? endpoint = null, string pattern = "/sync")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        if (sockets ?? !_ordinary)
            builder.WebHost.UseCloudSyncSockets();
        var fake = new FakeDocuments();
        if (documents)
        {
            // Instead of the real ones, and of everything that would need more of a log than its key.
            builder.Services.AddSingleton<DocumentRegistry>(fake);
            builder.Services.AddSingleton(DispatchProxy.Create<Log.IOperationLog, NoLog>());
        }

        if (time is not null)
            builder.Services.AddSingleton(time);
        var cloudSync = builder.Services.AddCloudSync(configure);
        services?.Invoke(cloudSync);
        var host = new GatewayHost(builder.Build(), fake);
        app?.Invoke(host.App);
        var mapped = host.App.MapCloudSync(pattern);
        endpoint?.Invoke(mapped);
        await host.App.StartAsync();
        return host;
    }

    /// <summary>A client that has said nothing yet.</summary>
    public async Task<WireClient> ConnectAsync() => await WireClient.ConnectAsync(Uri);

    /// <summary>
    /// Waits until the gateway knows of so many connections: a client is told that it is connected a moment before that.
    /// </summary>
    public async Task KnowsAsync(int connections)
    {
        var table = App.Services.GetRequiredService<ConnectionTable>();
        for (var patience = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Yield())
        {
            var known = new int[1];
            table.ForEach(known, static (_, known) => known[0]++);
            if (known[0] == connections)
                return;
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(1), $"The gateway knows {known[0]} connections, not {connections}.");
        }
    }

    /// <summary>A client that has been welcomed.</summary>
    public async Task<WireClient> GreetAsync(ulong clientId = 1)
    {
        var client = await ConnectAsync();
        await client.SendAsync(Messages.Hello(clientId));
        Assert.NotNull((await client.ReceiveAsync()).Welcome);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        // A stop of its own would drain; a test that wants that asks for it.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await App.StopAsync(now.Token);
        await App.DisposeAsync();
    }
}

/// <summary>A log of which there is nothing but its key. Public and open, as the proxies that are made of it need it.</summary>
public class NoLog : DispatchProxy
{
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name == "get_Key"
        ? (ReadOnlyMemory<byte>)new byte[32]
        : throw new InvalidOperationException("There is no log.");
}
