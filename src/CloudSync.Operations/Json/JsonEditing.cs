// What each component does to a document, and when it is refused: as json0 does it in JavaScript, what would not be
// JSON afterwards excepted.

namespace CloudSync.Operations;

/// <summary>Changes one document, whose lists and objects belong to its owner or are copied first.</summary>
internal ref struct JsonEditing(JsonValue root, object owner)
{
    // Objects that rich text was edited in by this operation: in JavaScript they are no plain objects any more.
    private HashSet<JsonValue>? _deltas;

    public JsonValue Root { get; private set; } = root;

    /// <summary>Whose lists and objects are changed in place.</summary>
    public object Owner { get; set; } = owner;

    /// <summary>How far it may grow by the next component.</summary>
    public long MaxGrowth { get; init; } = long.MaxValue;

    /// <summary>What was done so far.</summary>
    public JsonWork Work;

    /// <summary>By how much the document has grown, in what values count.</summary>
    public long Growth { get; private set; }

    /// <summary>A value after one component, the value itself left as it is.</summary>
    public static JsonValue Changed(JsonValue value, JsonComponent component, ref JsonWork work)
    {
        work.CountCopies(component.Path.Length);
        var editing = new JsonEditing(value, new object()) { Work = work };
        editing.Apply(component);
        work = editing.Work;
        return editing.Root;
    }

    /// <summary>What a path leads to; null if there is nothing.</summary>
    public static JsonValue? Find(JsonValue root, ReadOnlySpan<PathKey> path)
    {
        var value = root;
        foreach (var key in path)
        {
            if (value == null)
                return null;
            value = Child(value, key);
        }

        return value;
    }

    /// <summary>Does what one component says, or throws and has changed nothing.</summary>
    public void Apply(JsonComponent component)
    {
        var path = component.IsTextEdit ? component.Path.AsSpan()[..^1] : component.Path;
        var parent = path.IsEmpty ? null : FindParent(path);
        var key = path.IsEmpty ? default : path[^1];
        switch (component.Action)
        {
            case JsonAction.TextInsert or JsonAction.TextDelete:
                EditText(path, parent, component.ToEdit());
                break;
            case JsonAction.Text0:
                EditText(path, parent, component.Edits!);
                break;
            case JsonAction.RichText:
                EditRichText(path, parent, component.Delta!);
                break;
            case JsonAction.NumberAdd:
                AddNumber(path, parent, component.Amount);
                break;
            case JsonAction.ListInsert:
                InsertItem(path, List(parent), key.Index, component.Inserted!);
                break;
            case JsonAction.ListDelete:
                DeleteItem(path, List(parent), key.Index);
                break;
            case JsonAction.ListReplace:
                Put(path, List(parent), component.Inserted!);
                break;
            case JsonAction.ListMove:
                MoveItem(path, List(parent), key.Index, component.To);
                break;
            case JsonAction.ObjectDelete:
                DeleteMember(path, parent, key);
                break;
            default:
                if (!path.IsEmpty)
                    CheckObject(parent);
                Put(path, parent, component.Inserted!);
                break;
        }
    }

    // The list or object that the last step of a path leads into.
    private readonly JsonValue FindParent(ReadOnlySpan<PathKey> path)
    {
        var value = Root;
        foreach (var key in path[..^1])
            value = Child(value, key) ?? throw NoSuchPath();
        return value is JsonList or JsonMembers ? value : throw NoSuchPath();
    }

    private static JsonValue? Child(JsonValue parent, PathKey key) => parent switch
    {
        JsonMembers members => members.Find(key.MemberName),
        JsonList list when key.TryGetIndex(out var index) => index < list.Count ? list[(int)index] : null,
        _ => throw NoSuchPath(),
    };

    private readonly JsonValue? Current(ReadOnlySpan<PathKey> path, JsonValue? parent) =>
        parent == null ? Root : Child(parent, path[^1]);

    private void EditText(ReadOnlySpan<PathKey> path, JsonValue? parent, params ReadOnlySpan<TextEdit> edits)
    {
        var current = Current(path, parent);
        if (edits.IsEmpty)
        {
            if (current == null && parent is JsonList)
                throw NotThere();
            return;
        }

        if (current is not JsonText text)
            throw JsonLimits.DoesNotFit("a text edit needs a text");
        foreach (var edit in edits)
        {
            Work.CountTextEdit(text.Parts.Length);
            text = text.After(edit);
        }

        Put(path, parent, text);
    }

    private void EditRichText(ReadOnlySpan<PathKey> path, JsonValue? parent, EmbeddedDelta delta)
    {
        var value = delta.ApplyTo(Current(path, parent), Owner, ref Work);
        Put(path, parent, value);
        (_deltas ??= []).Add(value);
    }

    private void AddNumber(ReadOnlySpan<PathKey> path, JsonValue? parent, double amount)
    {
        if (Current(path, parent) is not JsonNumber number)
            throw JsonLimits.DoesNotFit("na needs a number");
        var sum = number.Value + amount;
        if (!double.IsFinite(sum))
            throw JsonLimits.WouldNotBeJson("a number beyond what a double holds");
        Put(path, parent, new JsonNumber(sum));
    }

    private void InsertItem(ReadOnlySpan<PathKey> path, JsonList list, long index, JsonValue value)
    {
        CheckDepth(path, value);
        // As JavaScript's splice: past the end is at the end.
        var at = (int)Math.Min(index, list.Count);
        Grow(value.Bytes);
        ((JsonList)OwnedParent(path)).Insert(at, value);
    }

    private void DeleteItem(ReadOnlySpan<PathKey> path, JsonList list, long index)
    {
        // As JavaScript's splice: past the end there is nothing to delete.
        if (index >= list.Count)
            return;
        Grow(-list[(int)index].Bytes);
        ((JsonList)OwnedParent(path)).RemoveAt((int)index);
    }

    private void MoveItem(ReadOnlySpan<PathKey> path, JsonList list, long from, long to)
    {
        if (from == to)
            return;
        if (from >= list.Count)
            throw NotThere();
        ((JsonList)OwnedParent(path)).Move((int)from, (int)Math.Min(to, list.Count - 1));
    }

    private void DeleteMember(ReadOnlySpan<PathKey> path, JsonValue? parent, PathKey key)
    {
        if (parent == null)
            throw JsonLimits.WouldNotBeJson("no document at all");
        var members = CheckObject(parent);
        var name = key.MemberName;
        if (members.Find(name) is not { } value)
            return;
        Grow(-value.Bytes - JsonMembers.NameBytes(name));
        ((JsonMembers)OwnedParent(path)).Remove(name);
    }

    // Sets what a path leads to. In a list, that is an item, or one more just behind the last.
    private void Put(ReadOnlySpan<PathKey> path, JsonValue? parent, JsonValue value)
    {
        CheckDepth(path, value);
        if (parent == null)
        {
            Grow(value.Bytes - Root.Bytes);
            Root = value;
            return;
        }

        var key = path[^1];
        var before = Child(parent, key);
        var growth = value.Bytes - (before?.Bytes ?? 0);
        if (parent is JsonList list)
        {
            key.TryGetIndex(out var index);
            if (index > list.Count)
                throw NotThere();
            Grow(growth);
            var owned = (JsonList)OwnedParent(path);
            if (before == null)
                owned.Add(value);
            else
                owned.Set((int)index, value);
        }
        else
        {
            Grow(before == null ? growth + JsonMembers.NameBytes(key.MemberName) : growth);
            ((JsonMembers)OwnedParent(path)).Set(key.MemberName, value);
        }
    }

    private void Grow(long by)
    {
        if (by > 0 && Growth + by > MaxGrowth)
        {
            throw new OperationException(
                OperationError.TooLarge,
                $"The operation would make the document {Growth + by - MaxGrowth} bytes larger than is allowed.");
        }

        Growth += by;
    }

    // The list or object that the last step leads into, made the owner's with all that leads to it.
    private JsonValue OwnedParent(ReadOnlySpan<PathKey> path)
    {
        var value = Root = Owned(Root);
        foreach (var key in path[..^1])
        {
            if (value is JsonList list)
            {
                key.TryGetIndex(out var index);
                value = Owned(list[(int)index]);
                list.Set((int)index, value);
            }
            else
            {
                var members = (JsonMembers)value;
                value = Owned(members.Find(key.MemberName)!);
                members.Set(key.MemberName, value);
            }
        }

        return value;
    }

    private readonly JsonValue Owned(JsonValue value)
    {
        JsonValue owned = value is JsonList list ? list.Owned(Owner) : ((JsonMembers)value).Owned(Owner);
        if (!ReferenceEquals(owned, value) && _deltas?.Contains(value) == true)
            _deltas.Add(owned);
        return owned;
    }

    private static JsonList List(JsonValue? value) =>
        value as JsonList ?? throw JsonLimits.DoesNotFit("li, ld and lm need a list");

    // JavaScript takes an object for one by its constructor, which a member of that name hides.
    private readonly JsonMembers CheckObject(JsonValue? value) =>
        value is JsonMembers members && members.Find("constructor") == null && _deltas?.Contains(members) != true
            ? members
            : throw JsonLimits.DoesNotFit(
                "oi and od need an object, without a member 'constructor', and not rich text edited just before");

    private static void CheckDepth(ReadOnlySpan<PathKey> path, JsonValue value)
    {
        if (path.Length + value.Depth > JsonLimits.MaxDepth)
            throw JsonLimits.TooDeep();
    }

    private static OperationException NoSuchPath() => JsonLimits.DoesNotFit("its path leads to nothing");

    private static OperationException NotThere() =>
        JsonLimits.WouldNotBeJson("a list with nothing at one of its places, for it isn't that long");
}
