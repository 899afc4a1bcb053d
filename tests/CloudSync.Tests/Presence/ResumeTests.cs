// Who loses the connection and is back in time is not seen to leave; who closes the document is, at once.

using CloudSync.Fanout;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CloudSync.Tests.Documents;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Tests.Presence;

public sealed class ResumeTests : IAsyncLifetime
{
    private const ulong Bob = 2;

    private static readonly TimeSpan _window = new CloudSyncOptions().ResumeWindow;

    private readonly TemporaryDirectory _directory = new();
    private readonly InProcessFanout _fanout = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private DocumentsHost _here = null!;
    private DocumentsHost _there = null!;

    public async ValueTask InitializeAsync()
    {
        _here = await StartAsync();
        _there = await StartAsync();
        await _here.Service.CreateAsync("d", "text", "Title", "", Delta.FromPlainText("hello").Bytes, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _here.DisposeAsync();
        await _there.DisposeAsync();
        _directory.Dispose();
    }

    private Task<DocumentsHost> StartAsync(Action<CloudSyncOptions>? configure = null) =>
        DocumentsHost.StartAsync(_directory.File("log.db"), _fanout, configure, _time);

    private static Task<TestSession> OpenBobAsync(DocumentsHost host, long? fromVersion = null) =>
        host.OpenAsync("d", Bob, fromVersion, "Bob");

    private static void Select(TestSession session, uint at) => session.Session.SetPresence(new SetPresence
    {
        DocumentId = "d",
        Version = (ulong)session.Version,
        Selection = new Selection { Anchor = at, Focus = at },
    });

    // What changed is shown by the clock that only the test moves.
    private async Task SeeAsync(TestSession viewer, Func<bool> condition)
    {
        for (var tries = 0; ; tries++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            try
            {
                await viewer.ReadUntilAsync(condition, TimeSpan.FromMilliseconds(200));
                return;
            }
            catch (TimeoutException) when (tries < 300)
            {
            }
        }
    }

    private Task SeeBobAtAsync(TestSession viewer, uint at) =>
        SeeAsync(viewer, () => viewer.Present.TryGetValue(Bob, out var entry) && entry.Selection?.Focus == at);

    // Whatever was said of Bob before has been read when somebody who comes after it is seen.
    private async Task CatchUpWithPresenceAsync(TestSession viewer, DocumentsHost host, ulong clientId)
    {
        using var later = await host.OpenAsync("d", clientId, name: $"client {clientId}");
        await SeeAsync(viewer, () => viewer.Present.ContainsKey(clientId));
    }

    private static IEnumerable<PresenceChanged> Departures(TestSession viewer) =>
        viewer.Messages.Where(static message => message.PresenceChanged?.Left.Contains(Bob) == true).Select(static message => message.PresenceChanged);

    [Fact]
    public async Task Who_loses_the_connection_and_is_back_in_time_stays_as_he_was_on_every_screen()
    {
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        using var eve = await _there.OpenAsync("d", 3, name: "Eve");
        var lost = await OpenBobAsync(_here);
        Select(lost, 4);
        await SeeBobAtAsync(ada, 4);
        await SeeBobAtAsync(eve, 4);
        lost.Session.Lose();
        _time.Advance(_window - TimeSpan.FromSeconds(2));
        await CatchUpWithPresenceAsync(ada, _here, 10);
        await CatchUpWithPresenceAsync(eve, _here, 11);
        using var back = await OpenBobAsync(_here, lost.Version);
        await CatchUpWithPresenceAsync(ada, _here, 12);
        await CatchUpWithPresenceAsync(eve, _here, 13);
        _time.Advance(2 * _window);
        await CatchUpWithPresenceAsync(ada, _here, 14);
        await CatchUpWithPresenceAsync(eve, _here, 15);
        Assert.Empty(Departures(ada));
        Assert.Empty(Departures(eve));
        Assert.Equal(4u, ada.Present[Bob].Selection.Focus);
        Assert.Equal(4u, eve.Present[Bob].Selection.Focus);
        // Shown once, and told no more than once.
        Assert.Single(ada.Messages, static message => message.PresenceChanged?.Entries.Any(static entry => entry.ClientId == Bob && entry.Selection is not null) == true);
    }

    [Fact]
    public async Task Who_does_not_come_back_leaves_when_the_window_is_over()
    {
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        using var eve = await _there.OpenAsync("d", 3, name: "Eve");
        var lost = await OpenBobAsync(_here);
        await SeeAsync(ada, () => ada.Present.ContainsKey(Bob));
        await SeeAsync(eve, () => eve.Present.ContainsKey(Bob));
        lost.Session.Lose();
        await CatchUpWithPresenceAsync(ada, _here, 10);
        Assert.Contains(Bob, ada.Present.Keys);
        _time.Advance(_window + TimeSpan.FromSeconds(1));
        await SeeAsync(ada, () => !ada.Present.ContainsKey(Bob));
        await SeeAsync(eve, () => !eve.Present.ContainsKey(Bob));
    }

    [Fact]
    public async Task Who_closes_the_document_leaves_at_once_also_where_a_lost_connection_of_his_is_remembered()
    {
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        using var eve = await _there.OpenAsync("d", 3, name: "Eve");
        var lost = await OpenBobAsync(_here);
        await SeeAsync(eve, () => eve.Present.ContainsKey(Bob));
        lost.Session.Lose();
        var back = await OpenBobAsync(_there);
        await SeeAsync(ada, () => ada.Present.ContainsKey(Bob));
        back.Dispose();
        await SeeAsync(eve, () => !eve.Present.ContainsKey(Bob));
        await SeeAsync(ada, () => !ada.Present.ContainsKey(Bob));
        // Far within the window.
        await CatchUpWithPresenceAsync(ada, _here, 10);
        Assert.DoesNotContain(Bob, ada.Present.Keys);
    }

    [Fact]
    public async Task Who_comes_back_on_another_gateway_is_there_once_and_stays_when_the_first_forgets_him()
    {
        await using var third = await StartAsync();
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        using var eve = await third.OpenAsync("d", 3, name: "Eve");
        var lost = await OpenBobAsync(_here);
        Select(lost, 2);
        await SeeBobAtAsync(ada, 2);
        await SeeBobAtAsync(eve, 2);
        lost.Session.Lose();
        using var back = await OpenBobAsync(_there, lost.Version);
        await CatchUpWithPresenceAsync(ada, _there, 10);
        await CatchUpWithPresenceAsync(eve, _there, 11);
        Assert.Equal(2u, ada.Present[Bob].Selection.Focus);
        Assert.Equal(2u, eve.Present[Bob].Selection.Focus);
        Select(back, 3);
        await SeeBobAtAsync(eve, 3);
        await SeeBobAtAsync(ada, 3);
        _time.Advance(_window + TimeSpan.FromSeconds(1));
        await CatchUpWithPresenceAsync(ada, _here, 12);
        await CatchUpWithPresenceAsync(eve, _here, 13);
        Assert.Empty(Departures(ada));
        Assert.Empty(Departures(eve));
        Assert.Equal(3u, ada.Present[Bob].Selection.Focus);
        Assert.Equal(3u, eve.Present[Bob].Selection.Focus);
    }

    [Fact]
    public async Task Who_comes_back_elsewhere_before_the_lease_of_a_dead_gateway_ends_is_not_seen_to_leave()
    {
        var dying = await StartAsync();
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        var lost = await OpenBobAsync(dying);
        Select(lost, 2);
        await SeeBobAtAsync(ada, 2);
        // Nothing more is heard of it.
        await dying.DisposeAsync();
        using var back = await OpenBobAsync(_there, lost.Version);
        await CatchUpWithPresenceAsync(ada, _there, 10);
        Assert.Equal(2u, ada.Present[Bob].Selection.Focus);
        // As clients do; nobody else knows it there. Elsewhere than before, so that it is known here when it has come.
        Select(back, 3);
        await SeeBobAtAsync(ada, 3);
        // By the second: the clock jumps before it rings, and a jump as long as a lease ends that of the living gateway too if it is
        // looked at before it could be renewed.
        for (var passed = TimeSpan.Zero; passed <= new CloudSyncOptions().PresenceLease; passed += TimeSpan.FromSeconds(1))
            _time.Advance(TimeSpan.FromSeconds(1));
        await CatchUpWithPresenceAsync(ada, _there, 11);
        Assert.Empty(Departures(ada));
        Assert.Equal(3u, ada.Present[Bob].Selection.Focus);
    }

    [Fact]
    public async Task A_lost_caret_moves_with_what_others_type_and_is_there_when_its_client_comes_back()
    {
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        var lost = await OpenBobAsync(_here);
        Select(lost, 3);
        await SeeBobAtAsync(ada, 3);
        lost.Session.Lose();
        ada.Submit(Delta.Build().Insert("--").ToDelta());
        await ada.ReachAsync(2);
        using var back = await OpenBobAsync(_here, lost.Version);
        using var eve = await _here.OpenAsync("d", 3, name: "Eve");
        await SeeBobAtAsync(eve, 5);
    }

    [Fact]
    public async Task Those_who_are_here_are_shown_rather_than_those_who_may_come_back()
    {
        await using var small = await StartAsync(static options => options.Limits.PresencePerDocument = 2);
        using var ada = await small.OpenAsync("d", 1, name: "Ada");
        var lost = await OpenBobAsync(small);
        await SeeAsync(ada, () => ada.Present.ContainsKey(Bob));
        lost.Session.Lose();
        using var eve = await small.OpenAsync("d", 3, name: "Eve");
        await SeeAsync(ada, () => ada.Present.ContainsKey(3));
        Assert.DoesNotContain(Bob, ada.Present.Keys);
    }

    [Fact]
    public async Task A_document_stays_in_memory_while_somebody_may_come_back_and_no_longer()
    {
        await using var quick = await StartAsync(static options => options.DocumentIdleTimeout = TimeSpan.FromSeconds(1));
        using var ada = await _here.OpenAsync("d", 1, name: "Ada");
        var lost = await OpenBobAsync(quick);
        await SeeAsync(ada, () => ada.Present.ContainsKey(Bob));
        lost.Session.Lose();
        _time.Advance(_window - TimeSpan.FromSeconds(2));
        Assert.NotNull(quick.Documents.Find("d"));
        _time.Advance(TimeSpan.FromSeconds(5));
        await SeeAsync(ada, () => !ada.Present.ContainsKey(Bob));
        await SeeAsync(ada, () => quick.Documents.Find("d") is null);
    }

    [Fact]
    public async Task Without_a_window_whoever_loses_the_connection_leaves_at_once()
    {
        await using var strict = await StartAsync(static options => options.ResumeWindow = TimeSpan.Zero);
        using var ada = await strict.OpenAsync("d", 1, name: "Ada");
        var lost = await OpenBobAsync(strict);
        await SeeAsync(ada, () => ada.Present.ContainsKey(Bob));
        lost.Session.Lose();
        await SeeAsync(ada, () => !ada.Present.ContainsKey(Bob));
    }
}
