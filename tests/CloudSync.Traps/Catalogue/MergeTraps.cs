// Merging itself, as clients and servers share it.

namespace CloudSync.Traps.Catalogue;

internal static class MergeTraps
{
    private const string Attributes = "src/CloudSync.Operations/RichText/AttributeSet.cs";
    private const string Text = "src/CloudSync.Operations/RichText/Transformation.cs";
    private const string Json = "src/CloudSync.Operations/Json/JsonTransformation.cs";
    private const string Composition = "src/CloudSync.Operations/Json/JsonComposition.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("attributes-both-win", "of two values of one attribute each side takes its own",
            new Change(
                Attributes, "        if (set.IsEmpty || over.IsEmpty || side == Side.Left)\n            return set;\n\n        scratch.Length = 0;\n        var taken",
                "        if (set.IsEmpty || over.IsEmpty || side == Side.Left || TRAP)\n            return set;\n\n        scratch.Length = 0;\n        var taken")),
        new("position-of-insert", "an insert is placed one too far left over an insert that comes before it",
            new Change(
                Text, "                    writer.Retain(theirs.Length, default);\n                    theirs.MoveNext();",
                "                    writer.Retain(TRAP && side == Side.Right && theirs.Length > 1 ? theirs.Length - 1 : theirs.Length, default);\n                    theirs.MoveNext();")),
        new("member-both-win", "of two that set a member of an object each side takes its own",
            new Change(
                Json, "component.Reach == over.Reach && side == Side.Left\n", "component.Reach == over.Reach && (side == Side.Left || TRAP)\n")),
        new("counter-added-twice", "of two additions that are composed the second counts twice",
            new Change(
                Composition, "        var sum = last.Amount + next.Amount;", "        var sum = last.Amount + next.Amount + (TRAP ? next.Amount : 0);")),
        new("list-place", "an item that is inserted into a list isn't moved over one that was deleted before it",
            new Change(
                Json, "            return component.WithKey(at, key.Moved(-1));\n        if (!place.Equals(key))",
                "            return TRAP ? component : component.WithKey(at, key.Moved(-1));\n        if (!place.Equals(key))")),
    ];
}
