// What every delivery promises: at least once, in order for each document, each subscriber by itself. Run on the one in this
// process and on RabbitMQ, from the outbox of a real SQLite log.

using System.Text;
using CloudSync.Delivery;
using CloudSync.Log;
using CloudSync.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public abstract class DeliveryContract : IDisposable
{
    private static readonly DeliveryPolicy _threeTries = new() { AttemptsMax = 3, FirstWait = TimeSpan.FromMilliseconds(1) };
    private readonly TemporaryDirectory _folder = new();

    private protected abstract void Use(CloudSyncBuilder builder);

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected DeliveryHost Host(params IDeliveryConsumer[] consumers) => new(_folder.Path, Use, null, consumers);

    [Fact]
    public async Task Everything_committed_arrives_at_every_subscriber_in_order_for_each_document()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        RecordingConsumer[] consumers = [new("one"), new("two")];
        // Some messages fail once or twice on their way.
        var failures = new Random(seed + 1);
        consumers[1].Before = (_, _) =>
        {
            lock (failures)
                return failures.Next(4) == 0 ? throw new InvalidOperationException("not now") : Task.CompletedTask;
        };
        await using var host = Host(consumers);
        var heads = new long[6];
        for (var i = 0; i < heads.Length; i++)
            await host.CreateAsync("d" + i);
        await host.StartAsync();
        for (var i = 0; i < 60; i++)
        {
            var document = random.Next(heads.Length);
            var count = random.Next(10) == 0 ? 1_500 : random.Next(1, 5);
            await host.AppendAsync("d" + document, heads[document], count);
            heads[document] += count;
        }

        foreach (var consumer in consumers)
        {
            for (var i = 0; i < heads.Length; i++)
                await consumer.ReachAsync("d" + i, heads[i]);
            Assert.Empty(consumer.Disorder);
        }
    }

    [Fact]
    public async Task A_message_says_all_there_is_to_know_in_JSON()
    {
        var consumer = new RecordingConsumer("one");
        await using var host = Host(consumer);
        await host.CreateAsync("notes");
        await host.StartAsync();
        await host.AppendAsync("notes", 0, 1);
        await consumer.ReachAsync("notes", 1);
        var link = Assert.Single(await host.Log.ReadAuditLinksAsync("notes", 0, 10, Cancellation));
        Assert.Equal(
            """{"document":"notes","type":"text","firstVersion":1,"operations":[{"version":1,"baseVersion":0,"author":"ada","committedAt":"1970-01-01T00:00:01Z","clientId":"7","clientSequence":1,"delta":{"ops":[{"insert":"1 "}]},"link":"""
            + $"\"{Convert.ToHexStringLower(link.Hash.Span)}\"}}]}}",
            Encoding.UTF8.GetString(consumer.Messages[0].Body.Span));
    }

    [Fact]
    public async Task A_relay_that_dies_between_publishing_and_completing_repeats_and_skips_nothing()
    {
        var consumer = new RecordingConsumer("one");
        var fault = new FaultyOutbox();
        await using var host = new DeliveryHost(
            _folder.Path,
            builder =>
            {
                Use(builder);
                builder.Services.Replace(ServiceDescriptor.Singleton<IOutbox>(provider =>
                    fault.Around((IOutbox)provider.GetRequiredService<IOperationLog>())));
            },
            null, consumer);
        await host.CreateAsync("notes");
        await host.AppendAsync("notes", 0, 3);
        fault.CompletionsToFail = 2;
        await host.StartAsync();
        await consumer.ReachAsync("notes", 3);
        await host.AppendAsync("notes", 3, 2);
        await consumer.ReachAsync("notes", 5);
        await fault.Completed.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        Assert.Empty(consumer.Disorder);
        Assert.Equal(0, fault.CompletionsToFail);
    }

    [Fact]
    public async Task What_a_consumer_gives_up_is_kept_and_listed_and_comes_again_when_it_is_replayed()
    {
        var broken = true;
        var consumer = new RecordingConsumer("one", _threeTries)
        {
            Before = (message, _) => Volatile.Read(ref broken) && message.DocumentId == "bad"
                ? throw new InvalidOperationException("no\nway")
                : Task.CompletedTask,
        };
        await using (var host = Host(consumer))
        {
            await host.CreateAsync("bad");
            await host.CreateAsync("good");
            await host.StartAsync();
            await host.AppendAsync("bad", 0, 2);
            await host.AppendAsync("good", 0, 2);
            await consumer.ReachAsync("good", 2);
            await FailedAsync(host, "one", 1);
        }

        // It survives the process.
        var again = new RecordingConsumer("one", _threeTries);
        await using var next = Host(again);
        await next.StartAsync();
        var failed = Assert.Single(await next.Delivery.ListFailedAsync("one", 10, Cancellation));
        Assert.Equal(("bad", 1, 2, 3, "no way"), (failed.DocumentId, failed.FirstVersion, failed.LastVersion, failed.Attempts, failed.Reason));
        Assert.Equal(1, await next.Delivery.CountFailedAsync("one", Cancellation));
        Assert.Equal(1, await next.Delivery.ReplayFailedAsync("one", Cancellation));
        await again.ReachAsync("bad", 2);
        Assert.Equal(0, await next.Delivery.CountFailedAsync("one", Cancellation));
        Assert.Equal(0, await next.Delivery.ReplayFailedAsync("one", Cancellation));
    }

    [Fact]
    public async Task A_subscriber_that_is_stuck_holds_up_no_other_and_goes_on_in_the_next_process()
    {
        var stuck = new RecordingConsumer("stuck") { Before = static (_, stop) => Task.Delay(Timeout.Infinite, stop) };
        var other = new RecordingConsumer("other");
        await using (var host = Host(stuck, other))
        {
            await host.CreateAsync("notes");
            await host.StartAsync();
            for (var head = 0; head < 20; head++)
                await host.AppendAsync("notes", head, 1);
            await other.ReachAsync("notes", 20);
            Assert.Empty(stuck.Messages);
        }

        var (stuckNext, otherNext) = (new RecordingConsumer("stuck"), new RecordingConsumer("other"));
        await using var next = Host(stuckNext, otherNext);
        await next.StartAsync();
        await stuckNext.ReachAsync("notes", 20);
        Assert.Empty(stuckNext.Disorder);
    }

    [Fact]
    public async Task A_document_that_waits_to_be_tried_again_holds_up_no_other()
    {
        // One at a time, and the next attempt in hours.
        var consumer = new RecordingConsumer("one", new() { Concurrency = 1, FirstWait = TimeSpan.FromHours(4), LongestWait = TimeSpan.FromHours(4) })
        {
            Before = static (message, _) => message.DocumentId.StartsWith("bad", StringComparison.Ordinal)
                ? throw new InvalidOperationException("not now")
                : Task.CompletedTask,
        };
        await using var host = Host(consumer);
        for (var i = 0; i < 6; i++)
        {
            await host.CreateAsync("bad" + i);
            await host.CreateAsync("good" + i);
            await host.AppendAsync("bad" + i, 0, 1);
        }

        await host.StartAsync();
        for (var i = 0; i < 6; i++)
            await host.AppendAsync("good" + i, 0, 1);
        for (var i = 0; i < 6; i++)
            await consumer.ReachAsync("good" + i, 1);
    }

    [Fact]
    public async Task A_document_that_was_given_up_gets_one_attempt_a_message_until_one_is_handled()
    {
        var consumer = new RecordingConsumer("one", _threeTries)
        {
            Before = static (message, _) => message.DocumentId == "bad" ? throw new InvalidOperationException("no") : Task.CompletedTask,
        };
        await using var host = Host(consumer);
        await host.CreateAsync("bad");
        await host.CreateAsync("good");
        await host.StartAsync();
        for (var round = 0; round < 3; round++)
        {
            await host.AppendAsync("bad", round, 1);
            await FailedAsync(host, "one", round + 1);
            // The consumer as a whole is well.
            await host.AppendAsync("good", round, 1);
            await consumer.ReachAsync("good", round + 1);
        }

        var failed = await host.Delivery.ListFailedAsync("one", 10, Cancellation);
        Assert.Equal([3, 1, 1], failed.Select(static failure => failure.Attempts));
    }

    [Fact]
    public async Task What_was_committed_before_a_document_was_deleted_is_delivered()
    {
        var consumer = new RecordingConsumer("one");
        await using var host = Host(consumer);
        await host.CreateAsync("gone");
        await host.CreateAsync("notes");
        await host.AppendAsync("gone", 0, 3);
        await host.AppendAsync("notes", 0, 3);
        await host.Log.DeleteAsync("gone", DateTimeOffset.UnixEpoch, Cancellation);
        await host.StartAsync();
        await consumer.ReachAsync("gone", 3);
        await consumer.ReachAsync("notes", 3);
    }

    [Fact]
    public async Task A_document_that_cannot_be_read_is_set_aside_and_named_and_all_others_and_its_later_batches_go_on()
    {
        var consumer = new RecordingConsumer("one");
        using var lines = new Lines(4011);
        await using var host = new DeliveryHost(
            _folder.Path,
            builder =>
            {
                Use(builder);
                builder.Services.AddLogging(logging => logging.AddProvider(lines));
            },
            null, consumer);
        using var counted = new Counted(host.Services);
        foreach (var id in (string[])["missing", "malformed", "nojson", "beyond", "unlinked", "good"])
        {
            await host.CreateAsync(id, id == "nojson" ? "json" : "text");
            for (var head = 0; head < 3; head++)
                await host.AppendAsync(id, head, 1);
        }

        Damage.Run(_folder.Path, "DELETE FROM operations WHERE version = 2 AND document = (SELECT number FROM documents WHERE id = 'missing')");
        Damage.Run(_folder.Path, "UPDATE operations SET operation = x'ffffff' WHERE version = 1 AND document = (SELECT number FROM documents WHERE id = 'malformed')");
        Damage.Run(_folder.Path, "UPDATE operations SET operation = CASE version WHEN 2 THEN x'7b22' ELSE x'5b5d' END WHERE document = (SELECT number FROM documents WHERE id = 'nojson')");
        Damage.Run(_folder.Path, "INSERT INTO outbox (document, first_version, count, committed_at) SELECT number, 500, 2000000, 0 FROM documents WHERE id = 'beyond'");
        // Its operations can be read all the same.
        Damage.Run(_folder.Path, "UPDATE documents SET chain = x'00' WHERE id = 'unlinked'");
        await host.AppendAsync("beyond", 3, 1);
        await host.StartAsync();

        await consumer.ReachAsync("good", 3);
        await consumer.ReachAsync("beyond", 4);
        await consumer.ReachAsync("unlinked", 3);
        await consumer.ReachAsync("missing", 3);
        await consumer.ReachAsync("malformed", 3);
        await consumer.ReachAsync("nojson", 3);
        // And what is written from now on.
        await host.AppendAsync("missing", 3, 1);
        await consumer.ReachAsync("missing", 4);
        Assert.Equal(["malformed 2", "missing 1", "missing 3", "missing 4", "nojson 1", "nojson 3"], consumer.Messages
            .Where(static message => message.DocumentId is "missing" or "malformed" or "nojson")
            .SelectMany(static message => Enumerable.Range(0, message.Count).Select(i => $"{message.DocumentId} {message.FirstVersion + i}"))
            .Where(static version => version != "malformed 3").Distinct().Order());
        Assert.True(host.State.IsUp, host.State.Reason);
        await Eventually.IsAsync(
            async () => (await host.Outbox.MeasureAsync(CancellationToken.None)).Batches == 0, static () => "The outbox isn't emptied.");
        var named = lines.All.Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.Equal(4, named.Count);
        Assert.StartsWith("Error: Operations 1 to 1 of document malformed can't be read", named[0], StringComparison.Ordinal);
        Assert.StartsWith("Error: Operations 2 to 2 of document missing can't be read", named[1], StringComparison.Ordinal);
        Assert.StartsWith("Error: Operations 2 to 2 of document nojson can't be read", named[2], StringComparison.Ordinal);
        Assert.StartsWith("Error: Operations 500 to 2000499 of document beyond can't be read", named[3], StringComparison.Ordinal);
        Assert.Equal(lines.All.Count, counted["cloudsync.delivery.unreadable"]);
    }

    [Fact]
    public async Task While_the_log_as_a_whole_cannot_be_read_nothing_is_set_aside_and_all_comes_later()
    {
        var consumer = new RecordingConsumer("one");
        using var lines = new Lines(4011);
        await using var host = new DeliveryHost(
            _folder.Path,
            builder =>
            {
                Use(builder);
                builder.Services.AddLogging(logging => logging.AddProvider(lines));
            },
            null, consumer);
        await host.CreateAsync("notes");
        await host.AppendAsync("notes", 0, 3);
        var reader = host.Services.GetRequiredService<DeliveryReader>();
        Damage.Run(_folder.Path, "ALTER TABLE operations RENAME TO elsewhere");
        Assert.NotNull(await host.Log.FindAsync("notes", Cancellation));
        await Assert.ThrowsAsync<LogUnavailableException>(() => reader.ReadAsync(new("notes", 1, 3), Cancellation));
        await host.StartAsync();
        Assert.Empty(lines.All);
        Damage.Run(_folder.Path, "ALTER TABLE elsewhere RENAME TO operations");
        await consumer.ReachAsync("notes", 3);
        Assert.Empty(consumer.Disorder);
        Assert.Empty(lines.All);
    }

    [Fact]
    public async Task What_is_unknown_has_no_failed_messages()
    {
        await using var host = Host(new RecordingConsumer("one"));
        await host.StartAsync();
        Assert.Equal(0, await host.Delivery.CountFailedAsync("nobody", Cancellation));
        Assert.Empty(await host.Delivery.ListFailedAsync("nobody", 10, Cancellation));
        Assert.Equal(0, await host.Delivery.ReplayFailedAsync("nobody", Cancellation));
    }

    public void Dispose() => _folder.Dispose();

    private protected static Task FailedAsync(DeliveryHost host, string subscriber, long count) => Eventually.IsAsync(
        async () => await host.Delivery.CountFailedAsync(subscriber, Cancellation) >= count, () => $"{subscriber} hasn't given up {count}.");
}
