// Edits that survive the end of the program: what is saved, when, and what becomes of it in the next life.

using System.Text.Json.Nodes;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class OutboxTests
{
    private const string Id = "doc";

    private readonly FakeServer _server = new();
    private readonly Dictionary<string, byte[]> _disk = [];
    private readonly List<Life> _lives = [];

    public OutboxTests()
    {
        // Saves that complete go on here and now.
        SynchronizationContext.SetSynchronizationContext(null);
        _server.Documents[Id] = new(DocumentType.Text, Delta.Build().Insert("Hello").ToDelta());
    }

    [Fact]
    public void An_edit_made_offline_survives_the_end_of_the_program_and_is_committed_once()
    {
        var first = Begin();
        var document = first.Open();
        _server.Newest.Break();
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        first.Crash();

        var second = Begin();
        var again = second.Client.Open(Id);
        Assert.Equal(first.Client.ClientId, second.Client.ClientId);
        Assert.True(again.Ready.IsCompletedSuccessfully);
        Assert.Equal("Hello!?", again.ToPlainText());
        Assert.Equal("A title", again.Title);
        Assert.Equal(new SyncState(SyncStateKind.Connecting, 2), again.State);

        _server.Run();
        Assert.Equal(new SyncState(SyncStateKind.Live), again.State);
        Assert.Equal("Hello!?", _server.Documents[Id].Content.ToPlainText());
        Assert.Single(_server.Documents[Id].Log);
    }

    [Fact]
    public void A_document_that_is_kept_can_be_edited_without_any_connection()
    {
        Begin().Open();
        _lives[^1].Crash();

        var life = Begin();
        var document = life.Client.Open(Id);
        _server.Newest.Break();
        Assert.Equal(SyncStateKind.Offline, document.State.Kind);
        document.Submit(Insert(document.Length, "!"));
        Assert.Equal("Hello!", document.ToPlainText());

        life.ComeBack();
        Assert.Equal("Hello!", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void An_operation_is_sent_only_after_it_was_saved_as_in_flight()
    {
        var life = Begin();
        var document = life.Open();
        life.Outbox.AtOnce = false;
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        _server.Run();
        Assert.Equal(1, life.Outbox.UnderWay);
        Assert.DoesNotContain(_server.Newest.Said, static said => said.Submit is not null);

        life.Outbox.Complete();
        Assert.Equal("!", Text(Assert.Single(_server.Newest.Said, static said => said.Submit is not null).Submit));
        Assert.Equal(1, life.Outbox.UnderWay);
        _server.Run();
        life.Outbox.Complete();
        life.Outbox.Complete();
        _server.Run();
        Assert.Equal("Hello!?", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void An_operation_that_was_committed_before_the_crash_is_found_again_not_applied_again()
    {
        var life = Begin();
        life.Open().Submit(Insert(5, "!"));
        _server.Newest.ServerReads();
        Assert.Equal(1, _server.Documents[Id].Head);
        life.Crash();
        _server.Documents[Id].Submit(99, 1, 1, Insert(0, "Oh. ").Bytes);

        var document = Begin().Open();
        Assert.Equal("Oh. Hello!", document.ToPlainText());
        Assert.Equal(0, document.State.Unsaved);
        Assert.Equal(2, _server.Documents[Id].Head);
        document.Submit(Insert(0, "1"));
        _server.Run();
        Assert.Equal(2ul, _server.Documents[Id].Log[^1].ClientSeq);
    }

    [Fact]
    public void What_was_in_flight_is_sent_first_and_under_its_number()
    {
        var life = Begin();
        var document = life.Open();
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        life.Crash(arrives: false);
        _server.Documents[Id].Submit(99, 1, 0, Insert(0, "Oh. ").Bytes);

        Begin().Open();
        Assert.Equal(
            [("!", 1ul), ("?", 2ul)],
            _server.Newest.Said.Where(static said => said.Submit is not null)
                .Select(static said => (Text(said.Submit), said.Submit.ClientSeq)));
        Assert.Equal("Oh. Hello!?", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void Kept_edits_are_not_dropped_silently_when_the_server_was_rolled_back_but_handed_back_once()
    {
        var life = Begin();
        var document = life.Open();
        document.Submit(Insert(5, "!"));
        _server.Run();
        _server.Newest.Break();
        document.Submit(Insert(6, "?"));
        life.Client.Dispose();

        _server.Documents[Id] = new(DocumentType.Text, Delta.Build().Insert("Restored").ToDelta());
        _server.Instead = (from, message) =>
        {
            if (message.Open is not { HasFromVersion: true, FromVersion: > 0 })
                return false;
            from.QueueError(ErrorCode.VersionUnknown, Retry.Never, Id);
            return true;
        };
        var second = Begin();
        document = second.Client.Open(Id);
        List<RefusedEdit> refused = [];
        document.Refused += refused.Add;
        _server.Run();
        Assert.Equal(ErrorCode.VersionUnknown, Assert.Single(refused).Reason.Code);
        Assert.Equal("Restored", document.ToPlainText());
        second.Crash();

        document = Begin().Client.Open(Id);
        Assert.Equal(0, document.State.Unsaved);
        Assert.Equal("Restored", document.ToPlainText());
    }

    [Fact]
    public void Edits_of_a_document_that_was_deleted_are_handed_back_and_no_longer_kept()
    {
        var life = Begin();
        life.Open();
        _server.Newest.Break();
        _lives[^1].Client.Open(Id).Submit(Insert(5, "!"));
        life.Crash();
        _server.Documents.Remove(Id);

        var second = Begin();
        var document = second.Client.Open(Id);
        List<RefusedEdit> refused = [];
        document.Refused += refused.Add;
        _server.Run();
        Assert.Equal("!", Assert.Single(refused).Operation.ToPlainText());
        Assert.Equal(SyncStateKind.Refused, document.State.Kind);
        second.Crash();

        Assert.False(Begin().Client.Open(Id).Ready.IsCompleted);
    }

    [Fact]
    public void A_refused_operation_gives_its_number_to_another_only_after_that_was_saved()
    {
        var life = Begin();
        var document = life.Open();
        _server.Instead = (from, message) =>
        {
            if (message.Submit is not { } submit || !Text(submit).Contains('!', StringComparison.Ordinal))
                return false;
            from.QueueError(ErrorCode.DocumentTooLarge, Retry.Never, Id, submit.ClientSeq);
            return true;
        };
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(0, "Oh. "));
        life.Outbox.AtOnce = false;
        _server.Run();
        Assert.DoesNotContain(_server.Newest.Said, static said => said.Submit is { } submit && Text(submit) == "Oh. ");
        life.Outbox.CompleteAll();
        _server.Run();
        Assert.Equal("Oh. Hello", _server.Documents[Id].Content.ToPlainText());
        Assert.Equal(1ul, Assert.Single(_server.Documents[Id].Log).ClientSeq);
    }

    [Fact]
    public void A_save_that_fails_is_told_and_tried_again_and_nothing_is_sent_before()
    {
        var life = Begin();
        var document = life.Open();
        List<OutboxFailure> failures = [];
        life.Client.OutboxFailed += failures.Add;
        life.Outbox.Failure = new IOException("The disk is full.");
        document.Submit(Insert(5, "!"));
        _server.Run();
        Assert.Equal("The disk is full.", Assert.Single(failures).Exception.Message);
        Assert.Equal(Id, failures[0].DocumentId);
        Assert.Empty(_server.Documents[Id].Log);
        Assert.Equal("Hello!", document.ToPlainText());
        var kept = document.WhenKeptAsync();
        Assert.False(kept.IsCompleted);

        life.Outbox.Failure = null;
        life.Clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.Single(failures);
        Assert.True(kept.IsCompletedSuccessfully);
        Assert.Equal("Hello!", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void A_state_that_cannot_be_read_is_an_error_and_is_never_overwritten()
    {
        Begin().Open().Submit(Insert(5, "!"));
        _lives[^1].Crash();
        foreach (var damage in (Action<byte[]>[])[static bytes => bytes[^1] ^= 1, static bytes => bytes[20] ^= 1, static bytes => bytes[0] = 0])
        {
            var former = _disk[Id + ".edits"];
            var damaged = _disk[Id + ".edits"] = [.. former];
            damage(damaged);
            var life = Begin();
            var thrown = Assert.Throws<OutboxUnreadableException>(() => life.Client.Open(Id));
            Assert.Equal(Id + ".edits", thrown.Name);
            life.Client.Dispose();
            Assert.Same(damaged, _disk[Id + ".edits"]);
            _disk[Id + ".edits"] = former;
        }

        _disk["client"] = [1, 2, 3];
        Assert.Throws<OutboxUnreadableException>(Begin);
        _disk.Remove("client");
        Assert.Throws<OutboxUnreadableException>(() => Begin().Client.Open(Id));
    }

    [Fact]
    public void A_large_content_is_saved_now_and_then_and_not_with_every_edit()
    {
        _server.Documents[Id] = new(DocumentType.Text, Delta.Build().Insert(new string('x', 100_000)).ToDelta());
        var life = Begin();
        var document = life.Open();
        for (var i = 0; i < 300; i++)
        {
            document.Submit(Insert(0, "y"));
            _server.Run();
        }

        Assert.Single(life.Outbox.Saved, static name => name.Contains("content", StringComparison.Ordinal));
        Assert.InRange(_disk[Id + ".edits"].Length, 300, 10_000);

        // Twice as much as an eighth of the content: once more, under the other name.
        document.Submit(Insert(0, new string('z', 30_000)));
        _server.Run();
        document.Submit(Insert(0, "y"));
        _server.Run();
        Assert.Equal(
            [Id + ".content-1", Id + ".content-2"],
            life.Outbox.Saved.Where(static name => name.Contains("content", StringComparison.Ordinal)));
        var shown = document.ToPlainText();
        life.Crash();
        Assert.Equal(shown, Begin().Client.Open(Id).ToPlainText());
    }

    [Fact]
    public void Edits_beyond_the_bound_are_refused_at_once_and_change_nothing()
    {
        var life = Begin(options => options.OutboxBytes = 100);
        var document = life.Open();
        _server.Newest.Break();
        document.Submit(Insert(0, new string('x', 80)));
        Assert.Equal(100, Assert.Throws<OutboxFullException>(() => document.Submit(Insert(0, new string('y', 30)))).Limit);
        Assert.Equal(85, document.Length);
        Assert.Equal(1, document.State.Unsaved);
    }

    [Fact]
    public void Two_living_clients_on_one_outbox_are_not_possible()
    {
        var life = Begin();
        Assert.Throws<OutboxInUseException>(() => _server.Client(new() { Outbox = life.Outbox }));
        life.Client.Dispose();
        _server.Client(new() { Outbox = life.Outbox }).Dispose();
    }

    [Fact]
    public void A_client_that_is_disposed_of_leaves_its_last_edits_and_a_later_one_goes_on_with_them()
    {
        var life = Begin();
        var document = life.Open();
        _server.Newest.Break();
        life.Outbox.AtOnce = false;
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        life.Client.Dispose();
        life.Outbox.CompleteAll();
        Assert.Equal("Hello!?", Begin().Client.Open(Id).ToPlainText());
    }

    [Fact]
    public void A_document_that_is_closed_while_it_is_being_saved_is_opened_again_as_it_was()
    {
        var life = Begin();
        var document = life.Open();
        _server.Newest.Break();
        life.Outbox.AtOnce = false;
        document.Submit(Insert(5, "!"));
        document.Submit(Insert(6, "?"));
        document.Dispose();
        document = life.Client.Open(Id);
        Assert.Equal("Hello!?", document.ToPlainText());
        life.Outbox.CompleteAll();
        life.Outbox.AtOnce = true;
        life.ComeBack();
        Assert.Equal("Hello!?", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void An_answer_to_an_opening_of_before_the_document_was_closed_does_not_take_its_edits_away()
    {
        var life = Begin();
        life.Client.Open(Id).Dispose();
        _server.Newest.Accept();
        _server.Newest.ServerReads();
        _server.Newest.ClientReads();
        // Three times open: the answers to the first two are on their way when the third is edited.
        var document = life.Client.Open(Id);
        _server.Newest.ServerReads();
        _server.Newest.ClientReads();
        document.Dispose();
        document = life.Client.Open(Id);
        document.Dispose();
        document = life.Client.Open(Id);
        _server.Run();
        List<RefusedEdit> refused = [];
        document.Refused += refused.Add;
        document.Submit(Insert(5, "!"));
        _server.Run();
        Assert.Empty(refused);
        Assert.Equal("Hello!", _server.Documents[Id].Content.ToPlainText());
    }

    [Fact]
    public void A_JSON_document_is_kept_too()
    {
        _server.Documents[Id] = new(DocumentType.Json, """{"n":1}"""u8.ToArray());
        var life = Begin();
        var document = life.Open();
        _server.Newest.Break();
        document.EditJson(edit => edit.Add(["n"], 1));
        document.EditJson(edit => edit.Set(["list"], new JsonArray(1, 2)));
        life.Crash();
        document = Begin().Open();
        Assert.Equal("""{"list":[1,2],"n":2}""", document.ReadJson()!.ToJsonString());
        Assert.Equal(1, _server.Documents[Id].Head);
    }

    private static Delta Insert(int at, string text) => Delta.Build().Retain(at).Insert(text).ToDelta();

    private static string Text(Submit submit) => Delta.FromBytes(submit.Operation.Memory).ToPlainText();

    private Life Begin() => Begin(static _ => { });

    private Life Begin(Action<CloudSyncClientOptions> configure)
    {
        Life life = new(_server, _disk, configure);
        _lives.Add(life);
        return life;
    }

    // One run of the program, with a clock of its own: when it stands still, nothing is done any more.
    private sealed class Life
    {
        private readonly FakeServer _server;
        private readonly int _connections;

        public Life(FakeServer server, Dictionary<string, byte[]> disk, Action<CloudSyncClientOptions> configure)
        {
            _server = server;
            _connections = server.Connections.Count;
            Outbox = new(disk);
            CloudSyncClientOptions options = new() { Clock = Clock, Outbox = Outbox };
            configure(options);
            Client = server.Client(options);
        }

        public FakeTimeProvider Clock { get; } = new();

        public MemoryOutbox Outbox { get; }

        public CloudSyncClient Client { get; }

        public CollaborativeDocument Open()
        {
            var document = Client.Open(Id);
            _server.Run();
            return document;
        }

        public void ComeBack()
        {
            Clock.Advance(TimeSpan.FromSeconds(30));
            _server.Run();
        }

        public void Crash(bool arrives = true)
        {
            Outbox.Crash(reached: 0);
            foreach (var transport in _server.Connections.Skip(_connections))
            {
                if (!arrives)
                    transport.Close();
                transport.Crash();
            }
        }
    }
}
