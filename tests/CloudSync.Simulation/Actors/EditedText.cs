// Text, plain or rich.

using System.Text.Json.Nodes;
using CloudSync.Client;
using CloudSync.Operations;
using CloudSync.Simulation.Checking;

namespace CloudSync.Simulation.Actors;

internal sealed class EditedText : EditedDocument
{
    // Long enough for edits to meet, short enough for thousands of seeds.
    private const int UsualLength = 120;

    // So that what was committed comes to be as much as the content, and an outbox keeps the content anew.
    private const int LongPiece = 80;

    private const int LargeBytes = 48 << 10;

    private readonly bool _isRich;

    // What an editor shows: one for each position, an embed being one.
    private readonly List<TypedItem?> _shown = [];

    // What was typed or deleted here since it was opened: undo has to do with nothing else.
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private bool _begun;

    public EditedText(
        SimulatedUser user, CollaborativeDocument document, Intentions intentions, MadeEdits made, bool isRich)
        : base(user, document, intentions, made) => _isRich = isRich;

    public override void Select(Random random)
    {
        if (!IsReady)
            return;
        var anchor = random.Next(Document.Length + 1);
        Document.SetSelection(random.Next(4) == 0 ? null : new(anchor, random.Next(2) == 0 ? anchor : random.Next(Document.Length + 1)));
    }

    /// <summary>What is shown, in order.</summary>
    public IReadOnlyList<string> Items()
    {
        Begin();
        return [.. _shown.Select(static item => item?.Id ?? "")];
    }

    public override void CompareWhenQuiet()
    {
        Begin();
        var shown = string.Concat(_shown.Select(static item => item?.Id));
        var content = string.Concat(ItemsOf(Document.Content));
        if (shown != content)
            World.Fail("editor", $"{User.Name}'s editor of {Document.Id} shows '{shown}', and the document is '{content}'.");
    }

    protected override void Make(Random random)
    {
        Begin();
        var length = _shown.Count;
        switch (random.Next(20))
        {
            case 0 when Document.CanUndo:
                Document.Undo();
                return;
            case 1 when Document.CanRedo:
                Document.Redo();
                return;
            case < 5 when _isRich && length > 0:
                var from = random.Next(length);
                Document.Submit(Delta.Build().Retain(from).Retain(1 + random.Next(length - from), Attributes(random)).ToDelta());
                return;
        }

        var delta = Delta.Build();
        var at = random.Next(length + 1);
        delta.Retain(at);
        if (length > 0 && random.Next(UsualLength) < length)
        {
            delta.Delete(Math.Min(length - at, 1 + random.Next(6)));
        }

        if (random.Next(10) > 0)
            Insert(delta, random);
        Document.Submit(delta.ToDelta());
    }

    protected override void Changed(DocumentChange change, UserEdit? edit)
    {
        if (!_begun)
            return;
        var at = 0;
        foreach (var component in change.Delta.Components)
        {
            switch (component.Kind)
            {
                case DeltaKind.Delete:
                    if (edit is not null)
                    {
                        foreach (var item in _shown.Skip(at).Take(component.Length))
                        {
                            Touch(item!.Id, change.Source);
                            Intentions.Delete(edit, item);
                        }
                    }

                    _shown.RemoveRange(at, component.Length);
                    break;
                case DeltaKind.InsertText:
                    foreach (var character in component.Text!)
                        Show(at++, character.ToString(), change.Source, edit);
                    break;
                case DeltaKind.InsertEmbed:
                    Show(at++, IdOf(component.Embed!), change.Source, edit);
                    break;
                default:
                    at += component.Length;
                    break;
            }
        }
    }

    private void Show(int at, string id, ChangeSource source, UserEdit? edit)
    {
        if (edit is not null)
        {
            Touch(id, source);
            Intentions.Insert(edit, id, at > 0 ? _shown[at - 1] : null, at < _shown.Count ? _shown[at] : null);
        }

        _shown.Insert(at, Intentions.Find(id));
    }

    private void Touch(string id, ChangeSource source)
    {
        if (source == ChangeSource.Local)
            _touched.Add(id);
        else if (!_touched.Contains(id))
            World.Fail("undo", $"{User.Name}'s {source} in {Document.Id} has to do with '{id}', which {User.Name} has neither typed nor deleted.");
    }

    // An editor begins with the content, and lives by changes from then on.
    private void Begin()
    {
        if (_begun)
            return;
        _begun = true;
        _shown.AddRange(ItemsOf(Document.Content).Select(Intentions.Find));
    }

    /// <summary>A picture that is larger than what is sent in one piece; none of it looks like another part of it.</summary>
    public static string MakeLarge(char name, Random random)
    {
        var bytes = new byte[LargeBytes];
        random.NextBytes(bytes);
        return name + Convert.ToBase64String(bytes);
    }

    /// <summary>What a content consists of, in order.</summary>
    public static IEnumerable<string> ItemsOf(Delta content)
    {
        foreach (var component in content.Components)
        {
            if (component.Kind == DeltaKind.InsertEmbed)
            {
                yield return IdOf(component.Embed!);
                continue;
            }

            foreach (var character in component.Text!)
                yield return character.ToString();
        }
    }

    private static string IdOf(JsonObject embed) => (string)embed["image"]!;

    private void Insert(DeltaBuilder delta, Random random)
    {
        if (_isRich && random.Next(12) == 0 && User.Alphabet.Next() is { } embed)
        {
            var picture = User.PastesLarge && random.Next(3) == 0 ? MakeLarge(embed, random) : embed.ToString();
            delta.InsertEmbed(new JsonObject { ["image"] = picture });
            return;
        }

        var text = "";
        for (var count = random.Next(8) == 0 ? User.PastesLong ? LongPiece : 8 : 1 + random.Next(2); count > 0 && User.Alphabet.Next() is { } next; count--)
            text += next;
        delta.Insert(text, _isRich && random.Next(5) == 0 ? Attributes(random) : null);
    }

    private static JsonObject Attributes(Random random) => random.Next(3) switch
    {
        0 => new() { ["bold"] = true },
        1 => new() { ["bold"] = null },
        _ => new() { ["color"] = random.Next(2) == 0 ? "red" : "blue" },
    };
}
