// What writers do to documents. Every edit inserts a new piece; so no operation is ever nothing, however edits are composed
// on their way.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.Chaos.Workload;

/// <summary>What an edit did.</summary>
/// <param name="Inserted">The new piece.</param>
/// <param name="Deleted">The pieces that it deleted.</param>
/// <param name="Added">By how much it raised the writer's counter; 0 in text.</param>
internal sealed record EditMade(string Inserted, IReadOnlyList<string> Deleted, int Added);

/// <summary>Makes one writer's edits in one kind of document.</summary>
internal abstract class EditMaker(string writer, Random random)
{
    /// <summary>Beyond so many pieces more are deleted than inserted.</summary>
    protected const int PiecesMax = 150;

    private const int DeletedAtOnceMax = 4;

    protected string Writer => writer;

    protected Random Random => random;

    /// <summary>Makes an edit out of what the document shows, and applies it.</summary>
    public abstract EditMade Apply(CollaborativeDocument document, long number);

    public static EditMaker Create(DocumentType type, string writer, Random random) =>
        type == DocumentType.Json ? new JsonMaker(writer, random)
        : type == DocumentType.RichText ? new TextMaker(writer, random, formats: true)
        : new TextMaker(writer, random, formats: false);

    /// <summary>How many of so many pieces are to go.</summary>
    protected int HowManyGo(int pieces) => pieces > PiecesMax
        ? random.Next(2, DeletedAtOnceMax + 1)
        : pieces > 0 && random.Next(4) == 0 ? random.Next(1, Math.Min(pieces, DeletedAtOnceMax) + 1) : 0;
}

internal sealed class TextMaker(string writer, Random random, bool formats) : EditMaker(writer, random)
{
    public override EditMade Apply(CollaborativeDocument document, long number)
    {
        var inserted = Tokens.Create(Writer, number);
        IReadOnlyList<string> deleted = [];
        document.Edit(content =>
        {
            var pieces = Tokens.Find(content.ToPlainText());
            var goes = HowManyGo(pieces.Count);
            var first = goes == 0 ? 0 : Random.Next(pieces.Count - goes + 1);
            deleted = [.. pieces.Skip(first).Take(goes).Select(static piece => piece.Token)];
            var place = goes > 0 || pieces.Count == 0 ? first : Random.Next(pieces.Count + 1);
            var position = place < pieces.Count ? pieces[place].Position : content.ToPlainText().Length;
            var delta = Delta.Build();
            // Sometimes what stands before is made bold, or isn't any more.
            if (formats && place > 0 && Random.Next(5) == 0)
            {
                var (start, token) = pieces[place - 1];
                delta.Retain(start).Retain(token.Length, Style());
            }
            else
            {
                delta.Retain(position);
            }

            delta.Insert(inserted, formats && Random.Next(3) == 0 ? Style() : null);
            return delta.Delete(deleted.Sum(static token => token.Length)).ToDelta();
        });
        return new EditMade(inserted, deleted, 0);
    }

    private JsonObject Style() => Random.Next(3) switch
    {
        0 => new JsonObject { ["bold"] = true },
        1 => new JsonObject { ["italic"] = true },
        _ => new JsonObject { ["color"] = $"#{Random.Next(0x1000000):x6}" },
    };
}

/// <summary>A list of pieces, and a counter for each writer.</summary>
internal sealed class JsonMaker(string writer, Random random) : EditMaker(writer, random)
{
    public static JsonNode Empty(IEnumerable<string> writers) => new JsonObject
    {
        ["items"] = new JsonArray(),
        ["counters"] = new JsonObject(writers.Select(static name => KeyValuePair.Create<string, JsonNode?>(name, 0))),
    };

    public override EditMade Apply(CollaborativeDocument document, long number)
    {
        var inserted = Tokens.Create(Writer, number);
        List<string> deleted = [];
        var added = Random.Next(1, 10);
        document.EditJson(edit =>
        {
            var items = Tokens.Of(new JsonObject { ["items"] = edit.Read("items")!.DeepClone() }).ToList();
            var goes = HowManyGo(items.Count);
            for (var i = 0; i < goes; i++)
            {
                var at = Random.Next(items.Count);
                deleted.Add(items[at]);
                items.RemoveAt(at);
                edit.Remove(["items", at]);
            }

            edit.Insert(["items", Random.Next(items.Count + 1)], inserted);
            edit.Add(["counters", Writer], added);
        });
        return new EditMade(inserted, deleted, added);
    }
}
