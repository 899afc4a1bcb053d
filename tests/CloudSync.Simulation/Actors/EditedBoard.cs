// JSON: a counter, to which everybody adds, and a list of notes.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Simulation.Checking;

namespace CloudSync.Simulation.Actors;

internal sealed class EditedBoard(SimulatedUser user, CollaborativeDocument document, Intentions intentions, MadeEdits made)
    : EditedDocument(user, document, intentions, made)
{
    public const string Beginning = """{"count":0,"list":[],"map":{}}""";

    private const int UsualLength = 12;

    public override void Select(Random random) => Document.SetPresenceState($$"""{"at":{{random.Next(100)}}}""");

    public override void CompareWhenQuiet()
    {
    }

    protected override void Make(Random random)
    {
        var notes = (JsonArray)Document.ReadJson("list")!;
        switch (random.Next(8))
        {
            case 0:
                Current!.Added = 1 + random.Next(9);
                Document.EditJson(edit => edit.Add(["count"], Current.Added));
                break;
            case 1:
                Document.EditJson(edit => edit.Set(["map", "k" + random.Next(4)], random.Next(1_000)));
                break;
            case 2 when notes.Count > 1:
                Document.EditJson(edit => edit.Move(["list", random.Next(notes.Count)], random.Next(notes.Count)));
                break;
            case < 5 when notes.Count > 0 && random.Next(UsualLength) < notes.Count:
                var at = random.Next(notes.Count);
                if (Intentions.Find((string)notes[at]!) is { } note)
                    Intentions.Delete(Current!, note);
                Document.EditJson(edit => edit.Remove(["list", at]));
                break;
            default:
                var id = "n" + User.Alphabet.Next();
                Intentions.Insert(Current!, id, null, null);
                Document.EditJson(edit => edit.Insert(["list", random.Next(notes.Count + 1)], id));
                break;
        }
    }

    protected override void Changed(DocumentChange change, UserEdit? edit)
    {
    }
}
