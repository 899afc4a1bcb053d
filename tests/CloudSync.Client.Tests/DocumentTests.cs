// One document: refusals, gaps, presence.

using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class DocumentTests
{
    private const string Id = "doc";
    private const ulong Me = 7;
    private const ulong She = 8;

    private readonly FakeTimeProvider _clock = new();
    private readonly FakeServer _server = new();
    private readonly CloudSyncClient _client;
    private readonly CollaborativeDocument _document;
    private readonly List<DocumentChange> _changes = [];
    private readonly List<RefusedEdit> _refused = [];

    public DocumentTests()
    {
        _server.Documents[Id] = new(DocumentType.Text, Delta.Build().Insert("Hello").ToDelta());
        _client = _server.Client(new() { ClientId = Me, Clock = _clock, Random = new(1) });
        _document = _client.Open(Id);
        _server.Run();
        _document.Changed += _changes.Add;
        _document.Refused += _refused.Add;
    }

    private FakeTransport Connection => _server.Newest;

    private Sequencer Log => _server.Documents[Id];

    [Fact]
    public void A_document_that_does_not_exist_is_refused_and_its_neighbour_is_not()
    {
        var missing = _client.Open("missing");
        _server.Run();
        _clock.Advance(TimeSpan.FromSeconds(59));
        _server.Run();

        Assert.Equal(ErrorCode.DocumentNotFound, missing.State.Reason!.Code);
        Assert.Equal(SyncStateKind.Refused, missing.State.Kind);
        Assert.IsType<RefusedException>(missing.Ready.Exception!.InnerException);
        Assert.Single(Connection.Said, said => said.Open?.DocumentId == "missing");
        Assert.Equal(SyncStateKind.Live, _document.State.Kind);
        Assert.Equal(SyncStateKind.Live, _client.State.Kind);
    }

    [Fact]
    public void A_deleted_document_hands_back_what_was_not_saved_and_keeps_showing_it()
    {
        _document.Submit(Insert(5, "!"));
        _document.Submit(Insert(6, "?"));
        var saved = _document.WhenSavedAsync();
        Connection.Queue(new ServerMessage { Closed = new() { DocumentId = Id, Reason = ClosedReason.Deleted } });
        Connection.ClientReads();

        Assert.Equal(SyncStateKind.Refused, _document.State.Kind);
        Assert.Equal("Hello!?", _document.ToPlainText());
        Assert.Equal(["!", "?"], _refused.Select(refused => refused.Operation.Components[^1].Text));
        Assert.IsType<RefusedException>(saved.Exception!.InnerException);
        Assert.Throws<RefusedException>(() => _document.Submit(Insert(0, "x")));
    }

    [Fact]
    public void A_refused_operation_is_taken_back_and_handed_back_and_the_edits_behind_it_are_kept()
    {
        _document.Submit(Insert(5, "!!!"));
        var first = _document.WhenSavedAsync();
        _document.Submit(Insert(0, "Oh. "));
        var second = _document.WhenSavedAsync();
        _server.Instead = (from, message) =>
        {
            if (message.Submit is null)
                return false;
            _server.Instead = null;
            from.QueueError(ErrorCode.DocumentTooLarge, Retry.Never, Id, message.Submit.ClientSeq);
            return true;
        };
        _server.Run();

        var refused = Assert.Single(_refused);
        Assert.Equal(ErrorCode.DocumentTooLarge, refused.Reason.Code);
        Assert.Equal(Insert(5, "!!!"), refused.Operation);
        Assert.IsType<RefusedException>(first.Exception!.InnerException);
        // It was to wait for the first as well.
        Assert.IsType<RefusedException>(second.Exception!.InnerException);
        Assert.Equal("Oh. Hello", _document.ToPlainText());
        Assert.Equal("Oh. Hello", Log.Content.ToPlainText());
        Assert.Equal([1ul], Log.Log.Select(made => made.ClientSeq));
        Assert.Equal(
            [ChangeSource.Local, ChangeSource.Local, ChangeSource.Correction], _changes.Select(change => change.Source));
    }

    [Fact]
    public void An_operation_over_the_servers_limit_is_refused_once_and_does_not_loop_for_ever()
    {
        var saved = _document.SubmitAsync(Insert(5, new string('x', 70_000)));

        Assert.Equal(ErrorCode.OperationTooLarge, Assert.Single(_refused).Reason.Code);
        Assert.Equal("Hello", _document.ToPlainText());
        Assert.IsType<RefusedException>(saved.Exception!.InnerException);
        for (var i = 0; i < 10; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(10));
            _server.Run();
        }

        Assert.Single(_refused);
        Assert.Single(_server.Connections);
        Assert.DoesNotContain(Connection.Said, said => said.Submit is not null);
    }

    [Fact]
    public void An_operation_that_may_succeed_later_is_sent_again_later()
    {
        var saved = _document.SubmitAsync(Insert(5, "!"));
        RefuseOnce(Retry.Later, afterMs: 2_000);
        _server.Run();
        Assert.Single(Connection.Said, said => said.Submit is not null);
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Single(Connection.Said, said => said.Submit is not null);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();

        Assert.True(saved.IsCompletedSuccessfully);
        Assert.Equal([1ul, 1ul], Connection.Said.Where(said => said.Submit is not null).Select(said => said.Submit.ClientSeq));
        Assert.Equal("Hello!", Log.Content.ToPlainText());
        Assert.Empty(_refused);
    }

    [Fact]
    public void An_operation_can_be_told_to_open_the_document_again_first()
    {
        var saved = _document.SubmitAsync(Insert(5, "!"));
        RefuseOnce(Retry.Reopen);
        Log.Submit(She, 1, 0, Insert(0, "Oh. ").Bytes);
        _server.Run();

        Assert.True(saved.IsCompletedSuccessfully);
        Assert.Equal("Oh. Hello!", _document.ToPlainText());
        Assert.Equal(
            ["Open", "Submit", "Close", "Open", "Submit", "SetPresence"], Connection.Said.Skip(1).Select(said => $"{said.BodyCase}"));
    }

    [Fact]
    public void A_gap_is_closed_by_opening_again_from_the_version_there_is()
    {
        Log.Submit(She, 1, 0, Insert(0, "a").Bytes);
        Log.Submit(She, 2, 1, Insert(1, "b").Bytes);
        Connection.QueueCommitted(Id, 1, Log.Log[1]);
        _server.Run();

        Assert.Equal("abHello", _document.ToPlainText());
        Assert.Equal(2, _document.Version);
        var again = Connection.Said.Last(said => said.Open is not null).Open;
        Assert.True(again.HasFromVersion);
        Assert.Equal(0ul, again.FromVersion);
    }

    [Fact]
    public void A_closing_that_crossed_the_opening_on_the_way_does_not_end_the_document()
    {
        // As the real server does.
        _server.Instead = (from, message) =>
        {
            if (message.Open is null || !from.Open.Contains(message.Open.DocumentId))
                return false;
            from.QueueError(ErrorCode.DocumentAlreadyOpen, Retry.Never, Id);
            return true;
        };
        // A gap makes the client open the document again, while the server closes the session before.
        var late = ByteString.CopyFrom(Insert(0, "x").Bytes.Span);
        Connection.QueueCommitted(Id, 5, new() { ClientId = She, ClientSeq = 1, Operation = late });
        Connection.Queue(new ServerMessage { Closed = new() { DocumentId = Id, Reason = ClosedReason.Reopen } });
        _document.Submit(Insert(5, "!"));
        for (var i = 0; i < 20; i++)
        {
            _server.Run();
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(SyncStateKind.Live, _document.State.Kind);
        Assert.Empty(_refused);
        Assert.Equal(0, _document.State.Unsaved);
        Assert.Equal("Hello!", Log.Content.ToPlainText());
    }

    [Fact]
    public void What_was_received_already_is_ignored()
    {
        Log.Submit(She, 1, 0, Insert(0, "a").Bytes);
        Connection.QueueCommitted(Id, 0, Log.Log[0]);
        Connection.QueueCommitted(Id, 0, Log.Log[0]);
        _server.Run();
        Assert.Equal("aHello", _document.ToPlainText());
        Assert.Equal(1, _document.Version);
    }

    [Fact]
    public void An_operation_that_does_not_fit_is_answered_by_reading_the_content_anew()
    {
        _document.Submit(Insert(5, "!"));
        Connection.QueueCommitted(Id, 0, new()
        {
            ClientId = She, ClientSeq = 1, Operation = ByteString.CopyFrom(Insert(50, "x").Bytes.Span),
        });
        Connection.ClientReads();
        _server.Run();

        Assert.Equal(Log.Content, _document.Content);
        Assert.False(Connection.Said.Last(said => said.Open is not null).Open.HasFromVersion);
        Assert.Single(_refused);
        Assert.Equal(SyncStateKind.Live, _document.State.Kind);
        Assert.Equal(
            Delta.FromPlainText("Hello!").Compose(_changes[^1].Delta).ToPlainText(), Log.Content.ToPlainText());
    }

    [Fact]
    public void Pending_edits_are_not_dropped_silently_when_the_server_was_rolled_back_but_handed_back()
    {
        Log.Submit(She, 1, 0, Insert(0, "lost ").Bytes);
        Connection.QueueCommitted(Id, 0, Log.Log[0]);
        _server.Run();
        _server.Documents[Id] = new(DocumentType.Text, Delta.FromPlainText("Hi"));
        _server.Instead = (from, message) =>
        {
            if (message.Open is not { HasFromVersion: true })
                return false;
            from.QueueError(ErrorCode.VersionUnknown, Retry.Never, Id);
            return true;
        };
        Connection.Break();
        _document.Submit(Insert(0, "x"));
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();

        Assert.Equal("Hi", _document.ToPlainText());
        Assert.Single(_refused);
        Assert.Equal(new SyncState(SyncStateKind.Live), _document.State);
    }

    [Fact]
    public void Changes_name_their_author_and_come_one_at_a_time_in_order()
    {
        var order = new List<string>();
        _document.Changed += change =>
        {
            order.Add($"{change.Source} {change.ClientId} {change.Sequence}");
            if (change.Source == ChangeSource.Remote)
                _document.Submit(Insert(0, "y"));
            order.Add("end");
        };
        _document.Submit(Insert(5, "!"));
        Log.Submit(She, 3, 0, Insert(0, "a").Bytes);
        Connection.QueueCommitted(Id, 0, Log.Log[0]);
        Connection.ClientReads();

        Assert.Equal(["Local 7 1", "end", "Remote 8 3", "end", "Local 7 2", "end"], order);
        Assert.Equal("yaHello!", _document.ToPlainText());
    }

    [Fact]
    public void A_renamed_document_tells_its_title()
    {
        var titles = new List<string>();
        _document.Renamed += titles.Add;
        Connection.Queue(new ServerMessage { Renamed = new() { DocumentId = Id, Title = "Another" } });
        _server.Run();
        Assert.Equal("Another", _document.Title);
        Assert.Equal(["Another"], titles);
    }

    [Fact]
    public void Others_selections_move_with_edits_and_their_own_edits_push_their_caret()
    {
        Connection.Queue(Present(version: 0, everybody: true, Entry(She, 2), Entry(9, 2), Entry(Me, 1)));
        _server.Run();
        Assert.Equal([(She, 2), (9ul, 2)], Carets());

        Log.Submit(She, 1, 0, Insert(2, "xx").Bytes);
        Connection.QueueCommitted(Id, 0, Log.Log[0]);
        _server.Run();
        Assert.Equal([(She, 4), (9ul, 2)], Carets());

        // Over our own edit too, which nobody has committed yet.
        _document.Submit(Insert(0, "abc"));
        Assert.Equal([(She, 7), (9ul, 5)], Carets());

        var raised = 0;
        _document.PresenceChanged += () => raised++;
        Connection.Break();
        Assert.Empty(_document.Presence);
        Assert.Equal(1, raised);
    }

    [Fact]
    public void Those_who_left_are_gone_and_a_selection_past_the_end_is_held_inside()
    {
        Connection.Queue(Present(version: 0, everybody: true, Entry(She, 2), Entry(9, 1_000)));
        var left = Present(version: 0, everybody: false);
        left.PresenceChanged.Left.Add(She);
        Connection.Queue(left);
        _server.Run();
        Assert.Equal([(9ul, 5)], Carets());
    }

    [Fact]
    public void A_selection_is_told_when_all_is_saved_and_not_while_it_only_follows_the_typing()
    {
        _document.SetSelection(new(5, 5));
        var told = Assert.Single(Connection.Said, said => said.SetPresence is not null).SetPresence;
        Assert.Equal((5u, 5u, 0ul), (told.Selection.Anchor, told.Selection.Focus, told.Version));

        _document.Submit(Insert(5, "!"));
        _document.SetSelection(new(6, 6));
        _server.Run();
        Assert.Single(Connection.Said, said => said.SetPresence is not null);

        _document.Submit(Insert(0, "x"));
        _document.SetSelection(new(2, 3));
        Assert.Single(Connection.Said, said => said.SetPresence is not null);
        _server.Run();
        told = Connection.Said.Last(said => said.SetPresence is not null).SetPresence;
        Assert.Equal((2u, 3u, 2ul), (told.Selection.Anchor, told.Selection.Focus, told.Version));

        // A new session knows nothing of it.
        Connection.Break();
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.Single(Connection.Said, said => said.SetPresence is not null);
    }

    [Fact]
    public void Wrong_selections_and_states_are_refused_here()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _document.SetSelection(new(0, 6)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _document.SetSelection(new(-1, 0)));
        Assert.Throws<ArgumentException>(() => _document.SetPresenceState(new string('x', 1_001)));
    }

    [Fact]
    public void A_closed_document_is_closed_on_the_server_and_can_be_opened_anew()
    {
        _document.Dispose();
        _server.Run();
        Assert.Empty(Connection.Open);
        var again = _client.Open(Id);
        Assert.NotSame(_document, again);
        _server.Run();
        Assert.Equal("Hello", again.ToPlainText());
        Assert.Equal(SyncStateKind.Closed, _document.State.Kind);
    }

    [Fact]
    public void An_edit_in_a_document_opened_anew_is_not_taken_for_one_that_was_on_its_way_when_it_was_closed()
    {
        ClientMessage? late = null;
        _server.Instead = (_, message) =>
        {
            if (message.Submit is null)
                return false;
            late = message;
            return true;
        };
        _document.Submit(Insert(5, "!"));
        _server.Run();
        _document.Dispose();
        var again = _client.Open(Id);
        _server.Run();
        Assert.Equal("Hello", again.ToPlainText());

        // Only now does the server get to what was sent before.
        again.Submit(Insert(0, "x"));
        _server.Instead = null;
        _server.Handle(Connection, late!);
        _server.Run();

        Assert.Equal("xHello!", Log.Content.ToPlainText());
        Assert.Equal("xHello!", again.ToPlainText());
        Assert.Equal(0, again.State.Unsaved);
        Assert.Equal(2, Log.Head);
    }

    private static Delta Insert(int at, string text) => Delta.Build().Retain(at).Insert(text).ToDelta();

    private static ServerMessage Present(
        ulong version, bool everybody, params Protocol.V1.PresenceEntry[] entries) => new()
        {
            PresenceChanged = new() { DocumentId = Id, Version = version, Everybody = everybody, Entries = { entries } },
        };

    private static Protocol.V1.PresenceEntry Entry(ulong clientId, uint at) => new()
    {
        ClientId = clientId, User = new() { Name = "A" }, Selection = new() { Anchor = at, Focus = at },
    };

    private IEnumerable<(ulong, int)> Carets() =>
        _document.Presence.OrderBy(entry => entry.ClientId).Select(entry => (entry.ClientId, entry.Selection!.Value.Focus));

    private void RefuseOnce(Retry retry, uint afterMs = 0) => _server.Instead = (from, message) =>
    {
        if (message.Submit is null)
            return false;
        _server.Instead = null;
        from.QueueError(ErrorCode.LogUnavailable, retry, Id, message.Submit.ClientSeq, afterMs);
        return true;
    };
}
