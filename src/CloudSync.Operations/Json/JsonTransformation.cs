// The rule for two components of JSON operations: what becomes of one after the other. It is json0's to the last case,
// for the library runs in the clients; docs/json.md says where the two orders of two operations don't lead to one document.

namespace CloudSync.Operations;

internal sealed class JsonTransformation : IComponentRules<JsonComponent>
{
    public static List<JsonComponent> Transform(List<JsonComponent> operation, List<JsonComponent> over, Side side)
    {
        if ((long)operation.Count * over.Count > JsonLimits.MaxPairs)
            throw JsonLimits.TooMuchWork();
        var work = default(JsonWork);
        work.CountLong(operation, over);
        return ComponentwiseTransformation<JsonComponent, JsonTransformation>.Transform(operation, over, side, ref work);
    }

    public static void Append(List<JsonComponent> to, JsonComponent component, ref JsonWork work) =>
        JsonComposition.Append(to, component, ref work);

    public static void Transform(
        List<JsonComponent> to, JsonComponent component, JsonComponent over, Side side, ref JsonWork work)
    {
        var level = CommonLevel(over, component);
        component = WithChangeInDeleted(component, over, ref work);
        if (level is not { } at)
        {
            Append(to, component, ref work);
            return;
        }

        if (component.IsTextEdit && over.IsTextEdit)
        {
            TransformTextEdit(to, component, over, side, ref work);
            return;
        }

        var becomes = over.Action switch
        {
            JsonAction.Text0 or JsonAction.RichText => OverSubtype(component, over, side, ref work),
            JsonAction.ListReplace => OverListReplace(component, over, at, side),
            JsonAction.ListInsert => OverListInsert(component, over, at, side),
            JsonAction.ListDelete => OverListDelete(component, over, at),
            JsonAction.ListMove => OverListMove(component, over, at, side),
            JsonAction.ObjectReplace => OverObjectReplace(component, over, at, side),
            JsonAction.ObjectInsert => OverObjectInsert(to, component, over, at, side, ref work),
            JsonAction.ObjectDelete => OverObjectDelete(component, over, at),
            _ => component,
        };
        if (becomes != null)
            Append(to, becomes, ref work);
    }

    // How many steps above its end the path of one component leads into what the path of the other leads to: where in the
    // other's path stands the key that the first one's change may move. Null if the two don't meet. -1 is json0's way of
    // saying that the first changes the document as a whole.
    private static int? CommonLevel(JsonComponent first, JsonComponent other)
    {
        if (first.Reach == 0)
            return -1;
        if (other.Reach == 0)
            return null;
        var level = first.Reach - 1;
        if (level > 0 && (other.Reach - 1 < level
            || !first.Path.AsSpan(0, level).SequenceEqual(other.Path.AsSpan(0, level))))
            return null;
        return level;
    }

    // What a component deletes it has with it, for taking it back: so that has to change as the document did.
    private static JsonComponent WithChangeInDeleted(JsonComponent component, JsonComponent over, ref JsonWork work)
    {
        if (component.Deleted == null || over.Reach <= component.Reach || CommonLevel(component, over) is not { } level
            || !component.KeyAt(level).LooselyEquals(over.KeyAt(level)))
            return component;
        var within = over with { Path = over.Path[component.Reach..] };
        return component with { Deleted = JsonEditing.Changed(component.Deleted, within, ref work) };
    }

    private static void TransformTextEdit(
        List<JsonComponent> to, JsonComponent component, JsonComponent over, Side side, ref JsonWork work)
    {
        var becomes = new List<TextEdit>(2);
        Text0.Transform(becomes, component.ToEdit(), over.ToEdit(), side, ref work);
        foreach (var edit in becomes)
            Append(to, component.WithEdit(edit), ref work);
    }

    private static JsonComponent? OverSubtype(
        JsonComponent component, JsonComponent over, Side side, ref JsonWork work)
    {
        if (component.Action != over.Action)
            return component;
        if (component.Action == JsonAction.RichText)
            return component with { Delta = component.Delta!.Transform(over.Delta!, side, ref work) };
        var edits = ComponentwiseTransformation<TextEdit, Text0Rules>.Transform(
            [.. component.Edits!], [.. over.Edits!], side, ref work);
        return edits.Count == 0 ? null : component with { Edits = [.. edits] };
    }

