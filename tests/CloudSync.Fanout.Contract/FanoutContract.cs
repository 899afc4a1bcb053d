// What every fan-out must do, whichever it is. It may lose, repeat and reorder when things go wrong; what is asserted here
// is what it does while they go right: it reaches whoever subscribes, on every gateway, in order and to the last byte,
// nobody else, one call at a time, and stops when told.

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Threading.Channels;
using Xunit;

namespace CloudSync.Fanout.Contract;

/// <summary>The suite. An implementation derives a class from it.</summary>
public abstract class FanoutContract : IAsyncLifetime
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    // The places where fan-outs live may be shared by tests.
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private IFanout? _here;
    private IFanout? _there;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>One gateway's fan-out.</summary>
    protected IFanout Here => _here!;

    /// <summary>Another gateway's; the same one where gateways are always alone.</summary>
    protected IFanout There => _there!;

    /// <summary>Makes the fan-out of one more gateway, on the same medium as the others.</summary>
    protected abstract ValueTask<IFanout> CreateAsync();

    public virtual async ValueTask InitializeAsync()
    {
        _here = await CreateAsync();
        _there = await CreateAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        await CloseAsync(_here);
        await CloseAsync(_there);
        GC.SuppressFinalize(this);
    }

    private static async Task CloseAsync(IFanout? fanout)
    {
        if (fanout is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }

    private string Document(string name) => $"{_run}-{name}";

    [Fact]
    public async Task What_is_published_reaches_every_subscriber_on_every_gateway_the_publisher_included()
    {
        var document = Document("doc");
        Inbox first = new(), second = new(), third = new();
        await using var subscribed = await Here.SubscribeAsync(document, first.Add, Cancellation);
        await using var other = await Here.SubscribeAsync(document, second.Add, Cancellation);
        await using var far = await There.SubscribeAsync(document, third.Add, Cancellation);
        await Here.PublishAsync(document, new byte[] { 1, 2, 3 }, Cancellation);
        Assert.Equal([1, 2, 3], await first.NextAsync());
        Assert.Equal([1, 2, 3], await second.NextAsync());
        Assert.Equal([1, 2, 3], await third.NextAsync());
    }

    [Fact]
    public async Task Messages_of_one_publisher_arrive_in_order_and_each_of_them_once()
    {
        const int Count = 20_000;
        var document = Document("doc");
        Inbox near = new(), far = new();
        await using var subscribed = await Here.SubscribeAsync(document, near.Add, Cancellation);
        await using var other = await There.SubscribeAsync(document, far.Add, Cancellation);
        for (var sent = 0; sent < Count;)
        {
            // In bursts that a queue holds: what is beyond its bound may be dropped.
            for (var burst = 0; burst < 1_000; burst++)
                await Here.PublishAsync(document, Number(sent++), Cancellation);
            for (var i = sent - 1_000; i < sent; i++)
            {
                Assert.Equal(i, Number(await near.NextAsync()));
                Assert.Equal(i, Number(await far.NextAsync()));
            }
        }
    }

    [Fact]
    public async Task Another_document_is_not_disturbed()
    {
        Inbox here = new(), there = new();
        await using var subscribed = await Here.SubscribeAsync(Document("here"), here.Add, Cancellation);
        await using var other = await There.SubscribeAsync(Document("there"), there.Add, Cancellation);
        await Here.PublishAsync(Document("here"), new byte[] { 1 }, Cancellation);
        await Here.PublishAsync(Document("there"), new byte[] { 2 }, Cancellation);
        Assert.Equal([1], await here.NextAsync());
        Assert.Equal([2], await there.NextAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(4 << 20)]
    public async Task A_message_is_any_bytes_of_any_length_up_to_some_MiB(int length)
    {
        var document = Document("doc");
        var message = RandomNumberGenerator.GetBytes(length);
        var inbox = new Inbox();
        await using var subscribed = await There.SubscribeAsync(document, inbox.Add, Cancellation);
        await Here.PublishAsync(document, message, Cancellation);
        Assert.Equal(message, await inbox.NextAsync());
    }

    [Fact]
    public async Task Thousands_of_documents_each_hear_their_own()
    {
        const int Count = 4_000;
        var inboxes = Enumerable.Range(0, Count).Select(_ => new Inbox()).ToArray();
        var subscriptions = await Task.WhenAll(inboxes.Select((inbox, i) =>
            There.SubscribeAsync(Document($"many-{i}"), inbox.Add, Cancellation).AsTask()));
        for (var i = 0; i < Count; i++)
            await Here.PublishAsync(Document($"many-{i}"), Number(i), Cancellation);
        for (var i = 0; i < Count; i++)
            Assert.Equal(i, Number(await inboxes[i].NextAsync()));
        Assert.All(inboxes, inbox => Assert.Equal(0, inbox.Count));
        foreach (var subscription in subscriptions)
            await subscription.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_has_ended_its_subscription_hears_no_more()
    {
        var document = Document("doc");
        Inbox ended = new(), witness = new();
        var subscription = await Here.SubscribeAsync(document, ended.Add, Cancellation);
        await using var subscribed = await Here.SubscribeAsync(document, witness.Add, Cancellation);
        await subscription.DisposeAsync();
        await There.PublishAsync(document, new byte[] { 1 }, Cancellation);
        await witness.NextAsync();
        Assert.Equal(0, ended.Count);
        // Ending twice is nothing.
        await subscription.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_subscribes_while_the_last_one_leaves_hears_everything_from_then_on()
    {
        var document = Document("doc");
        var last = await There.SubscribeAsync(document, _ => { }, Cancellation);
        for (var round = 0; round < 200; round++)
        {
            var inbox = new Inbox();
            var leaving = last;
            var ending = Task.Run(async () => await leaving.DisposeAsync(), Cancellation);
            last = await There.SubscribeAsync(document, inbox.Add, Cancellation);
            await Here.PublishAsync(document, Number(round), Cancellation);
            Assert.Equal(round, Number(await inbox.NextAsync()));
            await ending;
        }

        await last.DisposeAsync();
    }

    [Fact]
    public async Task Subscribing_and_leaving_from_many_sides_at_once_leaves_those_who_stay_listening()
    {
        var document = Document("doc");
        var stay = new Inbox();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            async () =>
            {
                for (var i = 0; i < 100; i++)
                {
                    var subscription = await There.SubscribeAsync(document, static _ => { }, Cancellation);
                    await subscription.DisposeAsync();
                }
            },
            Cancellation)));
        await using var subscribed = await There.SubscribeAsync(document, stay.Add, Cancellation);
        await Here.PublishAsync(document, new byte[] { 7 }, Cancellation);
        Assert.Equal([7], await stay.NextAsync());
    }

    [Fact]
    public async Task Publishing_where_nobody_listens_is_nothing() =>
        await Here.PublishAsync(Document("nobody"), new byte[] { 1 }, Cancellation);

    [Fact]
    public async Task A_handler_is_never_called_twice_at_a_time()
    {
        var document = Document("doc");
        int inside = 0, breaches = 0, heard = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var subscribed = await Here.SubscribeAsync(document, _ =>
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
                var fanout = publisher % 2 == 0 ? Here : There;
                for (var i = 0; i < 1_000; i++)
                    await fanout.PublishAsync(document, new[] { (byte)publisher }, Cancellation);
            },
            Cancellation)));
        await all.Task.WaitAsync(Guard, Cancellation);
        Assert.Equal(0, breaches);
    }

    [Fact]
    public async Task A_handler_that_publishes_is_answered_after_it_has_returned()
    {
        var document = Document("doc");
        var inbox = new Inbox();
        await using var subscribed = await Here.SubscribeAsync(document, message =>
        {
            if (message.Span[0] == 1)
                _ = Here.PublishAsync(document, new byte[] { 2 }, CancellationToken.None).AsTask();
            inbox.Add(message);
        }, Cancellation);
        await Here.PublishAsync(document, new byte[] { 1 }, Cancellation);
        Assert.Equal([1], await inbox.NextAsync());
        Assert.Equal([2], await inbox.NextAsync());
    }

    [Fact]
    public async Task A_handler_may_end_its_own_subscription()
    {
        var document = Document("doc");
        Inbox once = new(), witness = new();
        IAsyncDisposable? subscription = null;
        subscription = await Here.SubscribeAsync(document, message =>
        {
            once.Add(message);
            _ = Volatile.Read(ref subscription)!.DisposeAsync().AsTask();
        }, Cancellation);
        await using var other = await Here.SubscribeAsync(document, witness.Add, Cancellation);
        await Here.PublishAsync(document, Number(1), Cancellation);
        await Here.PublishAsync(document, Number(2), Cancellation);
        Assert.Equal(1, Number(await witness.NextAsync()));
        Assert.Equal(2, Number(await witness.NextAsync()));
        Assert.Equal(1, once.Count);
    }

    [Fact]
    public async Task A_subscriber_that_throws_harms_neither_publisher_nor_neighbour()
    {
        var document = Document("doc");
        var inbox = new Inbox();
        await using var subscribed = await Here.SubscribeAsync(
            document, _ => throw new InvalidOperationException("broken"), Cancellation);
        await using var other = await Here.SubscribeAsync(document, inbox.Add, Cancellation);
        await Here.PublishAsync(document, new byte[] { 1 }, Cancellation);
        await Here.PublishAsync(document, new byte[] { 2 }, Cancellation);
        Assert.Equal([1], await inbox.NextAsync());
        Assert.Equal([2], await inbox.NextAsync());
    }

    [Fact]
    public async Task While_all_goes_well_it_says_so()
    {
        await using var subscribed = await Here.SubscribeAsync(Document("doc"), _ => { }, Cancellation);
        await BecomesAsync(Here, healthy: true, Cancellation);
        Assert.True(Here.IsHealthyFor(Document("doc")));
        Assert.True(Here.IsHealthyFor(Document("not-subscribed")));
    }

    [Fact]
    public async Task A_publisher_or_subscriber_that_has_given_up_already_does_nothing()
    {
        var given = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Here.PublishAsync(Document("doc"), new byte[] { 1 }, given));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await Here.SubscribeAsync(Document("doc"), _ => { }, given));
    }

    /// <summary>Waits until a fan-out says that it is healthy, or isn't.</summary>
    protected static async Task BecomesAsync(IFanout fanout, bool healthy, CancellationToken cancellationToken)
    {
        using var changed = new SemaphoreSlim(0);
        void OnChanged() => changed.Release();
        fanout.HealthChanged += OnChanged;
        try
        {
            while (fanout.IsHealthy != healthy)
                Assert.True(await changed.WaitAsync(Guard, cancellationToken), $"It didn't become healthy: {healthy}.");
        }
        finally
        {
            fanout.HealthChanged -= OnChanged;
        }
    }

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return bytes;
    }

    private static int Number(byte[] bytes) => BinaryPrimitives.ReadInt32LittleEndian(bytes);

    /// <summary>What a subscriber was told.</summary>
    protected sealed class Inbox
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
