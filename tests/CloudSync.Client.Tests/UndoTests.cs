// Undo and redo of one client: what is one step, the selection, and what refusals and resets leave of it.

using System.Text.Json.Nodes;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class UndoTests
{
    private const string Id = "doc";
    private const ulong She = 8;

    private readonly FakeTimeProvider _clock = new();
    private readonly FakeServer _server = new();
    private readonly List<DocumentChange> _changes = [];
    private CollaborativeDocument _document = null!;
    private ulong _hers;

    public UndoTests() => Open(DocumentType.Text, new());

    private Sequencer Log => _server.Documents[Id];

    [Fact]
    public void Typing_without_a_pause_is_one_step_and_a_pause_begins_another()
    {
        Type(5, " my", pause: 0.9);
        _clock.Advance(TimeSpan.FromSeconds(1.1));
        Type(8, " dear", pause: 0.9);

        Assert.True(_document.Undo());
        Assert.Equal("Hello my", _document.ToPlainText());
        Assert.True(_document.Undo());
        Assert.Equal("Hello", _document.ToPlainText());
        Assert.False(_document.CanUndo);
        Assert.False(_document.Undo());
        Assert.True(_document.Redo());
        Assert.True(_document.Redo());
        Assert.Equal("Hello my dear", _document.ToPlainText());
        Assert.False(_document.Redo());
        _server.Run();
        Assert.Equal("Hello my dear", Log.Content.ToPlainText());
    }

    [Fact]
    public void Typing_in_another_place_is_another_step()
    {
        Type(5, "!");
        Type(0, "Oh, ");
        _document.Undo();
        Assert.Equal("Hello!", _document.ToPlainText());
    }

    [Fact]
    public void Deleting_what_was_just_typed_belongs_to_the_same_step()
    {
        Type(5, " mx");
        _document.Submit(Delta.Build().Retain(7).Delete(1).ToDelta());
        Type(7, "y");
        _document.Undo();
        Assert.Equal("Hello", _document.ToPlainText());
        _document.Redo();
        Assert.Equal("Hello my", _document.ToPlainText());
    }

    [Fact]
    public void A_step_ends_when_the_application_says_so()
    {
        Type(5, "a");
        _document.EndUndoStep();
        Type(6, "b");
        _document.Undo();
        Assert.Equal("Helloa", _document.ToPlainText());
    }

    [Fact]
    public void What_was_typed_and_deleted_again_is_no_step()
    {
        Type(5, "a");
        _document.Submit(Delta.Build().Retain(5).Delete(1).ToDelta());
        Assert.False(_document.CanUndo);
    }

    [Fact]
    public void Typing_after_an_undo_ends_what_can_be_redone()
    {
        Type(5, "a");
        _document.Undo();
        Type(5, "b");
        Assert.False(_document.CanRedo);
        Assert.False(_document.Redo());
        _document.Undo();
        Assert.Equal("Hello", _document.ToPlainText());
    }

    [Fact]
    public void Others_edits_stay_and_those_inside_what_is_undone_too()
    {
        Type(5, " world");
        _server.Run();
        Hers(Delta.Build().Retain(8).Insert("X").ToDelta());
        Hers(Delta.Build().Insert("Y").ToDelta());
        _document.Undo();
        Assert.Equal("YHelloX", _document.ToPlainText());
        _document.Redo();
        Assert.Equal("YHello woXrld".Length, _document.Length);
        _server.Run();
        Assert.Equal(_document.Content, Log.Content);
    }

    [Fact]
    public void A_step_of_which_others_have_left_nothing_can_not_be_undone()
    {
        Type(5, "abc");
        _server.Run();
        Hers(Delta.Build().Retain(5).Delete(3).ToDelta());
        Assert.False(_document.CanUndo);
        Assert.False(_document.Undo());
    }

    [Fact]
    public void A_burst_goes_on_over_an_edit_of_somebody_else()
    {
        Type(5, "a");
        _server.Run();
        Hers(Delta.Build().Insert("Y ").ToDelta());
        Type(8, "b");
        _document.Undo();
        Assert.Equal("Y Hello", _document.ToPlainText());
    }

    [Fact]
    public void The_selection_before_comes_back_with_an_undo_and_the_one_after_with_a_redo()
    {
        _document.SetSelection(new(1, 4));
        _document.Submit(Delta.Build().Retain(1).Insert("ey").Delete(3).ToDelta());
        _document.SetSelection(new(0, 0));
        _server.Run();
        Hers(Delta.Build().Insert("Oh. ").ToDelta());

        _document.Undo();
        var undone = _changes[^1];
        Assert.Equal((ChangeSource.Undo, 7ul, new Selection(5, 8)), (undone.Source, undone.ClientId, undone.Selection));
        Assert.Equal("Oh. Hello", _document.ToPlainText());
        _document.Redo();
        var redone = _changes[^1];
        Assert.Equal((ChangeSource.Redo, new Selection(7, 7)), (redone.Source, redone.Selection));
        Assert.Equal("Oh. Heyo", _document.ToPlainText());
        // The others hear of it as of any other selection.
        _server.Run();
        var told = _server.Newest.Said.Last(said => said.SetPresence is not null).SetPresence;
        Assert.Equal((7u, 7u), (told.Selection.Anchor, told.Selection.Focus));
    }

    [Fact]
    public void Without_a_selection_there_is_none_to_restore()
    {
        Type(5, "a");
        _document.Undo();
        Assert.Null(_changes[^1].Selection);
    }

    [Fact]
    public void An_attribute_that_somebody_else_has_set_since_stays()
    {
        Open(DocumentType.RichText, new());
        _document.Submit(Delta.Build().Retain(5, new JsonObject { ["color"] = "red", ["bold"] = true }).ToDelta());
        _server.Run();
        Hers(Delta.Build().Retain(2, new JsonObject { ["color"] = "blue" }).ToDelta());
        _document.Undo();
        Assert.Equal(
            Delta.Build().Insert("He", new JsonObject { ["color"] = "blue" }).Insert("llo").ToDelta(), _document.Content);
    }

    [Fact]
    public void Steps_are_kept_up_to_their_number()
    {
        Open(DocumentType.Text, new() { UndoSteps = 3 });
        for (var i = 0; i < 5; i++)
        {
            _document.EndUndoStep();
            Type(5 + i, "x");
        }

        Assert.Equal(3, UndoAll());
        Assert.Equal("Helloxx", _document.ToPlainText());
        Assert.True(_document.CanRedo);
    }

    [Fact]
    public void Steps_are_kept_up_to_their_bytes_and_the_newest_whatever_it_has()
    {
        Open(DocumentType.Text, new() { UndoBytes = 50 });
        var text = new string('x', 100);
        _document.Submit(Delta.Build().Insert(text).ToDelta());
        _document.EndUndoStep();
        _document.Submit(Delta.Build().Retain(100).Delete(2).ToDelta());
        _document.EndUndoStep();
        _document.Submit(Delta.Build().Delete(100).ToDelta());
        Assert.Equal(1, UndoAll());
        Assert.Equal(text + "llo", _document.ToPlainText());
    }

    [Fact]
    public void Without_steps_nothing_is_kept()
    {
        Open(DocumentType.Text, new() { UndoSteps = 0 });
        Type(5, "x");
        Assert.False(_document.CanUndo);
        Assert.False(_document.Undo());
    }

    [Fact]
    public void Undo_and_redo_work_without_a_connection()
    {
        _server.Newest.Break();
        Type(5, " a");
        _document.EndUndoStep();
        Type(7, " b");
        _document.Undo();
        _document.Undo();
        _document.Redo();
        Log.Submit(She, 1, 0, Delta.Build().Insert("Y").ToDelta().Bytes);
        _clock.Advance(TimeSpan.FromSeconds(1));
        _server.Run();
        Assert.Equal("YHello a", Log.Content.ToPlainText());
        _document.Redo();
        _server.Run();
        Assert.Equal("YHello a b", Log.Content.ToPlainText());
    }

    [Fact]
    public void A_refused_edit_is_no_longer_there_to_be_undone_and_those_around_it_are()
    {
        _document.Submit(Delta.Build().Retain(1).Delete(2).ToDelta());
        _server.Run();
        _document.EndUndoStep();
        RefuseOnce();
        _document.Submit(Delta.Build().Retain(1).Delete(1).ToDelta());
        _document.EndUndoStep();
        _document.Submit(Delta.Build().Insert("Oh. ").ToDelta());
        _server.Run();
        Assert.Equal("Oh. Hlo", _document.ToPlainText());

        _document.Undo();
        Assert.Equal("Hlo", _document.ToPlainText());
        _document.Undo();
        Assert.Equal("Hello", _document.ToPlainText());
        Assert.False(_document.Undo());
        _document.Redo();
        _document.Redo();
        _server.Run();
        Assert.Equal("Oh. Hlo", Log.Content.ToPlainText());
    }

    [Fact]
    public void A_refused_part_of_a_burst_is_left_out_of_its_step()
    {
        Type(5, "a");
        _server.Run();
        RefuseOnce();
        Type(6, "b");
        Type(7, "c");
        _server.Run();
        Assert.Equal("Helloac", _document.ToPlainText());
        _document.Undo();
        Assert.Equal("Hello", _document.ToPlainText());
        Assert.False(_document.CanUndo);
        _document.Redo();
        Assert.Equal("Helloac", _document.ToPlainText());
    }

    [Fact]
    public void A_refused_undo_leaves_what_it_would_have_taken_back()
    {
        Type(5, "a");
        _document.EndUndoStep();
        Type(6, "b");
        _server.Run();
        RefuseOnce();
        _document.Undo();
        _server.Run();
        Assert.Equal("Helloab", _document.ToPlainText());
        Assert.False(_document.CanRedo);
        _document.Undo();
        _server.Run();
        Assert.Equal("Hellob", _document.ToPlainText());
        Assert.Equal(_document.Content, Log.Content);
    }

    [Fact]
    public void When_the_content_is_read_anew_nothing_of_before_can_be_undone()
    {
        Type(5, "a");
        _document.EndUndoStep();
        Type(6, "b");
        _document.Undo();
        _server.Newest.QueueCommitted(Id, 0, new()
        {
            ClientId = She, ClientSeq = 1,
            Operation = ByteString.CopyFrom(Delta.Build().Retain(50).Insert("x").ToDelta().Bytes.Span),
        });
        _server.Newest.ClientReads();
        _server.Run();
        Assert.Equal(ChangeSource.Correction, _changes[^1].Source);
        Assert.False(_document.CanUndo);
        Assert.False(_document.CanRedo);
        Type(0, "z");
        _document.Undo();
        _server.Run();
        Assert.Equal(Log.Content, _document.Content);
    }

    [Fact]
    public void A_refused_document_can_not_undo()
    {
        Type(5, "a");
        _server.Newest.Queue(new ServerMessage { Closed = new() { DocumentId = Id, Reason = ClosedReason.Deleted } });
        _server.Newest.ClientReads();
        Assert.False(_document.CanUndo);
        Assert.Throws<RefusedException>(() => _document.Undo());
    }

    private void Open(DocumentType type, CloudSyncClientOptions options)
    {
        _server.Documents[Id] = new(type, Delta.FromPlainText("Hello"));
        (options.ClientId, options.Clock, options.Random) = (7, _clock, new(1));
        _document = _server.Client(options).Open(Id);
        _server.Run();
        _changes.Clear();
        _document.Changed += _changes.Add;
    }

    private void Type(int at, string text, double pause = 0)
    {
        foreach (var key in text)
        {
            _clock.Advance(TimeSpan.FromSeconds(pause));
            _document.Submit(Delta.Build().Retain(at++).Insert(key.ToString()).ToDelta());
        }
    }

    private void Hers(Delta edit)
    {
        Log.Submit(She, ++_hers, Log.Head, edit.Bytes);
        _server.Newest.QueueCommitted(Id, Log.Head - 1, Log.Log[^1]);
        _server.Run();
    }

    private int UndoAll()
    {
        var steps = 0;
        while (_document.Undo())
            steps++;
        return steps;
    }

    private void RefuseOnce() => _server.Instead = (from, message) =>
    {
        if (message.Submit is null)
            return false;
        _server.Instead = null;
        from.QueueError(ErrorCode.DocumentTooLarge, Retry.Never, Id, message.Submit.ClientSeq);
        return true;
    };
}
