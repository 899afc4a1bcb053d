// Webhooks against a real HTTP server that fails in all the ways they do. On the delivery in this process: what is retried,
// given up and replayed is the delivery's, and the contract holds both to it.

using CloudSync.Cluster.Parts;
using CloudSync.Delivery;
using CloudSync.Delivery.Consumers;
using CloudSync.Tests.Shared;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class WebhookTests : IDisposable
{
    private const string Secret = "a secret of some length";
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_is_signed_and_says_what_it_brings()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var host = Host(Webhook(receiver.Url));
        await host.CreateAsync("notes");
        await host.StartAsync();
        await host.AppendAsync("notes", 0, 2);
        await receiver.AcceptAsync(1);
        var received = Assert.Single(receiver.Accepted);
        Assert.Equal(("notes", "1-2"), (received.Document, received.Versions));
        var now = DateTimeOffset.UtcNow;
        Assert.True(WebhookSignature.Verify(Secret, received.Signature, received.Body, now, TimeSpan.FromMinutes(5)));
        Assert.False(WebhookSignature.Verify("another secret, longer", received.Signature, received.Body, now, TimeSpan.FromMinutes(5)));
        Assert.False(WebhookSignature.Verify(Secret, received.Signature, received.Body.AsSpan(1), now, TimeSpan.FromMinutes(5)));
        Assert.False(WebhookSignature.Verify(Secret, received.Signature, received.Body, now.AddHours(1), TimeSpan.FromMinutes(5)));
        Assert.False(WebhookSignature.Verify(Secret, "nonsense", received.Body, now, TimeSpan.FromMinutes(5)));
    }

    [Fact]
    public async Task Errors_and_timeouts_are_tried_again_and_the_order_of_a_document_is_kept()
    {
        await using var receiver = await Receiver.StartAsync();
        var request = 0;
        receiver.Answer = async (_, context) =>
        {
            switch (Interlocked.Increment(ref request))
            {
                case 1:
                    return 500;
                case 2:
                    // Until the other side gives up.
                    await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
                    return 500;
                case 3:
                    context.Response.Headers.Location = "/elsewhere";
                    return 307;
                default:
                    return 200;
            }
        };
        await using var host = Host(Webhook(receiver.Url, new() { ["Timeout"] = "00:00:00.3" }));
        await host.CreateAsync("notes");
        await host.StartAsync();
        for (var head = 0; head < 10; head++)
            await host.AppendAsync("notes", head, 1);
        var consumed = 0L;
        for (var count = 1; consumed < 10; count++)
        {
            await receiver.AcceptAsync(count);
            var versions = receiver.Accepted.ElementAt(count - 1).Versions.Split('-');
            Assert.True(long.Parse(versions[0], null) <= consumed + 1);
            consumed = Math.Max(consumed, long.Parse(versions[1], null));
        }
    }

    [Fact]
    public async Task A_webhook_that_is_down_holds_up_no_other_and_is_replayed_when_it_is_back_after_a_restart()
    {
        await using var receiver = await Receiver.StartAsync();
        var port = ServerProcess.FreePort();
        var settings = Webhook(receiver.Url).Concat(
            Webhook($"http://127.0.0.1:{port}/hook", new() { ["Attempts"] = "2" }, "down", 1)).ToDictionary();
        await using (var host = Host(settings))
        {
            await host.CreateAsync("notes");
            await host.StartAsync();
            await host.AppendAsync("notes", 0, 3);
            await receiver.AcceptAsync(1);
            await Eventually.IsAsync(
                async () => await host.Delivery.CountFailedAsync("webhook-down", Cancellation) > 0, static () => "Nothing is given up.");
            var state = host.Services.GetRequiredService<WebhookStates>()["down"];
            Assert.NotNull(state.Reason);
        }

        await using var back = await Receiver.StartAsync(port);
        await using var next = Host(settings);
        await next.StartAsync();
        var failed = Assert.Single(await next.Delivery.ListFailedAsync("webhook-down", 10, Cancellation));
        Assert.Equal(("notes", 1, 3, 2), (failed.DocumentId, failed.FirstVersion, failed.LastVersion, failed.Attempts));
        Assert.Equal(1, await next.Delivery.ReplayFailedAsync("webhook-down", Cancellation));
        await back.AcceptAsync(1);
        Assert.Equal("1-3", Assert.Single(back.Accepted).Versions);
    }

    [Fact]
    public async Task Only_documents_that_were_asked_for_are_sent()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var host = Host(Webhook(receiver.Url, new() { ["Documents:0"] = "a", ["Documents:1"] = "team-*" }));
        await host.StartAsync();
        string[] documents = ["a", "ab", "team-1", "steam-1"];
        foreach (var id in documents)
            await host.CreateAsync(id);
        foreach (var id in documents)
            await host.AppendAsync(id, 0, 1);
        await receiver.AcceptAsync(2);
        await host.AppendAsync("a", 1, 1);
        await receiver.AcceptAsync(3);
        Assert.Equal(["a", "a", "team-1"], receiver.Accepted.Select(static received => received.Document).Order());
    }

    [Theory]
    [InlineData("Url", "ftp://x/")]
    [InlineData("Secret", "short")]
    [InlineData("Name", "Has spaces")]
    [InlineData("Attempts", "0")]
    [InlineData("Timeout", "1.00:00:00")]
    public void A_setting_that_can_not_work_is_refused_by_name(string setting, string value)
    {
        var host = Host(Webhook("http://127.0.0.1/", new() { [setting] = value }));
        var exception = Assert.Throws<OptionsValidationException>(
            () => host.Services.GetRequiredService<IOptions<WebhookOptions>>().Value);
        Assert.Contains("CloudSync:Webhooks:0:" + setting, exception.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private DeliveryHost Host(Dictionary<string, string?> settings) => new(_folder.Path, static _ => { }, settings);

    private static Dictionary<string, string?> Webhook(
        string url, Dictionary<string, string>? more = null, string name = "hook", int index = 0)
    {
        var settings = new Dictionary<string, string?>
        {
            [$"CloudSync:Webhooks:{index}:Name"] = name,
            [$"CloudSync:Webhooks:{index}:Url"] = url,
            [$"CloudSync:Webhooks:{index}:Secret"] = Secret,
            [$"CloudSync:Webhooks:{index}:FirstWait"] = "00:00:00.005",
        };
        foreach (var (key, value) in more ?? [])
            settings[$"CloudSync:Webhooks:{index}:{key}"] = value;
        return settings;
    }
}