    private static JsonComponent? OverListReplace(JsonComponent component, JsonComponent over, int at, Side side)
    {
        if (!over.KeyAt(at).Equals(component.KeyAt(at)))
            return component;
        if (component.Reach != over.Reach)
            return null;
        if (!component.DeletesFromList)
            return component;
        // Both replace the same item, or one deletes it: the left replacement stays.
        return component.InsertsIntoList && side == Side.Left ? component with { Deleted = over.Inserted } : null;
    }

    private static JsonComponent OverListInsert(JsonComponent component, JsonComponent over, int at, Side side)
    {
        var sameList = component.Reach == over.Reach;
        var key = component.KeyAt(at);
        var place = over.KeyAt(at);
        if (component.Action == JsonAction.ListInsert && sameList && key.Equals(place))
        {
            if (side == Side.Right)
                component = component.WithKey(at, key.Moved(1));
        }
        else if (place.ToNumber() <= key.ToNumber())
        {
            component = component.WithKey(at, key.Moved(1));
        }

        return component.Action == JsonAction.ListMove && sameList && place.Index <= component.To
            ? component with { To = component.To + 1 }
            : component;
    }

    private static JsonComponent? OverListDelete(JsonComponent component, JsonComponent over, int at)
    {
        var key = component.KeyAt(at);
        var place = over.KeyAt(at);
        if (component.Action == JsonAction.ListMove && component.Reach == over.Reach)
        {
            if (place.Equals(key))
                return null;
            if (place.Index < component.To || (place.Index == component.To && key.Index < component.To))
                component = component with { To = component.To - 1 };
        }

        if (place.ToNumber() < key.ToNumber())
            return component.WithKey(at, key.Moved(-1));
        if (!place.Equals(key))
            return component;
        if (over.Reach < component.Reach)
            return null;
        return component.Action switch
        {
            JsonAction.ListReplace => component with { Action = JsonAction.ListInsert, Deleted = null },
            JsonAction.ListDelete => null,
            _ => component,
        };
    }

    private static JsonComponent? OverListMove(JsonComponent component, JsonComponent over, int at, Side side)
    {
        if (component.Action == JsonAction.ListMove && component.Reach == over.Reach)
            return ListMoves.Transform(component, over, side);

        // A place between items, or an item that may itself have moved.
        var key = component.KeyAt(at);
        var from = over.KeyAt(at);
        var isGap = component.Action == JsonAction.ListInsert && component.Reach == over.Reach;
        if (!isGap && key.Equals(from))
            return component.WithKey(at, new(over.To));
        var place = key.ToNumber();
        var closes = place > from.Index;
        var opens = place > over.To || (!isGap && key.Equals(new(over.To)) && from.Index > over.To);
        return closes || opens
            ? component.WithKey(at, key.Moved((opens ? 1 : 0) - (closes ? 1 : 0)))
            : component;
    }

    private static JsonComponent? OverObjectReplace(JsonComponent component, JsonComponent over, int at, Side side)
    {
        if (!component.KeyAt(at).Equals(over.KeyAt(at)))
            return component;
        // Of two that set the member the left one stays, replacing what the other set.
        return component.InsertsIntoObject && component.Reach == over.Reach && side == Side.Left
            ? component with { Action = JsonAction.ObjectReplace, Deleted = over.Inserted }
            : null;
    }

    private static JsonComponent? OverObjectInsert(
        List<JsonComponent> to, JsonComponent component, JsonComponent over, int at, Side side, ref JsonWork work)
    {
        if (!component.InsertsIntoObject || !component.KeyAt(at).Equals(over.KeyAt(at)))
            return component;
        if (side == Side.Right)
            return null;
        Append(to, new(JsonAction.ObjectDelete, component.Path) { Deleted = over.Inserted }, ref work);
        return component;
    }

    private static JsonComponent? OverObjectDelete(JsonComponent component, JsonComponent over, int at)
    {
        if (!component.KeyAt(at).LooselyEquals(over.KeyAt(at)))
            return component;
        return component.Reach == over.Reach && component.InsertsIntoObject
            ? component with { Action = JsonAction.ObjectInsert, Deleted = null }
            : null;
    }

    private sealed class Text0Rules : IComponentRules<TextEdit>
    {
        public static void Transform(List<TextEdit> to, TextEdit component, TextEdit over, Side side, ref JsonWork work) =>
            Text0.Transform(to, component, over, side, ref work);

        public static void Append(List<TextEdit> to, TextEdit component, ref JsonWork work) =>
            Text0.Append(to, component, ref work);
    }
}
