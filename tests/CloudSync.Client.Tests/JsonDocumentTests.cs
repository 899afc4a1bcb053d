// JSON documents in the client: editing, undo, refusals, and convergence at random.

using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using CsCheck;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Client.Tests;

public sealed class JsonDocumentTests
{
    private const string Id = "doc";
    private const ulong She = 8;

    private readonly FakeTimeProvider _clock = new();
    private readonly FakeServer _server = new();
    private readonly CollaborativeDocument _document;
    private readonly List<DocumentChange> _changes = [];
    private ulong _hers;

    public JsonDocumentTests()
    {
        _server.Documents[Id] = Content("""{"cards":[{"title":"one"},{"title":"two"}],"n":1,"text":"abc"}""");
        _document = _server.Client(new() { ClientId = 7, Clock = _clock, Random = new(1) }).Open(Id);
        _server.Run();
        _document.Changed += _changes.Add;
    }

    private Sequencer Log => _server.Documents[Id];

    [Fact]
    public void An_edit_is_made_of_steps_and_tells_the_truth_of_what_it_replaces()
    {
        _document.EditJson(edit => edit
            .Set(["n"], 5)
            .Set(["new"], new JsonObject { ["a"] = true })
            .Set(["cards", 0], "card")
            .Insert(["cards", 1], null)
            .Move(["cards", 0], 2)
            .Remove(["cards", 0])
            .Add(["n"], 2)
            .EditText(["text"], 1, 1, "\u00e9\ud83d\ude00")
            .Remove(["new"]));
        _server.Run();
        Assert.Equal("""{"cards":[{"title":"two"},"card"],"n":7,"text":"aé😀c"}""", Shown());
        Assert.Equal(Shown(), Encoding.UTF8.GetString(Log.Snapshot));
        Assert.Equal(
            """[{"p":["n"],"od":1,"oi":5},{"p":["new"],"oi":{"a":true}},{"p":["cards",0],"ld":{"title":"one"},"li":"card"},"""
            + """{"p":["cards",1],"li":null},{"p":["cards",0],"lm":2},{"p":["cards",0],"ld":null},{"p":["n"],"na":2},"""
            + """{"p":["text",1],"sd":"b"},{"p":["text",1],"si":"é😀"},{"p":["new"],"od":{"a":true}}]""",
            Unescaped(Assert.Single(_changes).JsonOperation!));
    }

    [Fact]
    public void Values_are_read_where_a_path_leads_and_are_the_readers_own()
    {
        Assert.Equal("two", (string?)_document.ReadJson("cards", 1, "title"));
        Assert.Null(_document.ReadJson("cards", 5));
        Assert.Null(_document.ReadJson("n", "deeper"));
        _document.ReadJson("cards")!.AsArray().Clear();
        Assert.Equal(2, _document.ReadJson("cards")!.AsArray().Count);
    }

    [Fact]
    public void A_step_that_does_not_fit_leaves_the_whole_edit_undone()
    {
        var before = Shown();
        Assert.Throws<OperationException>(() => _document.EditJson(edit => edit.Set(["n"], 2).Remove(["none"])));
        Assert.Throws<OperationException>(() => _document.EditJson(edit => edit.Set(["none", "deeper"], 2)));
        Assert.Throws<OperationException>(() => _document.EditJson(edit => edit.EditText(["text"], 2, 2, "")));
        Assert.Throws<OperationException>(() => _document.SubmitJson("""[{"p":["n"],"si":"x"}]"""));
        Assert.Throws<OperationException>(() => _document.SubmitJson("nothing"));
        _document.EditJson(_ => { });
        Assert.Equal(before, Shown());
        Assert.Empty(_changes);
        Assert.Equal(0, _document.State.Unsaved);
    }

    [Fact]
    public void Rich_text_in_a_document_is_edited_as_such()
    {
        _document.EditJson(edit => edit.Set(["note"], JsonNode.Parse("""{"ops":[{"insert":"Hi"}]}""")));
        _document.EditJson(edit => edit.EditRichText(
            ["note"], Delta.Build().Retain(2, new JsonObject { ["bold"] = true }).Insert("!").ToDelta()));
        _server.Run();
        Assert.Equal(
            """[{"attributes":{"bold":true},"insert":"Hi"},{"insert":"!"}]""",
            (_document.ReadJson("note") is JsonObject note ? note["ops"] : _document.ReadJson("note"))!.ToJsonString());
        Assert.Equal(Shown(), Encoding.UTF8.GetString(Log.Snapshot));
    }

