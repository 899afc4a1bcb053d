// Eight queues of one subscriber, and each for itself: one that is dead, or is another's, or was made in the last moment of a
// server, is that partition's trouble.

using CloudSync.Cluster.Parts;
using CloudSync.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class PartitionTests(BrokerFixture broker) : IDisposable
{
    private const int Bad = 3;

    private readonly TemporaryDirectory _folder = new();
    private readonly string _exchange = "p" + Guid.NewGuid().ToString("N")[..12];

    // One for each partition.
    private readonly string[] _documents = [.. Enumerable.Range(0, RabbitMqTopology.Partitions).Select(
        static partition => Enumerable.Range(0, 1000).Select(static i => "d" + i).First(id => RabbitMqTopology.PartitionOf(id) == partition))];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string BadQueue => $"{_exchange}.one.{Bad}";

    [Fact]
    public async Task A_queue_without_a_leader_stops_no_other_partition_of_its_subscriber()
    {
        var consumer = new RecordingConsumer("one");
        await using (var host = Host(broker.Server.Uri, consumer))
        {
            await CreateAsync(host);
            await host.StartAsync();
            await AppendAsync(host, 0, Bad);
            await ReachAsync(consumer, 1, Bad);
        }

        var queue = $"{{'{broker.Server.Settings.VirtualHost}_{BadQueue}', node()}}";
        await broker.Server.ControlAsync(Cancellation, "eval", $"ok = ra:stop_server(quorum_queues, {queue}).");
        await using var next = Host(broker.Server.Uri, consumer);
        using var counted = new Counted(next.Services);
        await next.StartAsync();
        await AppendAsync(next, 1, Bad);
        await ReachAsync(consumer, 2, Bad);
        // And when its own consumer has had to give up, and tries alone.
        await counted.UntilAsync("cloudsync.rabbitmq.connected", 3);
        await AppendAsync(next, 2, Bad);
        await ReachAsync(consumer, 3, Bad);

        await broker.Server.ControlAsync(Cancellation, "eval", $"ok = ra:restart_server(quorum_queues, {queue}).");
        await next.AppendAsync(_documents[Bad], 0, 1);
        await consumer.ReachAsync(_documents[Bad], 1);
        Assert.Empty(consumer.Disorder);
    }

    [Fact]
    public async Task A_queue_that_somebody_declares_otherwise_meanwhile_stops_no_other_partition_of_its_subscriber()
    {
        var consumer = new RecordingConsumer("one");
        await using var host = Host(broker.Server.Uri, consumer);
        await CreateAsync(host);
        await host.StartAsync();
        await AppendAsync(host, 0, Bad);
        await ReachAsync(consumer, 1, Bad);

        await using (var connection = await ConnectAsync(broker.Server.Uri))
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancellation);
            // Whoever is first has the name.
            while (true)
            {
                await channel.QueueDeleteAsync(BadQueue, cancellationToken: Cancellation);
                try
                {
                    await using var other = await connection.CreateChannelAsync(cancellationToken: Cancellation);
                    await other.QueueDeclareAsync(BadQueue, durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancellation);
                    break;
                }
                catch (OperationInterruptedException)
                {
                    // It was made anew already.
                }
            }

            await AppendAsync(host, 1, Bad);
            await ReachAsync(consumer, 2, Bad);
            await channel.QueueDeleteAsync(BadQueue, cancellationToken: Cancellation);
            await ExistsAsync(connection, static (channel, name) => channel.ExchangeDeclarePassiveAsync(name), BadQueue);
        }

        await host.AppendAsync(_documents[Bad], 0, 1);
        await consumer.ReachAsync(_documents[Bad], 1);
        Assert.Empty(consumer.Disorder);
    }

    [Fact]
    public async Task A_broker_killed_right_after_a_queue_was_made_may_come_back_with_a_dead_one_and_nothing_is_lost_by_it()
    {
        using var brokerFolder = new TemporaryDirectory();
        var settings = RabbitMqSettings.OnFreePorts(brokerFolder.Path);
        var server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
        try
        {
            var consumer = new RecordingConsumer("one");
            // Two processes, which then both find it dead.
            await using var host = Host(settings.Uri, consumer, new RabbitMqOptions().Settling);
            await using var second = Host(settings.Uri, consumer, new RabbitMqOptions().Settling);
            await CreateAsync(host);
            await AppendAsync(host, 0);
            Task starting;
            await using (var connection = await ConnectAsync(settings.Uri))
            {
                starting = Task.WhenAll(host.StartAsync(), second.StartAsync());
                await ExistsAsync(
                    connection, static (channel, name) => channel.QueueDeclarePassiveAsync(name), $"{_exchange}.one.failed");
                await server.KillAsync();
            }

            // It is told that nothing can be delivered, and goes on.
            await starting;
            Assert.False(host.State.IsUp);
            await AppendAsync(host, 1);
            await server.DisposeAsync();
            server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
            await ReachAsync(consumer, 2);
            Assert.Empty(consumer.Disorder);
        }
        finally
        {
            await server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_broker_that_has_forgotten_everything_is_given_its_queues_before_anything_is_published_past_them()
    {
        var consumer = new RecordingConsumer("one");
        // A virtual host of its own, which can go and come back.
        var make = $"""
            ok = rabbit_vhost:add(<<"{_exchange}">>, <<"test">>),
            ok = rabbit_auth_backend_internal:set_permissions(<<"cloudsync">>, <<"{_exchange}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)
            """;
        await broker.Server.ControlAsync(Cancellation, "eval", make + ".");
        var uri = broker.Server.Uri[..broker.Server.Uri.LastIndexOf('/')] + "/" + _exchange;
        await using var host = Host(uri, consumer);
        await CreateAsync(host);
        await host.StartAsync();
        await AppendAsync(host, 0);
        await ReachAsync(consumer, 1);
        await broker.Server.ControlAsync(Cancellation, "eval", $"""rabbit_vhost:delete(<<"{_exchange}">>, <<"test">>), {make}.""");
        await AppendAsync(host, 1);
        await ReachAsync(consumer, 2);
        Assert.Empty(consumer.Disorder);
    }

    public void Dispose() => _folder.Dispose();

    private DeliveryHost Host(string uri, RecordingConsumer consumer, TimeSpan? settling = null) => new(
        _folder.Path,
        builder => builder.UseRabbitMq(options =>
        {
            options.Uri = uri;
            options.Exchange = _exchange;
            options.Timeout = TimeSpan.FromSeconds(3);
            options.Settling = settling ?? TimeSpan.FromMilliseconds(10);
        }),
        null, consumer);

    private static Task<IConnection> ConnectAsync(string uri) =>
        new ConnectionFactory { Uri = new Uri(uri), AutomaticRecoveryEnabled = false }.CreateConnectionAsync(Cancellation);

    private static Task ExistsAsync(IConnection connection, Func<IChannel, string, Task> ask, string name) => Eventually.IsAsync(
        async () =>
        {
            try
            {
                await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancellation);
                await ask(channel, name);
                return true;
            }
            catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == 404)
            {
                return false;
            }
        },
        () => $"{name} isn't made.");

    private async Task CreateAsync(DeliveryHost host)
    {
        foreach (var id in _documents)
            await host.CreateAsync(id);
    }

    private async Task AppendAsync(DeliveryHost host, long head, int except = -1)
    {
        for (var partition = 0; partition < _documents.Length; partition++)
        {
            if (partition != except)
                await host.AppendAsync(_documents[partition], head, 1);
        }
    }

    private async Task ReachAsync(RecordingConsumer consumer, long version, int except = -1)
    {
        for (var partition = 0; partition < _documents.Length; partition++)
        {
            if (partition != except)
                await consumer.ReachAsync(_documents[partition], version);
        }
    }
}
