// One gateway's part of Redis, as AddCloudSync().UseRedis() puts it together, on the servers that a test names.

using CloudSync.Fanout;
using CloudSync.Redis.Fanout;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Redis.Tests;

/// <summary>A fan-out with the services that belong to it; disposing it ends them all.</summary>
internal sealed class GatewayFanout : IFanout, IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private GatewayFanout(ServiceProvider services)
    {
        _services = services;
        Redis = services.GetRequiredService<RedisFanout>();
    }

    public RedisFanout Redis { get; }

    public bool IsHealthy => Redis.IsHealthy;

    public event Action? HealthChanged
    {
        add => Redis.HealthChanged += value;
        remove => Redis.HealthChanged -= value;
    }

    public static async Task<GatewayFanout> StartAsync(IEnumerable<string> servers, Action<RedisOptions>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddLogging();
        services.AddCloudSync().UseRedis(options =>
        {
            foreach (var server in servers)
                options.Servers.Add(server);
            configure?.Invoke(options);
        });
        var gateway = new GatewayFanout(services.BuildServiceProvider());
        await gateway.Redis.StartAsync();
        return gateway;
    }

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    public bool IsHealthyFor(string documentId) => Redis.IsHealthyFor(documentId);

    public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        Redis.PublishAsync(documentId, message, cancellationToken);

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) =>
        Redis.SubscribeAsync(documentId, handler, cancellationToken);

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
