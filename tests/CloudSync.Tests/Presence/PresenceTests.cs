// Who is in a document, and where, on one gateway and on several.

using CloudSync.Documents;
using CloudSync.Fanout;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Documents;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Presence;

public sealed class PresenceTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly InProcessFanout _fanout = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private DocumentsHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await StartAsync();
        await _host.Service.CreateAsync(
            "d", "rich-text", "Title", "", Delta.FromPlainText("hello").Bytes, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _directory.Dispose();
    }

    // A clock that stands still would hold changes back: each step lets what gathered be shown.
    private Task<DocumentsHost> StartAsync() =>
        DocumentsHost.StartAsync(_directory.File("log.db"), _fanout, time: _time);

    private void LetTimePass() => _time.Advance(TimeSpan.FromMilliseconds(50));

    // What another thread has to say may come after the clock was moved, and then waits for the next time it is.
    private async Task SeeAsync(TestSession session, Func<bool> condition)
    {
        for (var tries = 0; ; tries++)
        {
            LetTimePass();
            try
            {
                await session.ReadUntilAsync(condition, TimeSpan.FromMilliseconds(500));
                return;
            }
            catch (TimeoutException) when (tries < 100)
            {
            }
        }
    }

    private static void Select(TestSession session, int anchor, int focus) => session.Session.SetPresence(new SetPresence
    {
        DocumentId = "d",
        Version = (ulong)session.Version,
        Selection = new Selection { Anchor = (uint)anchor, Focus = (uint)focus },
    });

    private static Delta Insert(int position, string text) => Delta.Build().Retain(position).Insert(text).ToDelta();

    [Fact]
    public async Task Those_who_open_a_document_see_each_other_by_name_and_see_each_other_leave()
    {
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        var bob = await _host.OpenAsync("d", 2, name: "Bob");
        LetTimePass();
        await SeeAsync(ada, () => ada.Present.ContainsKey(2));
        await SeeAsync(bob, () => bob.Present.Count == 2);
        Assert.Equal("Bob", ada.Present[2].User.Name);
        Assert.Equal("Ada", bob.Present[1].User.Name);
        bob.Dispose();
        LetTimePass();
        await SeeAsync(ada, () => !ada.Present.ContainsKey(2));
    }

    [Fact]
    public async Task A_selection_moves_with_what_others_type_before_it_and_is_pushed_by_its_own()
    {
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        Select(ada, 2, 3);
        ada.Submit(Insert(3, "own"));
        await ada.ReachAsync(2);
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        bob.Submit(Insert(0, "--"));
        await bob.ReachAsync(3);
        bob.Submit(Insert(8, "at the caret"));
        await bob.ReachAsync(4);

        // Whoever comes later is told where it is by then: 2 and 3, then the own insert pushed the focus, then two before.
        using var eve = await _host.OpenAsync("d", 3, name: "Eve");
        LetTimePass();
        await SeeAsync(eve, () => eve.Present.ContainsKey(1));
        Assert.Equal(new Selection { Anchor = 4, Focus = 8 }, eve.Present[1].Selection);
    }

    [Fact]
    public async Task A_selection_made_on_an_older_version_is_moved_to_the_head()
    {
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        bob.Submit(Insert(0, "---"));
        await bob.ReachAsync(2);
        // Ada has not read it yet.
        Select(ada, 5, 5);
        LetTimePass();
        await SeeAsync(bob, () => bob.Present.TryGetValue(1, out var entry) && entry.Selection is not null);
        Assert.Equal(8u, bob.Present[1].Selection.Focus);
    }

    [Fact]
    public async Task A_client_that_comes_back_on_another_session_takes_its_own_place()
    {
        var old = await _host.OpenAsync("d", 1, name: "Ada");
        using var back = await _host.OpenAsync("d", 1, name: "Ada");
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        old.Dispose();
        LetTimePass();
        await SeeAsync(bob, () => bob.Present.Count == 2);
        Assert.Contains(1UL, bob.Present.Keys);
    }

    [Fact]
    public async Task A_client_is_shown_though_the_opening_of_its_dead_connection_ends_after_that_of_the_new_one()
    {
        using var alive = await _host.OpenAsync("d", 1, name: "Ada");
        Select(alive, 1, 2);
        // Both had waited for the log. The connection of this one is gone when it comes.
        var dead = await _host.OpenAsync("d", 1, name: "Ada");
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        bob.Submit(Insert(0, "--"));
        await bob.ReachAsync(2);
        Select(dead, 0, 0);
        await SeeAsync(bob, () => bob.Present.TryGetValue(1, out var entry) && entry.Selection is { Focus: 0 });
        dead.Session.Lose();
        await SeeAsync(bob, () => bob.Present.TryGetValue(1, out var entry) && entry.Selection is { Focus: > 0 });
        Assert.Equal(new Selection { Anchor = 3, Focus = 4 }, bob.Present[1].Selection);
    }

    [Fact]
    public async Task A_client_that_opens_again_and_again_is_shown_until_the_last_has_left()
    {
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        var sessions = new List<TestSession>();
        for (var i = 0; i < 40; i++)
            sessions.Add(await _host.OpenAsync("d", 1, name: "Ada"));
        await SeeAsync(bob, () => bob.Present.ContainsKey(1));
        // More than are remembered leave, the oldest of them first.
        foreach (var session in sessions.SkipLast(1))
            session.Dispose();
        using var eve = await _host.OpenAsync("d", 3, name: "Eve");
        await SeeAsync(bob, () => bob.Present.ContainsKey(3));
        Assert.Contains(1UL, bob.Present.Keys);
        sessions[^1].Dispose();
        await SeeAsync(bob, () => !bob.Present.ContainsKey(1));
    }

    [Theory]
    [InlineData("too large", ErrorCode.PresenceTooLarge)]
    [InlineData("not JSON", ErrorCode.PresenceInvalid)]
    [InlineData("a huge position", ErrorCode.PresenceInvalid)]
    public async Task Bad_presence_is_refused_by_name(string what, ErrorCode expected)
    {
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        var presence = new SetPresence { DocumentId = "d", Version = 1 };
        switch (what)
        {
            case "too large":
                presence.State = '"' + new string('x', 5_000) + '"';
                break;
            case "not JSON":
                presence.State = "{";
                break;
            default:
                presence.Selection = new Selection { Anchor = uint.MaxValue, Focus = 0 };
                break;
        }

        ada.Session.SetPresence(presence);
        await SeeAsync(ada, () => ada.Errors.Count == 1);
        Assert.Equal(expected, ada.Errors[0].Code);
    }

    [Fact]
    public async Task A_selection_past_the_end_is_shown_at_the_end()
    {
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        using var bob = await _host.OpenAsync("d", 2, name: "Bob");
        Select(ada, 900, 1_000);
        LetTimePass();
        await SeeAsync(bob, () => bob.Present.TryGetValue(1, out var entry) && entry.Selection is not null);
        Assert.Equal(new Selection { Anchor = 5, Focus = 5 }, bob.Present[1].Selection);
    }

    [Fact]
    public async Task A_departure_that_the_fan_out_lost_is_noticed_when_heads_are_compared()
    {
        var fanout = new DroppingFanout(_fanout);
        await using var other = await DocumentsHost.StartAsync(_directory.File("log.db"), fanout, time: _time);
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        var bob = await other.OpenAsync("d", 2, name: "Bob");
        using var eve = await other.OpenAsync("d", 3, name: "Eve");
        LetTimePass();
        await SeeAsync(ada, () => ada.Present.Count == 3);
        fanout.Dropping = true;
        bob.Dispose();
        LetTimePass();
        await SeeAsync(eve, () => eve.Present.Count == 2);
        fanout.Dropping = false;
        Assert.Equal(3, ada.Present.Count);
        _time.Advance(new CloudSyncOptions().HeadCheckInterval + TimeSpan.FromSeconds(1));
        // Heads are read on another thread; what it finds is shown by the clock that only this test moves.
        await fanout.SharedEverybody;
        LetTimePass();
        await SeeAsync(ada, () => !ada.Present.ContainsKey(2));
        Assert.Contains(3UL, ada.Present.Keys);
    }

    [Fact]
    public async Task The_last_on_a_gateway_whose_departure_the_fan_out_lost_is_not_shown_for_ever()
    {
        var fanout = new DroppingFanout(_fanout);
        await using var other = await DocumentsHost.StartAsync(_directory.File("log.db"), fanout, time: _time);
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        var bob = await other.OpenAsync("d", 2, name: "Bob");
        await SeeAsync(ada, () => ada.Present.ContainsKey(2));
        fanout.Dropping = true;
        bob.Dispose();
        LetTimePass();
        fanout.Dropping = false;
        Assert.Contains(2UL, ada.Present.Keys);
        // Nobody there has the document any more, so nobody says anything of it; but the gateway lives, and its lease is kept.
        for (var second = 0; second < 90; second++)
            _time.Advance(TimeSpan.FromSeconds(1));
        await SeeAsync(ada, () => !ada.Present.ContainsKey(2));
        Assert.Contains(1UL, ada.Present.Keys);
    }

    [Fact]
    public async Task A_client_that_has_moved_to_another_gateway_is_not_taken_out_by_the_one_that_it_left()
    {
        await using var other = await StartAsync();
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        // Its gateway doesn't know yet that this connection is dead, and goes on speaking of it.
        var stale = await other.OpenAsync("d", 2, name: "Bob");
        using var eve = await other.OpenAsync("d", 3, name: "Eve");
        await SeeAsync(ada, () => ada.Present.Count == 3);
        using var moved = await _host.OpenAsync("d", 2, name: "Bob");
        other.Documents.Find("d")!.SharePresence(everybody: true);
        Select(eve, 1, 1);
        await SeeAsync(ada, () => ada.Present[3].Selection is not null);
        stale.Dispose();
        Select(eve, 2, 2);
        await SeeAsync(ada, () => ada.Present[3].Selection is { Anchor: 2 });
        Assert.Contains(2UL, ada.Present.Keys);
    }

    private sealed class DroppingFanout(IFanout inner) : IFanout
    {
        private readonly TaskCompletionSource _sharedEverybody = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Dropping { get; set; }

        public Task SharedEverybody => _sharedEverybody.Task;

        public async ValueTask PublishAsync(
            string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
        {
            if (Dropping)
                return;
            await inner.PublishAsync(documentId, message, cancellationToken);
            if (FanoutMessage.Parser.ParseFrom(message.Span[(message.Span[16..].IndexOf((byte)0) + 17)..]) is { PresenceShared: { Everybody: true, Entries.Count: 1 } })
                _sharedEverybody.TrySetResult();
        }

        public bool IsHealthy => inner.IsHealthy;

        public bool IsHealthyFor(string documentId) => inner.IsHealthyFor(documentId);

        public event Action? HealthChanged
        {
            add => inner.HealthChanged += value;
            remove => inner.HealthChanged -= value;
        }

        public ValueTask<IAsyncDisposable> SubscribeAsync(
            string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken) =>
            inner.SubscribeAsync(documentId, handler, cancellationToken);
    }

    [Fact]
    public async Task Presence_does_not_stay_after_a_gateway_crashed_it_is_gone_within_the_lease()
    {
        var other = await StartAsync();
        using var ada = await _host.OpenAsync("d", 1, name: "Ada");
        using var bob = await other.OpenAsync("d", 2, name: "Bob");
        LetTimePass();
        await SeeAsync(ada, () => ada.Present.ContainsKey(2));
        await SeeAsync(bob, () => bob.Present.ContainsKey(1));
        Select(bob, 1, 4);
        LetTimePass();
        await SeeAsync(ada, () => ada.Present[2].Selection is not null);
        Assert.Equal(new Selection { Anchor = 1, Focus = 4 }, ada.Present[2].Selection);

        // The other gateway says nothing more.
        await other.DisposeAsync();
        _time.Advance(new CloudSyncOptions().PresenceLease + TimeSpan.FromSeconds(1));
        LetTimePass();
        await SeeAsync(ada, () => !ada.Present.ContainsKey(2));
        Assert.Contains(1UL, ada.Present.Keys);
    }
}
