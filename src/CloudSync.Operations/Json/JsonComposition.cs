// Compose: two operations as one, as json0 does it. Components are put in a row, and each is merged with the one before it
// where both do something in one place.

namespace CloudSync.Operations;

internal static class JsonComposition
{
    public static List<JsonComponent> Compose(List<JsonComponent> first, List<JsonComponent> second)
    {
        var work = default(JsonWork);
        foreach (var component in second)
            Append(first, component, ref work);
        return first;
    }

    /// <summary>
    /// Merges an operation with itself, as it will be whenever another one is merged with it. What is refused for that
    /// would be refused to whoever made another one meanwhile.
    /// </summary>
    public static void CheckWork(List<JsonComponent> operation)
    {
        var work = JsonWork.OfItself;
        var merged = new List<JsonComponent>(operation.Count);
        foreach (var component in operation)
            Append(merged, component, ref work);
    }

    public static void Append(List<JsonComponent> to, JsonComponent next, ref JsonWork work)
    {
        if (to.Count == 0)
        {
            to.Add(next);
            return;
        }

        var last = to[^1];
        if (next.IsTextEdit && last.IsTextEdit)
        {
            AppendTextEdit(to, last, next, ref work);
            return;
        }

        if (!next.Path.AsSpan().SequenceEqual(last.Path))
        {
            to.Add(next);
            return;
        }

        if (next.IsSubtype && next.Action == last.Action)
            to[^1] = ComposeSubtype(last, next, ref work);
        else if (next.Action == JsonAction.NumberAdd && last.Action == JsonAction.NumberAdd)
            AppendNumber(to, last, next);
        else if (last.InsertsIntoList && next.Action == JsonAction.ListDelete
            && JsonValue.AreIdentical(last.Inserted!, next.Deleted!))
            Replace(to, last.Deleted == null ? null : new(JsonAction.ListDelete, last.Path) { Deleted = last.Deleted });
        else if (last.Action == JsonAction.ObjectDelete && next.Action == JsonAction.ObjectInsert)
            to[^1] = last with { Action = JsonAction.ObjectReplace, Inserted = next.Inserted };
        else if (last.InsertsIntoObject && next.DeletesFromObject)
            Replace(to, MergeMember(last, next));
        else if (next.Action != JsonAction.ListMove || next.LastKey.Index != next.To)
            to.Add(next);
    }

    private static void AppendTextEdit(
        List<JsonComponent> to, JsonComponent last, JsonComponent next, ref JsonWork work)
    {
        if (!next.Path.AsSpan(0, next.Path.Length - 1).SequenceEqual(last.Path.AsSpan(0, last.Path.Length - 1)))
        {
            to.Add(next);
            return;
        }

        var edit = next.ToEdit();
        if (edit.Text.Length == 0)
            return;
        if (Text0.TryMerge(last.ToEdit(), edit, ref work) is { } merged)
            to[^1] = last.WithEdit(merged);
        else
            to.Add(next);
    }

    private static void AppendNumber(List<JsonComponent> to, JsonComponent last, JsonComponent next)
    {
        // json0 would write what isn't a number any more as null.
        var sum = last.Amount + next.Amount;
        if (double.IsFinite(sum))
            to[^1] = last with { Amount = sum };
        else
            to.Add(next);
    }

    private static JsonComponent? MergeMember(JsonComponent last, JsonComponent next)
    {
        if (next.Inserted != null)
            return last with { Inserted = next.Inserted };
        return last.Deleted == null ? null : new(JsonAction.ObjectDelete, last.Path) { Deleted = last.Deleted };
    }

    private static JsonComponent ComposeSubtype(JsonComponent last, JsonComponent next, ref JsonWork work)
    {
        if (last.Action == JsonAction.RichText)
            return last with { Delta = last.Delta!.Compose(next.Delta!, ref work) };
        work.CountMerge(last.Edits!.Length + next.Edits!.Length);
        var edits = new List<TextEdit>(last.Edits);
        foreach (var edit in next.Edits)
            Text0.Append(edits, edit, ref work);
        return last with { Edits = [.. edits] };
    }

    private static void Replace(List<JsonComponent> to, JsonComponent? last)
    {
        if (last != null)
            to[^1] = last;
        else
            to.RemoveAt(to.Count - 1);
    }
}
