// One component of a JSON operation: where, and what is done there. Immutable.

namespace CloudSync.Operations;

/// <summary>What a component does; json0's names for it are in brackets.</summary>
internal enum JsonAction
{
    /// <summary>Inserts into a text (si).</summary>
    TextInsert,

    /// <summary>Deletes from a text (sd).</summary>
    TextDelete,

    /// <summary>Inserts into a list (li).</summary>
    ListInsert,

    /// <summary>Deletes from a list (ld).</summary>
    ListDelete,

    /// <summary>Replaces an item of a list (li, ld).</summary>
    ListReplace,

    /// <summary>Moves an item within its list (lm).</summary>
    ListMove,

    /// <summary>Sets a member (oi).</summary>
    ObjectInsert,

    /// <summary>Removes a member (od).</summary>
    ObjectDelete,

    /// <summary>Replaces a member (oi, od).</summary>
    ObjectReplace,

    /// <summary>Adds to a number (na).</summary>
    NumberAdd,

    /// <summary>Edits a text (t: text0, o).</summary>
    Text0,

    /// <summary>Edits rich text (t: rich-text, o).</summary>
    RichText,
}

internal sealed record JsonComponent(JsonAction Action, PathKey[] Path)
{
    /// <summary>li or oi.</summary>
    public JsonValue? Inserted { get; init; }

    /// <summary>ld or od.</summary>
    public JsonValue? Deleted { get; init; }

    /// <summary>si or sd.</summary>
    public string? Text { get; init; }

    /// <summary>lm.</summary>
    public long To { get; init; }

    /// <summary>na.</summary>
    public double Amount { get; init; }

    /// <summary>o of text0.</summary>
    public TextEdit[]? Edits { get; init; }

    /// <summary>o of rich-text.</summary>
    public EmbeddedDelta? Delta { get; init; }

    public bool IsTextEdit => Action is JsonAction.TextInsert or JsonAction.TextDelete;

    public bool IsSubtype => Action is JsonAction.Text0 or JsonAction.RichText;

    public bool InsertsIntoObject => Action is JsonAction.ObjectInsert or JsonAction.ObjectReplace;

    public bool DeletesFromObject => Action is JsonAction.ObjectDelete or JsonAction.ObjectReplace;

    public bool InsertsIntoList => Action is JsonAction.ListInsert or JsonAction.ListReplace;

    public bool DeletesFromList => Action is JsonAction.ListDelete or JsonAction.ListReplace;

    /// <summary>
    /// How many steps lead to what it changes. What changes a value rather than the list or object around it goes one
    /// step further than its path.
    /// </summary>
    public int Reach => Path.Length + (Action == JsonAction.NumberAdd || IsSubtype ? 1 : 0);

    public PathKey LastKey => Path[^1];

    public PathKey KeyAt(int index) => (uint)index < (uint)Path.Length ? Path[index] : default;

    public JsonComponent WithKey(int index, PathKey key)
    {
        var path = Path.AsSpan().ToArray();
        path[index] = key;
        return this with { Path = path };
    }

    /// <summary>si or sd as an edit of the text that the path without its last step leads to.</summary>
    public TextEdit ToEdit() => new(LastKey.Index, Text!, Action == JsonAction.TextInsert);

    /// <summary>An edit of the same text as this one's, as si or sd.</summary>
    public JsonComponent WithEdit(TextEdit edit)
    {
        if (edit == ToEdit())
            return this;
        var path = Path;
        if (edit.Position != LastKey.Index)
        {
            path = Path.AsSpan().ToArray();
            path[^1] = new(edit.Position);
        }

        return new(edit.IsInsert ? JsonAction.TextInsert : JsonAction.TextDelete, path) { Text = edit.Text };
    }
}
