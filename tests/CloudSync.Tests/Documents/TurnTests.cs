// Gateways that append to the same document take turns; whoever writes alone doesn't wait.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Operations;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Documents;

public sealed class TurnTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly InProcessFanout _fanout = new();
    private readonly Clock _time = new();

    public void Dispose() => _directory.Dispose();

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    // A clock that stands still: whoever waits for a turn waits until it is moved.
    private Task<DocumentsHost> StartAsync() => DocumentsHost.StartAsync(_directory.File("log.db"), _fanout, time: _time);

    private static Task<CloudSync.Log.DocumentRecord> CreateAsync(DocumentsHost host) =>
        host.Service.CreateAsync("d", "text", "D", "", ReadOnlyMemory<byte>.Empty, CancellationToken.None);

    // Bob has written a while ago, and Ada just now.
    private async Task WriteInTurnAsync(TestSession ada, TestSession bob)
    {
        bob.Submit(Insert(0, "b"));
        await ada.ReachAsync(1);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        ada.Submit(Insert(1, "a"));
        await ada.ReachAsync(2);
        await bob.ReachAsync(2);
    }

    [Fact]
    public async Task A_gateway_that_is_ahead_again_and_again_lets_the_other_append()
    {
        await using var ahead = await StartAsync();
        await using var behind = await StartAsync();
        await CreateAsync(ahead);
        using var ada = await ahead.OpenAsync("d", 1);
        using var bob = await behind.OpenAsync("d", 2);
        await WriteInTurnAsync(ada, bob);

        // She goes on at once, and would be first again.
        ada.Submit(Insert(2, "A"));
        bob.Submit(Insert(2, "B"));
        await bob.ReachAsync(3);
        Assert.Equal("baB", bob.Text);

        _time.Advance(TimeSpan.FromMilliseconds(100));
        await ada.ReachAsync(4);
        await bob.ReachAsync(4);
        Assert.Equal(ada.Text, bob.Text);
        Assert.Contains("A", ada.Text, StringComparison.Ordinal);
    }

    // What others committed was kept back until the turn was over.
    [Fact]
    public async Task Whoever_lets_the_other_append_sees_at_once_what_it_appended()
    {
        await using var ahead = await StartAsync();
        await using var behind = await StartAsync();
        await CreateAsync(ahead);
        using var ada = await ahead.OpenAsync("d", 1);
        using var bob = await behind.OpenAsync("d", 2);
        await WriteInTurnAsync(ada, bob);

        ada.Submit(Insert(2, "A"));
        await _time.SomebodyWaits.WaitAsync(TestContext.Current.CancellationToken);
        bob.Submit(Insert(2, "B"));
        await bob.ReachAsync(3);
        await ada.ReachAsync(3);

        // Her turn comes when it would have come.
        _time.Advance(TimeSpan.FromMilliseconds(100));
        await ada.ReachAsync(4);
        await bob.ReachAsync(4);
        Assert.Equal(ada.Text, bob.Text);
    }

    [Fact]
    public async Task Whoever_writes_alone_never_waits()
    {
        await using var host = await StartAsync();
        await CreateAsync(host);
        using var ada = await host.OpenAsync("d", 1);
        for (var i = 0; i < 20; i++)
        {
            ada.Submit(Insert(0, "a"));
            await ada.ReachAsync(i + 1);
        }
    }

    [Fact]
    public async Task Nobody_waits_any_more_when_the_others_have_stopped_for_a_while()
    {
        await using var here = await StartAsync();
        await using var elsewhere = await StartAsync();
        await CreateAsync(here);
        using var ada = await here.OpenAsync("d", 1);
        using var bob = await elsewhere.OpenAsync("d", 2);
        bob.Submit(Insert(0, "b"));
        await ada.ReachAsync(1);
        _time.Advance(TimeSpan.FromSeconds(6));
        for (var i = 0; i < 5; i++)
        {
            ada.Submit(Insert(0, "a"));
            await ada.ReachAsync(i + 2);
        }
    }

    private sealed class Clock() : FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56))
    {
        /// <summary>Released for each wait that may be one for a turn.</summary>
        public SemaphoreSlim SomebodyWaits { get; } = new(0);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime > TimeSpan.Zero && dueTime <= TimeSpan.FromMilliseconds(100))
                SomebodyWaits.Release();
            return timer;
        }
    }
}