    [Fact]
    public void Undo_takes_back_ones_own_and_leaves_what_others_did()
    {
        _document.EditJson(edit => edit.Set(["n"], 2));
        _document.EditJson(edit => edit.Set(["n"], 3));
        _document.EditJson(edit => edit.Remove(["cards", 0]));
        _server.Run();
        Hers("""[{"p":["cards",0,"title",3],"si":"!"}]""");
        _document.Undo();
        Assert.Equal("""{"cards":[{"title":"one"},{"title":"two!"}],"n":3,"text":"abc"}""", Shown());
        Assert.Equal(ChangeSource.Undo, _changes[^1].Source);
        // Two changes of one value without a pause are one step.
        _document.Undo();
        Assert.Equal(1, (int?)_document.ReadJson("n"));
        Assert.False(_document.CanUndo);
        _document.Redo();
        _document.Redo();
        Assert.Equal("""{"cards":[{"title":"two!"}],"n":3,"text":"abc"}""", Shown());
        _server.Run();
        Assert.Equal(Shown(), Encoding.UTF8.GetString(Log.Snapshot));
    }

    [Fact]
    public void A_refused_edit_is_handed_back_as_json0_has_it()
    {
        var refused = new List<RefusedEdit>();
        _document.Refused += refused.Add;
        _server.Instead = (from, message) =>
        {
            if (message.Submit is null)
                return false;
            _server.Instead = null;
            from.QueueError(ErrorCode.DocumentTooLarge, Retry.Never, Id, message.Submit.ClientSeq);
            return true;
        };
        _document.EditJson(edit => edit.Add(["n"], 5));
        _document.EditJson(edit => edit.Set(["m"], 1));
        _server.Run();
        Assert.Equal("""[{"p":["n"],"na":5}]""", Assert.Single(refused).JsonOperation);
        Assert.Equal("""{"cards":[{"title":"one"},{"title":"two"}],"m":1,"n":1,"text":"abc"}""", Sorted(Shown()));
        _document.Undo();
        Assert.False(_document.CanUndo);
        _server.Run();
        Assert.Equal(Sorted(Shown()), Sorted(Encoding.UTF8.GetString(Log.Snapshot)));
    }

    [Fact]
    public void A_content_read_anew_is_told_as_a_correction()
    {
        _server.Newest.QueueCommitted(Id, 0, new()
        {
            ClientId = She, ClientSeq = 1, Operation = ByteString.CopyFromUtf8("""[{"p":["none","deeper"],"oi":1}]"""),
        });
        _document.EditJson(edit => edit.Add(["n"], 5));
        _server.Newest.ClientReads();
        _server.Run();
        Assert.Equal(ChangeSource.Correction, _changes[^1].Source);
        Assert.Equal(Encoding.UTF8.GetString(Log.Snapshot), Shown());
    }

