// One process of a deployment, inside the test: a SQLite log, a delivery, consumers.

using CloudSync.Delivery;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.RabbitMq.Tests;

internal sealed class DeliveryHost : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private DeliveryService? _started;

    public DeliveryHost(
        string folder, Action<CloudSyncBuilder> configure, IReadOnlyDictionary<string, string?>? settings = null,
        params IDeliveryConsumer[] consumers)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection(settings ?? new Dictionary<string, string?>()).Build());
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        foreach (var consumer in consumers)
            services.AddSingleton(consumer);
        var builder = services.AddCloudSync().UseSqlite(Path.Combine(folder, "log.db"))
            .AddDelivery(delivery =>
            {
                delivery.Folder = Path.Combine(folder, "delivery");
                // Order is put to the test by many messages, not by a few large ones.
                delivery.GatherInterval = TimeSpan.FromMilliseconds(50);
            });
        configure(builder);
        _services = services.BuildServiceProvider();
    }

    public IServiceProvider Services => _services;

    public IOperationLog Log => _services.GetRequiredService<IOperationLog>();

    public IOutbox Outbox => _services.GetRequiredService<IOutbox>();

    public IDelivery Delivery => _services.GetRequiredService<IDelivery>();

    public DeliveryState State => _services.GetRequiredService<DeliveryState>();

    /// <summary>Subscribes the consumers and runs the relay, as a host would.</summary>
    public async Task StartAsync()
    {
        _started = _services.GetServices<IHostedService>().OfType<DeliveryService>().Single();
        await _started.StartAsync(CancellationToken.None);
    }

    public Task CreateAsync(string id, string type = "text") =>
        Log.CreateAsync(new NewDocument(id, type, "", DateTimeOffset.UnixEpoch, ""), CancellationToken.None);

    /// <summary>Appends so many operations as one batch, and wakes the relay as the document layer does.</summary>
    public async Task AppendAsync(string id, long head, int count)
    {
        var operations = Enumerable.Range(1, count).Select(i => new NewOperation(
            7, (ulong)(head + i), head, "ada", DateTimeOffset.UnixEpoch.AddSeconds(head + i),
            Delta.ParseJson($$"""{"ops":[{"insert":"{{head + i}} "}]}""").Bytes));
        var results = await Log.AppendAsync([new(id, head, [.. operations])], CancellationToken.None);
        Xunit.Assert.Equal(AppendOutcome.Appended, results[0].Outcome);
        _services.GetRequiredService<CommitSignal>().Set();
    }

    public async ValueTask DisposeAsync()
    {
        if (_started is not null)
            await _started.StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
    }
}
