// Invert: the operation that takes another back. json0 believes the operation; here is looked at what the document held
// before each component. For an operation that tells the truth of what it deletes both are the same.

namespace CloudSync.Operations;

internal static class JsonInversion
{
    public static List<JsonComponent> Invert(JsonValue root, List<JsonComponent> operation)
    {
        var inverse = new List<JsonComponent>(operation.Count);
        var editing = new JsonEditing(root, new object());
        foreach (var component in operation)
        {
            // A new owner: what is changed is copied, and before stays what it is.
            var before = editing.Root;
            editing.Owner = new object();
            editing.Apply(component);
            if (Invert(component, before, editing.Root, ref editing.Work) is { } back)
                inverse.Add(back);
        }

        inverse.Reverse();
        return inverse;
    }

    private static JsonComponent? Invert(JsonComponent component, JsonValue before, JsonValue after, ref JsonWork work)
    {
        var path = component.Path;
        switch (component.Action)
        {
            case JsonAction.TextInsert:
                var edit = component.ToEdit();
                return component.WithEdit(Invert(edit, TextLength(before, path.AsSpan()[..^1])));
            case JsonAction.TextDelete:
                return component with { Action = JsonAction.TextInsert };
            case JsonAction.Text0:
                return component with { Edits = Invert(component.Edits!, TextLength(before, path)) };
            case JsonAction.NumberAdd:
                return component with { Amount = 0.0 - component.Amount };
            case JsonAction.ListMove:
                return InvertMove(component, before);
            case JsonAction.ListInsert:
                var at = Math.Min(component.LastKey.Index, ListLength(before, path));
                return new(JsonAction.ListDelete, component.WithKey(path.Length - 1, new(at)).Path)
                {
                    Deleted = component.Inserted,
                };
            case JsonAction.RichText:
                return InvertRichText(component, before, after, ref work);
            default:
                return Restore(path, JsonEditing.Find(before, path), component.Inserted, IsInList(before, path));
        }
    }

    // What sets a place back to what was there before: nothing, or a value.
    private static JsonComponent? Restore(PathKey[] path, JsonValue? before, JsonValue? after, bool isInList)
    {
        if (before == null && after == null)
            return null;
        var action = (isInList, before, after) switch
        {
            (true, null, _) => JsonAction.ListDelete,
            (true, _, null) => JsonAction.ListInsert,
            (true, _, _) => JsonAction.ListReplace,
            (false, null, _) => JsonAction.ObjectDelete,
            (false, _, null) => JsonAction.ObjectInsert,
            (false, _, _) => JsonAction.ObjectReplace,
        };
        return new(action, path) { Inserted = before, Deleted = after };
    }

    private static JsonComponent InvertRichText(
        JsonComponent component, JsonValue before, JsonValue after, ref JsonWork work)
    {
        var path = component.Path;
        var was = JsonEditing.Find(before, path);
        var becomes = JsonEditing.Find(after, path)!;
        // Where no rich text was before, or it was written otherwise, it is put back as it was.
        if (was is JsonMembers)
        {
            var inverse = component.Delta!.Invert(was, ref work);
            if (JsonValue.AreEqual(was, inverse.ApplyTo(becomes, new object(), ref work)))
                return component with { Delta = inverse };
        }

        return Restore(path, was, becomes, IsInList(before, path))!;
    }

    private static JsonComponent InvertMove(JsonComponent component, JsonValue before)
    {
        var from = component.LastKey.Index;
        var to = from == component.To ? from : Math.Min(component.To, ListLength(before, component.Path) - 1);
        return component.WithKey(component.Path.Length - 1, new(to)) with { To = from };
    }

    private static TextEdit[] Invert(TextEdit[] edits, long length)
    {
        var inverse = new TextEdit[edits.Length];
        for (var i = 0; i < edits.Length; i++)
        {
            inverse[^(i + 1)] = Invert(edits[i], length);
            length += edits[i].IsInsert ? edits[i].Text.Length : -edits[i].Text.Length;
        }

        return inverse;
    }

    // An insert past the end was done at the end.
    private static TextEdit Invert(TextEdit edit, long length) =>
        edit with { Position = edit.IsInsert ? Math.Min(edit.Position, length) : edit.Position, IsInsert = !edit.IsInsert };

    private static long TextLength(JsonValue root, ReadOnlySpan<PathKey> path) =>
        JsonEditing.Find(root, path) is JsonText text ? text.Length : 0;

    private static int ListLength(JsonValue root, ReadOnlySpan<PathKey> path) =>
        ((JsonList)JsonEditing.Find(root, path[..^1])!).Count;

    private static bool IsInList(JsonValue root, ReadOnlySpan<PathKey> path) =>
        !path.IsEmpty && JsonEditing.Find(root, path[..^1]) is JsonList;
}
