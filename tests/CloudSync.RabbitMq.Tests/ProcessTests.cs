// Relays and consumers as processes of their own: killed at any moment, and beside gateways that show what they did.

using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Cluster.Parts;
using CloudSync.Delivery;
using CloudSync.Delivery.Consumers;
using CloudSync.Log;
using CloudSync.Tests.Shared;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class ProcessTests(Processes processes) : IClassFixture<Processes>
{
    private const string Secret = "a secret of some length";
    private const int Documents = 12;
    private const int WaitingMax = 60;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Relays_and_webhooks_that_are_killed_repeat_and_skip_nothing_and_keep_the_order()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var receiver = await Receiver.StartAsync();
        await using var deployment = await processes.DeployAsync(Webhook(receiver.Url, ("Attempts", "20"), ("FirstWait", "00:00:00.05")));
        await Task.WhenAll(Enumerable.Range(0, Documents).Select(i => deployment.Log.CreateAsync(
            new NewDocument("d" + i, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation)));

        // Two that watch: one through a queue of its own, one through the webhook, which answers when it has written down, and
        // may.
        var (queue, hook) = (new RecordingConsumer("queue"), new RecordingConsumer("hook"));
        await using var connection = await WatchAsync(deployment, queue);
        var mayAnswer = Task.CompletedTask;
        receiver.Answer = async (received, _) =>
        {
            var versions = received.Versions.Split('-').Select(static text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
            await hook.HandleAsync(
                new DeliveryMessage(received.Document, "text", versions[0], (int)(versions[1] - versions[0] + 1), received.Body), Cancellation);
            await Volatile.Read(ref mayAnswer);
            return 204;
        };
        var workers = await Task.WhenAll(deployment.StartAsync("worker-1", "worker"), deployment.StartAsync("worker-2", "worker"));

        using var enough = new CancellationTokenSource();
        var writing = WriteAsync(deployment, queue, random, enough.Token);
        // One of two, both at the same time, the other one.
        foreach (int[] victims in (int[][])[[0], [0, 1], [1]])
        {
            await SeeMoreAsync(20, writing, queue, hook);
            // Killed when requests are received and not answered, and messages are published and not removed from the outbox.
            var answers = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref mayAnswer, answers.Task);
            await SeeMoreAsync(1, writing, hook);
            await using (var held = await HoldWithBatchesAsync(deployment))
            {
                await queue.ReceiveAsync(message => held.Batches.Any(
                    batch => batch.DocumentId == message.DocumentId && batch.FirstVersion <= message.LastVersion));
                await Task.WhenAll(victims.Select(victim => workers[victim].KillAsync()));
                Volatile.Write(ref mayAnswer, Task.CompletedTask);
                answers.SetResult();
            }

            await Task.WhenAll(victims.Select(async victim =>
                workers[victim] = await deployment.StartAsync($"worker-{victim + 1}", "worker")));
        }

        await SeeMoreAsync(50, writing, queue, hook);
        await enough.CancelAsync();
        var heads = await writing;
        for (var i = 0; i < Documents; i++)
        {
            await queue.ReachAsync("d" + i, heads[i]);
            await hook.ReachAsync("d" + i, heads[i]);
        }

        Assert.Empty(queue.Disorder);
        Assert.Empty(hook.Disorder);
        // Both were killed at the same time once, with all of that in their hands.
        Assert.NotEqual(0, Repeats(queue));
        Assert.NotEqual(0, Repeats(hook));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{heads.Sum()} operations; {queue.Messages.Count} messages, of them {Repeats(queue)} again; {hook.Messages.Count} requests, of them {Repeats(hook)} again");
    }

    [Fact]
    public async Task What_a_worker_s_webhook_gave_up_is_shown_and_replayed_by_a_gateway()
    {
        await using var receiver = await Receiver.StartAsync();
        var (attempts, broken) = (new Dictionary<string, int>(), true);
        receiver.Answer = (received, _) =>
        {
            lock (attempts)
            {
                var count = attempts[received.Document] = attempts.GetValueOrDefault(received.Document) + 1;
                return Task.FromResult(received.Document == "bad" && broken || count == 1 ? 500 : 204);
            }
        };
        await using var deployment = await processes.DeployAsync(Webhook(receiver.Url, ("Attempts", "3"), ("FirstWait", "00:00:00.05")));
        var servers = await Task.WhenAll(deployment.StartAsync("gateway-1", "gateway"), deployment.StartAsync("worker-1", "worker"));
        using var http = new HttpClient { BaseAddress = servers[0].Address, Timeout = TimeSpan.FromSeconds(60) };
        foreach (var id in (string[])["good", "bad"])
        {
            using var created = await http.PostAsJsonAsync(
                "api/documents", new { id, type = "text", content = new { ops = new[] { new { insert = "a" } } } }, Cancellation);
            created.EnsureSuccessStatusCode();
        }

        // Once more after a 500, and then well; and three times, and then kept.
        await receiver.AcceptAsync(1);
        var accepted = Assert.Single(receiver.Accepted);
        Assert.Equal(("good", "1-1", 2), (accepted.Document, accepted.Versions, attempts["good"]));
        Assert.True(WebhookSignature.Verify(Secret, accepted.Signature, accepted.Body, DateTimeOffset.UtcNow, TimeSpan.FromMinutes(5)));
        await Eventually.IsAsync(async () => await CountAsync(http) == 1, static () => "The message isn't given up.");
        Assert.Equal(3, attempts["bad"]);
        var failed = (await http.GetFromJsonAsync<JsonNode>("api/webhooks/hook/failed", Cancellation))!["failed"]!.AsArray().Single()!;
        Assert.Equal(
            ("bad", 1, 1, 3, "127.0.0.1 answered 500."),
            ((string?)failed["document"], (int)failed["firstVersion"]!, (int)failed["lastVersion"]!, (int)failed["attempts"]!, (string?)failed["reason"]));

        // Showing it took nothing away. Replayed while it is broken still, it comes back.
        Assert.Equal(1, await CountAsync(http));
        Assert.Equal(1, await ReplayAsync(http));
        await Eventually.IsAsync(
            async () => await CountAsync(http) == 1 && attempts["bad"] > 3, static () => "The replayed message isn't given up again.");
        lock (attempts)
            broken = false;
        Assert.Equal(1, await ReplayAsync(http));
        await receiver.AcceptAsync(2);
        var replayed = receiver.Accepted.Last();
        Assert.Equal(("bad", "1-1"), (replayed.Document, replayed.Versions));
        Assert.True(WebhookSignature.Verify(Secret, replayed.Signature, replayed.Body, DateTimeOffset.UtcNow, TimeSpan.FromMinutes(5)));
        Assert.Equal(0, await CountAsync(http));
        Assert.Contains("\"document\":\"bad\"", Encoding.UTF8.GetString(replayed.Body), StringComparison.Ordinal);
    }

    private static (string, string)[] Webhook(string url, params (string Name, string Value)[] more) =>
    [
        ("CloudSync__Webhooks__0__Name", "hook"), ("CloudSync__Webhooks__0__Url", url), ("CloudSync__Webhooks__0__Secret", Secret),
        .. more.Select(static setting => ("CloudSync__Webhooks__0__" + setting.Name, setting.Value)),
    ];

    // As somebody else's program would: nothing of CloudSync but the names.
    private static async Task<IConnection> WatchAsync(Deployment deployment, RecordingConsumer watcher)
    {
        var connection = await new ConnectionFactory { Uri = new Uri(deployment.BrokerUri) }.CreateConnectionAsync(Cancellation);
        var channel = await connection.CreateChannelAsync(cancellationToken: Cancellation);
        var name = deployment.Exchange + ".watcher";
        await channel.ExchangeDeclareAsync(deployment.Exchange, ExchangeType.Topic, durable: true, cancellationToken: Cancellation);
        await channel.QueueDeclareAsync(
            name, durable: true, exclusive: false, autoDelete: false,
            arguments: new Dictionary<string, object?> { ["x-queue-type"] = "quorum", ["x-single-active-consumer"] = true },
            cancellationToken: Cancellation);
        await channel.QueueBindAsync(name, deployment.Exchange, "text.#", cancellationToken: Cancellation);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, received) =>
        {
            var body = received.Body.ToArray();
            var message = JsonNode.Parse(body)!;
            await watcher.HandleAsync(
                new DeliveryMessage(
                    (string)message["document"]!, (string)message["type"]!, (long)message["firstVersion"]!,
                    message["operations"]!.AsArray().Count, body),
                Cancellation);
            await channel.BasicAckAsync(received.DeliveryTag, multiple: false);
        };
        await channel.BasicConsumeAsync(name, autoAck: false, consumer, Cancellation);
        return connection;
    }

    // Batches of several sizes, without a pause, so that every kill is in the midst of some.
    private static async Task<long[]> WriteAsync(
        Deployment deployment, RecordingConsumer queue, Random random, CancellationToken enough)
    {
        var heads = new long[Documents];
        while (!enough.IsCancellationRequested)
        {
            var (document, count) = (random.Next(Documents), random.Next(1, 4));
            try
            {
                await deployment.AppendAsync("d" + document, heads[document], count);
                heads[document] += count;
            }
            catch (LogUnavailableException)
            {
                // The outbox is held for longer than an append waits.
                heads[document] = (await deployment.Log.FindAsync("d" + document, Cancellation))!.Head;
            }

            // So that there is always something to do, and never a dam.
            var written = heads.Sum();
            await queue.UntilAsync(() => queue.Operations > written - WaitingMax, $"{queue.Name} sees what was written");
        }

        return heads;
    }

    private static async Task<HeldOutbox> HoldWithBatchesAsync(Deployment deployment)
    {
        while (true)
        {
            var held = await deployment.HoldOutboxAsync();
            if (held.Batches.Count > 0)
                return held;
            await held.DisposeAsync();
        }
    }

    // Nothing more comes when nobody writes any more: why that is is what to tell then.
    private static async Task SeeMoreAsync(int messages, Task writing, params RecordingConsumer[] watchers)
    {
        foreach (var watcher in watchers)
        {
            var enough = watcher.Messages.Count + messages;
            var seen = watcher.UntilAsync(() => watcher.Messages.Count >= enough, $"{watcher.Name} sees {enough} messages");
            await await Task.WhenAny(seen, writing);
        }
    }

    private static int Repeats(RecordingConsumer watcher)
    {
        var (repeats, reached) = (0, new Dictionary<string, long>());
        foreach (var message in watcher.Messages)
        {
            if (message.FirstVersion <= reached.GetValueOrDefault(message.DocumentId))
                repeats++;
            reached[message.DocumentId] = Math.Max(message.LastVersion, reached.GetValueOrDefault(message.DocumentId));
        }

        return repeats;
    }

    private static async Task<int> CountAsync(HttpClient http) =>
        (int)(await http.GetFromJsonAsync<JsonNode>("api/webhooks", Cancellation))!["webhooks"]!.AsArray().Single()!["failed"]!;

    private static async Task<int> ReplayAsync(HttpClient http)
    {
        using var answer = await http.PostAsync("api/webhooks/hook/replay", null, Cancellation);
        return (int)(await answer.Content.ReadFromJsonAsync<JsonNode>(Cancellation))!["replayed"]!;
    }
}
