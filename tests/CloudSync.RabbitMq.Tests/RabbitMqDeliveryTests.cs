// The contract on RabbitMQ, and what only a broker can do: go away, come back, refuse.

using CloudSync.Cluster.Parts;
using CloudSync.Delivery;
using CloudSync.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class RabbitMqDeliveryTests(BrokerFixture broker) : DeliveryContract
{
    // An exchange for each test, so that none sees another's queues.
    private readonly string _exchange = "t" + Guid.NewGuid().ToString("N")[..12];

    // Of a server that nobody kills: each test has new queues.
    private TimeSpan _settling = TimeSpan.FromMilliseconds(10);

    private protected override void Use(CloudSyncBuilder builder) => Use(builder, broker.Server.Uri);

    private void Use(CloudSyncBuilder builder, string uri) => builder.UseRabbitMq(options =>
    {
        options.Uri = uri;
        options.Exchange = _exchange;
        options.Timeout = TimeSpan.FromSeconds(10);
        options.Settling = _settling;
    });

    [Fact]
    public async Task Order_is_kept_with_several_relays_and_several_consumers_that_come_and_go()
    {
        using var folder = new TemporaryDirectory();
        var consumer = new RecordingConsumer("one");
        await using var first = new DeliveryHost(folder.Path, Use, null, consumer);
        const int Documents = 8, Rounds = 30;
        for (var i = 0; i < Documents; i++)
            await first.CreateAsync("d" + i);
        await first.StartAsync();
        await using (var second = new DeliveryHost(folder.Path, Use, null, consumer))
        {
            await second.StartAsync();
            for (var round = 0; round < Rounds; round++)
            {
                for (var i = 0; i < Documents; i++)
                    await (i % 2 == 0 ? first : second).AppendAsync("d" + i, round * 2, 2);
            }
        }

        for (var i = 0; i < Documents; i++)
            await consumer.ReachAsync("d" + i, Rounds * 2);
        Assert.Empty(consumer.Disorder);
    }

    [Fact]
    public async Task A_broker_that_is_killed_loses_nothing_confirmed_and_editing_goes_on_meanwhile()
    {
        using var folder = new TemporaryDirectory();
        using var brokerFolder = new TemporaryDirectory();
        _settling = new RabbitMqOptions().Settling;
        var settings = RabbitMqSettings.OnFreePorts(brokerFolder.Path);
        var server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
        try
        {
            var consumer = new RecordingConsumer("one");
            await using var host = new DeliveryHost(folder.Path, builder => Use(builder, settings.Uri), null, consumer);
            await host.CreateAsync("notes");
            await host.StartAsync();
            await host.AppendAsync("notes", 0, 5);
            await consumer.ReachAsync("notes", 5);
            await server.KillAsync();
            for (var head = 5; head < 25; head++)
                await host.AppendAsync("notes", head, 1);
            await Eventually.IsAsync(() => !host.State.IsUp, "The relay doesn't notice.");
            Assert.Contains("CloudSync:RabbitMq:Uri", host.State.Reason, StringComparison.Ordinal);
            Assert.True((await host.Outbox.MeasureAsync(Cancellation)).Batches > 0);
            await server.DisposeAsync();
            server = await RabbitMqServer.StartAsync(settings, detached: false, Cancellation);
            await consumer.ReachAsync("notes", 25);
            Assert.Empty(consumer.Disorder);
        }
        finally
        {
            await server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_broker_that_is_not_there_at_the_start_holds_up_no_start()
    {
        using var folder = new TemporaryDirectory();
        await using var host = new DeliveryHost(
            folder.Path, builder => Use(builder, $"amqp://127.0.0.1:{ServerProcess.FreePort()}/x"), null, new RecordingConsumer("one"));
        await host.StartAsync();
        Assert.False(host.State.IsUp);
        await host.CreateAsync("notes");
        await host.AppendAsync("notes", 0, 1);
        Assert.Equal(1, (await host.Outbox.MeasureAsync(Cancellation)).Batches);
    }

    [Theory]
    [InlineData("amqp://cloudsync:wrong@{0}/cloudsync", "refused the login of 'cloudsync'", true)]
    [InlineData("amqp://cloudsync:wrong@{0}/cloudsync", "refused the login of 'cloudsync'", false)]
    [InlineData("amqp://cloudsync:cloudsync@{0}/nowhere", "virtual host 'nowhere'", true)]
    public async Task What_the_broker_refuses_is_one_line_that_names_the_setting(string uri, string expected, bool subscribes)
    {
        using var folder = new TemporaryDirectory();
        await using var host = new DeliveryHost(
            folder.Path,
            builder => Use(builder, string.Format(null, uri, "127.0.0.1:" + broker.Server.Settings.Port)), null,
            subscribes ? [new RecordingConsumer("one")] : []);
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(host.StartAsync);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Contains("CloudSync:RabbitMq:Uri", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_queue_declared_otherwise_is_one_line_that_names_it()
    {
        using var folder = new TemporaryDirectory();
        await using (var connection = await new ConnectionFactory { Uri = new Uri(broker.Server.Uri) }.CreateConnectionAsync(Cancellation))
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: Cancellation))
        {
            await channel.QueueDeclareAsync(
                $"{_exchange}.one.3", durable: true, exclusive: false, autoDelete: false, cancellationToken: Cancellation);
        }

        await using var host = new DeliveryHost(folder.Path, Use, null, new RecordingConsumer("one"));
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(host.StartAsync);
        Assert.Contains($"{_exchange}.one.3", exception.Message, StringComparison.Ordinal);
        Assert.Contains("CloudSync:RabbitMq:Uri", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("")]
    [InlineData("127.0.0.1:5672")]
    public void A_uri_of_another_kind_is_refused_by_name(string uri)
    {
        var result = new RabbitMqOptionsValidator().Validate(null, new RabbitMqOptions { Uri = uri });
        Assert.Contains("CloudSync:RabbitMq:Uri", Assert.Single(result.Failures!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_with_a_memory_alarm_is_seen_and_delivery_goes_on_when_it_is_over()
    {
        using var folder = new TemporaryDirectory();
        var consumer = new RecordingConsumer("one");
        await using var host = new DeliveryHost(folder.Path, Use, null, consumer);
        await host.CreateAsync("notes");
        await host.StartAsync();
        await host.AppendAsync("notes", 0, 1);
        await consumer.ReachAsync("notes", 1);
        var head = 1;
        await broker.Server.ControlAsync(Cancellation, "set_vm_memory_high_watermark", "absolute", "1MB");
        try
        {
            // The broker looks at its memory once a second, and blocks whoever publishes after that: so until it does.
            await Eventually.IsAsync(
                async () =>
                {
                    await host.AppendAsync("notes", head++, 1);
                    return host.State.Reason?.Contains("alarm", StringComparison.Ordinal) == true;
                },
                static () => "The alarm isn't told of.");
        }
        finally
        {
            await broker.Server.ControlAsync(Cancellation, "set_vm_memory_high_watermark", "absolute", "512MB");
        }

        await consumer.ReachAsync("notes", head);
        Assert.Empty(consumer.Disorder);
    }

    [Fact]
    public async Task With_no_queue_to_go_to_the_outbox_is_emptied_all_the_same()
    {
        using var folder = new TemporaryDirectory();
        await using var host = new DeliveryHost(folder.Path, Use);
        await host.CreateAsync("notes");
        await host.AppendAsync("notes", 0, 1);
        await host.StartAsync();
        await Eventually.IsAsync(
            async () => (await host.Outbox.MeasureAsync(Cancellation)).Batches == 0, static () => "The outbox isn't emptied.");
    }
}
