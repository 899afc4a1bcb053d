// Two moves within one list: where the item is that one of them means, and where it is to go, after the other.

namespace CloudSync.Operations;

internal static class ListMoves
{
    /// <summary>What becomes of a move after another; null if nothing is left to do.</summary>
    public static JsonComponent? Transform(JsonComponent component, JsonComponent over, Side side)
    {
        var (from, to) = (component.LastKey.Index, component.To);
        var (otherFrom, otherTo) = (over.LastKey.Index, over.To);
        if (otherFrom == otherTo)
            return component;
        if (from == otherFrom)
        {
            // Both move the same item: the left one decides.
            if (side == Side.Right)
                return null;
            return Moved(component, otherTo, from == to ? otherTo : to);
        }

        var newFrom = from;
        var newTo = to;
        if (from > otherFrom)
            newFrom--;
        if (from > otherTo)
        {
            newFrom++;
        }
        else if (from == otherTo && otherFrom > otherTo)
        {
            newFrom++;
            if (from == to)
                newTo++;
        }

        if (to > otherFrom || (to == otherFrom && to > from))
            newTo--;
        if (to > otherTo)
            newTo++;
        else if (to == otherTo)
            newTo += Tie(from, to, otherFrom, otherTo, side);
        return Moved(component, newFrom, newTo);
    }

    // Both go to one place. From the same side the right one goes behind; else the one that comes from before does.
    private static int Tie(long from, long to, long otherFrom, long otherTo, Side side)
    {
        if ((otherTo > otherFrom && to > from) || (otherTo < otherFrom && to < from))
            return side == Side.Right ? 1 : 0;
        return to > from ? 1 : 0;
    }

    private static JsonComponent Moved(JsonComponent component, long from, long to) =>
        component.WithKey(component.Path.Length - 1, new(from)) with { To = to };
}
