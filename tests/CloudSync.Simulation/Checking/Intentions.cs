// What people meant. Each character typed in the whole world is another one, so that each can be followed: it is there at the end, once,
// between those it was typed between, unless somebody has deleted it.

using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Checking;

/// <summary>What is known of an edit.</summary>
internal enum EditFate
{
    /// <summary>It hasn't been acknowledged.</summary>
    Unsaved,

    /// <summary>It was acknowledged.</summary>
    Saved,

    /// <summary>Whoever made it is gone, and nobody knows.</summary>
    Unknown,

    /// <summary>Its device lost it before it was kept, and so before it was sent.</summary>
    Lost,
}

/// <summary>One edit of one person.</summary>
internal sealed class UserEdit
{
    public EditFate Fate { get; set; }

    public List<TypedItem> Inserted { get; } = [];

    public List<TypedItem> Deleted { get; } = [];

    /// <summary>JSON: what it added to the counter.</summary>
    public int Added { get; set; }

    /// <summary>It never happened.</summary>
    public void Lose()
    {
        Fate = EditFate.Lost;
        foreach (var item in Deleted)
            item.DeletedBy.Remove(this);
    }
}

/// <summary>A character, an embed, or an item of a list: typed once in the world.</summary>
internal sealed class TypedItem(string id, UserEdit edit, TypedItem? left, TypedItem? right)
{
    public string Id => id;

    public UserEdit Edit => edit;

    /// <summary>What it was typed after; null at the beginning.</summary>
    public TypedItem? Left => left;

    /// <summary>What it was typed before; null at the end.</summary>
    public TypedItem? Right => right;

    /// <summary>Those that deleted it.</summary>
    public List<UserEdit> DeletedBy { get; } = [];

    /// <summary>It was taken back and done again, so that it may be there more than once, and somewhere else.</summary>
    public bool IsUndone { get; set; }
}

/// <summary>Of one document.</summary>
internal sealed class Intentions(SimulatedWorld world, string documentId)
{
    private readonly Dictionary<string, TypedItem> _items = new(StringComparer.Ordinal);
    private readonly List<UserEdit> _edits = [];

    public string DocumentId => documentId;

    public IReadOnlyList<UserEdit> Edits => _edits;

    public UserEdit Begin()
    {
        var edit = new UserEdit();
        _edits.Add(edit);
        return edit;
    }

    public TypedItem? Find(string id) => _items.GetValueOrDefault(id);

    public void Insert(UserEdit edit, string id, TypedItem? left, TypedItem? right)
    {
        if (_items.TryGetValue(id, out var known))
        {
            known.IsUndone = true;
            return;
        }

        var item = new TypedItem(id, edit, left, right);
        _items.Add(id, item);
        edit.Inserted.Add(item);
    }

    public static void Delete(UserEdit edit, TypedItem item)
    {
        item.DeletedBy.Add(edit);
        edit.Deleted.Add(item);
    }

    /// <summary>Compares what was meant with what has become of it, when all is quiet.</summary>
    /// <param name="shown">The items in the document, in order.</param>
    /// <param name="inOrder">Whether neighbours are compared as well.</param>
    public void Check(IReadOnlyList<string> shown, bool inOrder)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < shown.Count; i++)
        {
            if (!_items.TryGetValue(shown[i], out var item))
                world.Fail("invented", $"{documentId} has '{shown[i]}', which nobody typed.");
            else if (!places.TryAdd(shown[i], i) && !item.IsUndone)
                world.Fail("duplicated", $"{documentId} has '{shown[i]}' twice.");
        }

        foreach (var item in _items.Values)
        {
            if (item.IsUndone)
                continue;
            var isThere = places.TryGetValue(item.Id, out var place);
            if (!isThere && item.Edit.Fate == EditFate.Saved && item.DeletedBy.Count == 0)
                world.Fail("intention", $"{documentId}: '{item.Id}' was typed and saved, nobody deleted it, and it is gone.");
            if (isThere && item.Edit.Fate == EditFate.Lost)
                world.Fail("invented", $"{documentId} has '{item.Id}', which was lost with a device before it was kept, and must not have been sent.");
            if (isThere && item.DeletedBy.Any(static edit => edit.Fate == EditFate.Saved))
                world.Fail("intention", $"{documentId}: '{item.Id}' was deleted, and it is there.");
            if (!isThere || !inOrder)
                continue;
            if (item.Left is { IsUndone: false } left && places.TryGetValue(left.Id, out var leftPlace) && leftPlace > place)
                world.Fail("intention", $"{documentId}: '{item.Id}' was typed after '{left.Id}', and stands before it.");
            if (item.Right is { IsUndone: false } right && places.TryGetValue(right.Id, out var rightPlace) && rightPlace < place)
                world.Fail("intention", $"{documentId}: '{item.Id}' was typed before '{right.Id}', and stands after it.");
        }
    }
}
