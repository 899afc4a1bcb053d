// What every fan-out must do, whichever it is. It may lose, repeat and reorder; so that is not asserted here. What is: it
// reaches whoever subscribes, nobody else, one call at a time, and stops when told.

using System.Threading.Channels;
using CloudSync.Fanout;
using Xunit;

namespace CloudSync.Tests.Fanout;

public abstract class FanoutContract
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private protected abstract ValueTask<IFanout> CreateAsync();

    [Fact]
    public async Task What_is_published_reaches_every_subscriber_the_publisher_included()
    {
        var fanout = await CreateAsync();
        var (first, second) = (new Inbox(), new Inbox());
        await using var subscribed = await fanout.SubscribeAsync("doc", first.Add, Cancellation);
        await using var other = await fanout.SubscribeAsync("doc", second.Add, Cancellation);
        await fanout.PublishAsync("doc", new byte[] { 1, 2, 3 }, Cancellation);
        Assert.Equal([1, 2, 3], await first.NextAsync());
        Assert.Equal([1, 2, 3], await second.NextAsync());
    }

    [Fact]
    public async Task Messages_of_one_publisher_arrive_in_order_when_all_goes_well()
    {
        var fanout = await CreateAsync();
        var inbox = new Inbox();
        await using var subscribed = await fanout.SubscribeAsync("doc", inbox.Add, Cancellation);
        for (byte i = 0; i < 100; i++)
            await fanout.PublishAsync("doc", new[] { i }, Cancellation);
        for (byte i = 0; i < 100; i++)
            Assert.Equal([i], await inbox.NextAsync());
    }

    [Fact]
    public async Task Another_document_is_not_disturbed()
    {
        var fanout = await CreateAsync();
        var (here, there) = (new Inbox(), new Inbox());
        await using var subscribed = await fanout.SubscribeAsync("here", here.Add, Cancellation);
        await using var other = await fanout.SubscribeAsync("there", there.Add, Cancellation);
        await fanout.PublishAsync("here", new byte[] { 1 }, Cancellation);
        await fanout.PublishAsync("there", new byte[] { 2 }, Cancellation);
        Assert.Equal([1], await here.NextAsync());
        Assert.Equal([2], await there.NextAsync());
    }

    [Fact]
    public async Task Whoever_has_ended_its_subscription_hears_no_more()
    {
        var fanout = await CreateAsync();
        var (ended, witness) = (new Inbox(), new Inbox());
        var subscription = await fanout.SubscribeAsync("doc", ended.Add, Cancellation);
        await using var subscribed = await fanout.SubscribeAsync("doc", witness.Add, Cancellation);
        await subscription.DisposeAsync();
        await fanout.PublishAsync("doc", new byte[] { 1 }, Cancellation);
        await witness.NextAsync();
        Assert.Equal(0, ended.Count);
        // Ending twice is nothing.
        await subscription.DisposeAsync();
    }

    [Fact]
    public async Task Publishing_where_nobody_listens_is_nothing()
    {
        var fanout = await CreateAsync();
        await fanout.PublishAsync("nobody", new byte[] { 1 }, Cancellation);
    }

    [Fact]
    public async Task A_handler_is_never_called_twice_at_a_time()
    {
        var fanout = await CreateAsync();
        int inside = 0, breaches = 0, heard = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var subscribed = await fanout.SubscribeAsync("doc", _ =>
        {
            if (Interlocked.Increment(ref inside) > 1)
                Interlocked.Increment(ref breaches);
            Thread.SpinWait(50);
            Interlocked.Decrement(ref inside);
            if (Interlocked.Increment(ref heard) == 4_000)
                all.TrySetResult();
        }, Cancellation);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(publisher => Task.Run(
            async () =>
            {
                for (var i = 0; i < 1_000; i++)
                    await fanout.PublishAsync("doc", new[] { (byte)publisher }, Cancellation);
            },
            Cancellation)));
        await all.Task.WaitAsync(Guard, Cancellation);
        Assert.Equal(0, breaches);
    }

    [Fact]
    public async Task A_handler_that_publishes_is_answered_after_it_has_returned()
    {
        var fanout = await CreateAsync();
        var inbox = new Inbox();
        await using var subscribed = await fanout.SubscribeAsync("doc", message =>
        {
            if (message.Span[0] == 1)
                _ = fanout.PublishAsync("doc", new byte[] { 2 }, CancellationToken.None).AsTask();
            inbox.Add(message);
        }, Cancellation);
        await fanout.PublishAsync("doc", new byte[] { 1 }, Cancellation);
        Assert.Equal([1], await inbox.NextAsync());
        Assert.Equal([2], await inbox.NextAsync());
    }

    [Fact]
    public async Task A_subscriber_that_throws_harms_neither_publisher_nor_neighbour()
    {
        var fanout = await CreateAsync();
        var inbox = new Inbox();
        await using var subscribed = await fanout.SubscribeAsync(
            "doc", _ => throw new InvalidOperationException("broken"), Cancellation);
        await using var other = await fanout.SubscribeAsync("doc", inbox.Add, Cancellation);
        await fanout.PublishAsync("doc", new byte[] { 1 }, Cancellation);
        Assert.Equal([1], await inbox.NextAsync());
    }

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected sealed class Inbox
    {
        private readonly Channel<byte[]> _messages = Channel.CreateUnbounded<byte[]>();

        public int Count => _messages.Reader.Count;

        public void Add(ReadOnlyMemory<byte> message) => _messages.Writer.TryWrite(message.ToArray());

        public async Task<byte[]> NextAsync()
        {
            using var guard = new CancellationTokenSource(Guard);
            return await _messages.Reader.ReadAsync(guard.Token);
        }
    }
}