    [Fact]
    public void What_is_for_text_is_refused_and_the_other_way_round()
    {
        Assert.Throws<InvalidOperationException>(() => _document.Content);
        Assert.Throws<InvalidOperationException>(() => _document.Submit(Delta.FromPlainText("a")));
        Assert.Throws<InvalidOperationException>(() => _document.SetSelection(new(0, 0)));
        _server.Documents["text"] = new(DocumentType.Text, Delta.FromPlainText("a"));
        var text = _server.Client(new() { ClientId = 9, Clock = _clock }).Open("text");
        _server.Run();
        Assert.Throws<InvalidOperationException>(() => text.ReadJson());
        Assert.Throws<InvalidOperationException>(() => text.EditJson(edit => edit.Set([], 1)));
        Assert.Throws<InvalidOperationException>(() => text.SubmitJson("[]"));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Clients_converge_while_everybody_edits_undoes_and_redoes(bool composeRuns) =>
        Gen.Int[0, int.MaxValue - 1].Sample(seed => Converge(new Random(seed), composeRuns), iter: 150, threads: 1);

    [Fact]
    public void Undo_goes_back_and_redo_forth_through_every_content_when_nobody_else_edits() =>
        Gen.Int[0, int.MaxValue - 1].Sample(seed => GoBackAndForth(new Random(seed)), iter: 300, threads: 1);

    private static void Converge(Random random, bool composeRuns)
    {
        var clock = new FakeTimeProvider();
        var server = new FakeServer { ComposeRuns = composeRuns };
        var log = server.Documents[Id] = Content("""{"list":[1,2,3],"n":0,"text":"abc","o":{}}""");
        var documents = Enumerable.Range(1, 3).Select(i => server.Client(
            new() { ClientId = (ulong)i, Clock = clock, Random = new(random.Next()) }).Open(Id)).ToArray();
        server.Run();
        for (var step = 0; step < 150; step++)
        {
            var document = documents[random.Next(documents.Length)];
            var transport = server.Connections[random.Next(server.Connections.Count)];
            switch (random.Next(10))
            {
                case 0 or 1 or 2:
                    document.EditJson(edit => Edit(edit, random));
                    break;
                case 3:
                    document.Undo();
                    break;
                case 4 when random.Next(2) == 0:
                    document.Redo();
                    break;
                case 5 when random.Next(4) == 0 && transport is { Broken: false }:
                    transport.Break();
                    break;
                case 6:
                    clock.Advance(TimeSpan.FromMilliseconds(random.Next(2000)));
                    transport.Accept();
                    break;
                case 7 or 8:
                    transport.ServerReads();
                    break;
                default:
                    transport.ClientReads();
                    break;
            }
        }

        for (var i = 0; i < 3; i++)
        {
            server.Run();
            clock.Advance(TimeSpan.FromSeconds(30));
        }

        server.Run();
        foreach (var document in documents)
        {
            Assert.Equal(Sorted(Encoding.UTF8.GetString(log.Snapshot)), Sorted(document.ReadJson()!.ToJsonString()));
            Assert.Equal(log.Head, document.Version);
            Assert.Equal(new SyncState(SyncStateKind.Live), document.State);
        }
    }

    private static void GoBackAndForth(Random random)
    {
        var server = new FakeServer();
        server.Documents[Id] = Content("""{"list":[1,2,3],"n":0,"text":"abc","o":{}}""");
        var document = server.Client(new() { ClientId = 1, Clock = new FakeTimeProvider(), Random = new(1) }).Open(Id);
        server.Run();
        string Now() => Sorted(document.ReadJson()!.ToJsonString());
        List<string> contents = [Now()];
        for (var step = 0; step < 20; step++)
        {
            document.EndUndoStep();
            document.EditJson(edit => Edit(edit, random));
            if (Now() != contents[^1])
                contents.Add(Now());
            if (random.Next(3) == 0)
                server.Run();
        }

        foreach (var content in Enumerable.Reverse(contents).Skip(1))
        {
            // A step that changes nothing to be seen may lie between.
            while (Now() != content && document.Undo())
            {
            }

            Assert.Equal(content, Now());
        }

        foreach (var content in contents.Skip(1))
        {
            while (Now() != content && document.Redo())
            {
            }

            Assert.Equal(content, Now());
        }
    }

    // One to three steps that fit.
    private static void Edit(JsonEdit edit, Random random)
    {
        for (var i = random.Next(3); i >= 0; i--)
        {
            var list = edit.Read("list") as JsonArray;
            var text = edit.Read("text") is JsonValue value && value.TryGetValue(out string? found) ? found : null;
            switch (random.Next(9))
            {
                case 0 when list is not null:
                    edit.Insert(["list", random.Next(list.Count + 1)], random.Next(100));
                    break;
                case 1 when list is { Count: > 0 }:
                    edit.Remove(["list", random.Next(list.Count)]);
                    break;
                case 2 when list is { Count: > 0 }:
                    edit.Move(["list", random.Next(list.Count)], random.Next(list.Count));
                    break;
                case 3 when list is { Count: > 0 }:
                    edit.Set(["list", random.Next(list.Count)], "r" + random.Next(10));
                    break;
                case 4:
                    edit.Set([random.Next(2) == 0 ? "a" : "b"], random.Next(5));
                    break;
                case 5 when edit.Read("a") is not null:
                    edit.Remove(["a"]);
                    break;
                case 6:
                    edit.Add(["n"], random.Next(-3, 4));
                    break;
                case 7 when text is not null:
                    var at = random.Next(text.Length + 1);
                    edit.EditText(["text"], at, random.Next(Math.Min(3, text.Length - at) + 1), random.Next(2) == 0 ? "xy" : "");
                    break;
                case 8:
                    edit.Set(["o", "k" + random.Next(3)], new JsonArray(random.Next(9)));
                    break;
            }
        }
    }

    // Members have no order.
    private static string Sorted(string json)
    {
        static JsonNode? Sort(JsonNode? node) => node switch
        {
            JsonObject members => new JsonObject(members.OrderBy(member => member.Key, StringComparer.Ordinal)
                .Select(member => KeyValuePair.Create(member.Key, Sort(member.Value)))),
            JsonArray items => new JsonArray([.. items.Select(Sort)]),
            _ => node?.DeepClone(),
        };

        return Sort(JsonNode.Parse(json))!.ToJsonString();
    }

    private static Sequencer Content(string json) => new(DocumentType.Json, Encoding.UTF8.GetBytes(json));

    private string Shown() => Unescaped(_document.ReadJson()!.ToJsonString(new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }));

    // What .NET escapes though it need not.
    private static string Unescaped(string json) => json.Replace("\\uD83D\\uDE00", "\ud83d\ude00", StringComparison.Ordinal);

    private void Hers(string operation)
    {
        Log.Submit(She, ++_hers, Log.Head, Encoding.UTF8.GetBytes(operation));
        _server.Newest.QueueCommitted(Id, Log.Head - 1, Log.Log[^1]);
        _server.Run();
    }
}
