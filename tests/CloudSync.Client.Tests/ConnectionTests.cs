// Connecting, losing the connection, coming back, and staying away.

using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class ConnectionTests
{
    private const string Id = "doc";

    private readonly FakeTimeProvider _clock = new();
    private readonly FakeServer _server = new();
    private readonly CloudSyncClient _client;
    private readonly List<SyncState> _states = [];

    public ConnectionTests()
    {
        _server.Documents[Id] = new(DocumentType.Text, Delta.Build().Insert("Hello").ToDelta());
        _client = NewClient(new FixedRandom(0.5));
    }

    [Fact]
    public void A_client_connects_when_a_document_is_opened_and_is_live_when_welcomed()
    {
        Assert.Empty(_server.Connections);
        var document = _client.Open(Id);
        Assert.Same(document, _client.Open(Id));
        Assert.Equal(SyncStateKind.Connecting, _client.State.Kind);
        Assert.Throws<InvalidOperationException>(() => document.Length);

        _server.Run();

        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
        Assert.Equal(SyncStateKind.Live, document.State.Kind);
        Assert.True(document.Ready.IsCompletedSuccessfully);
        Assert.Equal("Hello", document.ToPlainText());
        Assert.Equal(5, document.Length);
        Assert.Equal("A title", document.Title);
    }

    [Fact]
    public void The_address_names_the_first_document_for_a_load_balancer_now_and_when_the_client_comes_back()
    {
        _server.Endpoint = "http://server/sync?tenant=a%20b";
        using var client = NewClient(new FixedRandom(0.5));
        client.Open(Id);
        client.Open("another");
        _server.Run();
        _server.Newest.Break();
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();

        Assert.Equal(
            Enumerable.Repeat("ws://server/sync?tenant=a%20b&document=doc", 2),
            _server.Addresses.Select(static address => address.AbsoluteUri));
    }

    [Fact]
    public async Task A_socket_that_is_gone_when_an_edit_is_to_be_sent_is_a_lost_connection_and_nothing_hangs()
    {
        var document = Open();
        _server.Newest.SendFailure = new ObjectDisposedException("socket");
        document.Submit(Insert(5, "!"));
        Assert.Equal(SyncStateKind.Offline, _client.State.Kind);

        // Whoever comes next, on another thread, is not kept waiting for a lock that nobody gives back.
        Assert.Equal(6, await Task.Run(() => document.Length, TestContext.Current.CancellationToken).Soon());
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.Equal(new SyncState(SyncStateKind.Live), _client.State);
        Assert.Equal("Hello!", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void Offline_it_counts_unsaved_edits_and_saves_them_when_it_is_back()
    {
        var document = Open();
        _server.Newest.Break();
        Assert.Equal(SyncStateKind.Offline, _client.State.Kind);

        document.Submit(Insert(5, " you"));
        var saved = document.SubmitAsync(Insert(9, "!"));
        Assert.Equal(new SyncState(SyncStateKind.Offline, 2, TimeSpan.FromSeconds(0.125)), _client.State);
        Assert.False(saved.IsCompleted);

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new SyncState(SyncStateKind.Connecting, 2), _client.State);
        _server.Run();

        Assert.Equal(new SyncState(SyncStateKind.Live), _client.State);
        Assert.True(saved.IsCompletedSuccessfully);
        Assert.Equal("Hello you!", _server.Documents[Id].Content.ToPlainText());
        Assert.Single(_server.Documents[Id].Log);
        Assert.Equal(0ul, _server.Newest.Said.Single(said => said.Open is not null).Open.FromVersion);
    }

    [Fact]
    public void An_operation_whose_acknowledgement_was_lost_is_found_again_not_applied_again()
    {
        var document = Open();
        document.Submit(Insert(5, "!"));
        _server.Newest.ServerReads();
        Assert.Equal(1, _server.Documents[Id].Head);
        _server.Newest.Break();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();

        Assert.Equal("Hello!", _server.Documents[Id].Content.ToPlainText());
        Assert.Equal("Hello!", document.ToPlainText());
        Assert.Equal(0, document.State.Unsaved);
        Assert.DoesNotContain(_server.Newest.Said, said => said.Submit is not null);
    }

    [Fact]
    public void An_operation_that_never_arrived_is_sent_again_under_its_number()
    {
        var document = Open();
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        _server.Newest.Break();
        _server.Documents[Id].Submit(99, 1, 0, Insert(0, "Oh. ").Bytes);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();

        Assert.Equal("Oh. Hello!?", document.ToPlainText());
        Assert.Equal("Oh. Hello!?", _server.Documents[Id].Content.ToPlainText());
        Assert.Equal([(1ul, 1ul), (2ul, 2ul)], _server.Newest.Said.Where(said => said.Submit is not null)
            .Select(said => (said.Submit.ClientSeq, said.Submit.BaseVersion)));
    }

    [Fact]
    public void Waits_between_attempts_are_random_below_a_bound_that_grows_by_the_same_to_its_maximum()
    {
        Open();
        var waits = new List<double>();
        for (var i = 0; i < 122; i++)
        {
            _server.Newest.Break();
            var connections = _server.Connections.Count;
            var wait = _client.State.RetryIn!.Value;
            waits.Add(wait.TotalSeconds);
            _clock.Advance(wait - TimeSpan.FromMilliseconds(1));
            Assert.Equal(connections, _server.Connections.Count);
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            Assert.Equal(connections + 1, _server.Connections.Count);
            _server.Newest.Accept();
        }

        Assert.Equal([.. Enumerable.Range(1, 120).Select(static n => n * 0.125), 15, 15], waits);
    }

    [Fact]
    public void Full_jitter_spreads_clients_over_the_whole_window()
    {
        var waits = Enumerable.Range(0, 200).Select(seed =>
        {
            using var client = NewClient(new Random(seed));
            client.Open(Id);
            _server.Run();
            _server.Newest.Break();
            return client.State.RetryIn!.Value.TotalSeconds;
        }).ToArray();

        Assert.All(waits, wait => Assert.InRange(wait, 0, 0.25));
        Assert.InRange(waits.Average(), 0.1, 0.15);
        Assert.Contains(waits, wait => wait < 0.025);
        Assert.Contains(waits, wait => wait > 0.225);
    }

    [Fact]
    public void A_connection_takes_one_attempt_back_for_each_two_seconds_that_it_lasted()
    {
        Open();
        for (var i = 0; i < 5; i++)
        {
            _server.Newest.Break();
            _clock.Advance(_client.State.RetryIn!.Value);
            _server.Run();
        }

        _clock.Advance(TimeSpan.FromSeconds(5));
        _server.Newest.Break();
        Assert.Equal(TimeSpan.FromSeconds(4 * 0.125), _client.State.RetryIn);

        _clock.Advance(_client.State.RetryIn!.Value);
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(20));
        _server.Newest.Break();
        Assert.Equal(TimeSpan.FromSeconds(0.125), _client.State.RetryIn);
    }

    // It made thousands of attempts of each second that the connection had lasted.
    [Fact]
    public void A_connection_takes_nothing_back_and_adds_nothing_where_nothing_is_to_be_forgotten()
    {
        using var client = _server.Client(new() { Clock = _clock, Random = new FixedRandom(0.5), BackoffForgetAfter = Timeout.InfiniteTimeSpan });
        client.Open(Id);
        _server.Run();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            _clock.Advance(TimeSpan.FromSeconds(10));
            _server.Newest.Break();
            Assert.Equal(TimeSpan.FromSeconds(attempt * 0.125), client.State.RetryIn);
            _clock.Advance(client.State.RetryIn!.Value);
            _server.Run();
        }
    }

    [Fact]
    public void A_server_that_goes_away_says_when_to_come_back()
    {
        Open();
        _server.Newest.Queue(new ServerMessage
        {
            GoingAway = new() { ReconnectAfterMsMin = 4_000, ReconnectAfterMsMax = 6_000 },
        });
        _server.Run();
        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Newest.Break();

        Assert.Equal(TimeSpan.FromSeconds(4), _client.State.RetryIn);
        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(2, _server.Connections.Count);
    }

    [Fact]
    public void A_server_that_goes_away_and_does_not_close_is_left()
    {
        Open();
        var first = _server.Newest;
        first.Queue(new ServerMessage { GoingAway = new() { ReconnectAfterMsMin = 5_000, ReconnectAfterMsMax = 5_000 } });
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.True(first.Broken);
        // That was the moment to come: no wait is added to it.
        _clock.Advance(TimeSpan.Zero);
        _server.Run();
        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
        Assert.Equal(2, _server.Connections.Count);
    }

    [Fact]
    public void The_server_is_told_whether_a_client_leaves_or_comes_back()
    {
        Open();
        var moved = _server.Newest;
        moved.Queue(new ServerMessage { GoingAway = new() });
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.True(moved is { Broken: true, Left: false });
        Assert.Equal(2, _server.Connections.Count);
        _client.Dispose();
        Assert.True(_server.Newest.Left);
    }

    [Fact]
    public void A_client_that_is_back_says_again_what_it_shows_also_if_that_is_nothing()
    {
        var document = Open();
        document.SetSelection(new(1, 2));
        _server.Run();
        document.SetSelection(null);
        _server.Newest.Break();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        var shown = Assert.Single(_server.Newest.Said, static message => message.SetPresence is not null).SetPresence;
        Assert.Null(shown.Selection);
    }

    [Fact]
    public void A_document_that_is_opened_again_is_closed_with_the_word_that_it_is()
    {
        Open();
        _server.Newest.QueueError(ErrorCode.DocumentAlreadyOpen, Retry.Never, Id);
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.True(Assert.Single(_server.Newest.Said, static message => message.Close is not null).Close.ComesBack);
    }

    [Fact]
    public void Retry_after_is_waited_for_at_least()
    {
        Open();
        _server.Newest.QueueError(ErrorCode.TooManyConnections, Retry.Later, afterMs: 7_000);
        _server.Run();
        Assert.Equal(TimeSpan.FromSeconds(7.125), _client.State.RetryIn);
    }

    [Fact]
    public void A_document_that_is_not_opened_just_now_is_asked_for_again_after_at_least_as_long_as_the_server_says()
    {
        var refusals = 2;
        _server.Instead = (from, message) =>
        {
            if (message.Open is null || refusals-- <= 0)
                return false;
            from.QueueError(ErrorCode.GatewayBusy, Retry.Later, Id, afterMs: 3_000);
            return true;
        };
        var document = _client.Open(Id);
        _server.Run();
        for (var round = 0; round < 2; round++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(2_999));
            _server.Run();
            Assert.Equal(round + 1, _server.Newest.Said.Count(static message => message.Open is not null));
            // With some time of its own on top, which grows.
            _clock.Advance(TimeSpan.FromSeconds(1));
            _server.Run();
        }

        Assert.Equal(SyncStateKind.Live, document.State.Kind);
        Assert.Single(_server.Connections);
    }

    [Fact]
    public void Each_refusal_of_the_connection_is_waited_for_and_the_own_time_on_top_grows()
    {
        _server.Instead = static (from, message) =>
        {
            if (message.Hello is not null)
                from.QueueError(ErrorCode.GatewayBusy, Retry.Later, afterMs: 7_000);
            return message.Hello is not null;
        };
        _client.Open(Id);
        for (var refusals = 1; refusals < 10; refusals++)
        {
            _server.Run();
            Assert.Equal(TimeSpan.FromSeconds(7 + (refusals * 0.125)), _client.State.RetryIn);
            _clock.Advance(_client.State.RetryIn!.Value);
            Assert.Equal(refusals + 1, _server.Connections.Count);
        }
    }

    [Fact]
    public void A_client_does_not_reconnect_for_ever_after_a_refusal_that_will_not_change()
    {
        var document = Open();
        document.Submit(Insert(0, "x"));
        var saved = document.WhenSavedAsync();
        _server.Newest.QueueError(ErrorCode.Unauthorized, Retry.Never);
        _server.Newest.ClientReads();
        _clock.Advance(TimeSpan.FromDays(1));

        Assert.Single(_server.Connections);
        Assert.Equal(SyncStateKind.Refused, _client.State.Kind);
        Assert.Equal(ErrorCode.Unauthorized, _client.State.Reason!.Code);
        Assert.Equal(1, _client.State.Unsaved);
        Assert.Equal(SyncStateKind.Refused, document.State.Kind);
        Assert.IsType<RefusedException>(saved.Exception!.InnerException);

        _client.Reconnect();
        _server.Run();
        Assert.Equal(SyncStateKind.Live, document.State.Kind);
        Assert.Equal("xHello", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void A_transport_that_was_refused_is_never_tried_again()
    {
        var document = _client.Open(Id);
        _server.Newest.Break(new("401", new Refusal(ErrorCode.Unauthorized, "401")));
        _clock.Advance(TimeSpan.FromDays(1));

        Assert.Single(_server.Connections);
        Assert.Equal(SyncStateKind.Refused, _client.State.Kind);
        Assert.IsType<RefusedException>(document.Ready.Exception!.InnerException);

        _client.Reconnect();
        _server.Run();
        Assert.True(document.Ready.IsCompletedSuccessfully);
    }

    [Theory, InlineData(4100, true), InlineData(4199, true), InlineData(4000, false), InlineData(4099, false), InlineData(1001, false)]
    public void Close_codes_say_whether_to_come_back(int code, bool refused) =>
        Assert.Equal(refused, CloseCodes.Describe(code, "why").Refusal is not null);

    [Fact]
    public void Silence_is_broken_by_a_ping_and_a_dead_connection_is_given_up()
    {
        Open();
        var connection = _server.Newest;
        _clock.Advance(TimeSpan.FromSeconds(12.5));
        Assert.Single(connection.Said, said => said.Ping is not null);
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(25));
        Assert.Equal(2, connection.Said.Count(said => said.Ping is not null));

        // From here on the server is dead: nothing is read any more.
        _clock.Advance(TimeSpan.FromSeconds(34));
        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(connection.Broken);
        Assert.NotEqual(SyncStateKind.Live, _client.State.Kind);
    }

    [Fact]
    public void A_connection_that_is_never_welcomed_is_given_up()
    {
        _client.Open(Id);
        _server.Newest.Accept();
        _clock.Advance(TimeSpan.FromSeconds(15));
        Assert.True(_server.Connections[0].Broken);
        Assert.Equal(SyncStateKind.Offline, _client.State.Kind);
    }

    [Fact]
    public void What_is_not_a_frame_costs_the_connection_nothing_else()
    {
        var document = Open();
        _server.Newest.Queue([0xff, 0xff, 0xff]);
        _server.Run();
        Assert.Equal(SyncStateKind.Offline, _client.State.Kind);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.Equal("Hello", document.ToPlainText());
        Assert.Equal(SyncStateKind.Live, document.State.Kind);
    }

    [Fact]
    public void States_are_told_in_order()
    {
        var document = Open();
        document.Submit(Insert(0, "x"));
        _server.Run();
        _server.Newest.Break();
        _client.Dispose();

        Assert.Equal(
            [
                new(SyncStateKind.Live), new(SyncStateKind.Live, 1), new(SyncStateKind.Live),
                new(SyncStateKind.Offline, 0, TimeSpan.FromSeconds(0.125)), new(SyncStateKind.Closed),
            ],
            _states);
        Assert.Throws<ObjectDisposedException>(() => document.Submit(Insert(0, "y")));
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Single(_server.Connections);
    }

    private static Delta Insert(int at, string text) => Delta.Build().Retain(at).Insert(text).ToDelta();

    private CollaborativeDocument Open()
    {
        _client.StateChanged += _states.Add;
        var document = _client.Open(Id);
        _server.Run();
        return document;
    }

    private CloudSyncClient NewClient(Random random) =>
        _server.Client(new() { ClientId = 7, Clock = _clock, Random = random });

    private sealed class FixedRandom(double value) : Random
    {
        public override double NextDouble() => value;
    }
}
