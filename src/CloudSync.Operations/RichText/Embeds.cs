// Embeds: what kind one is, and which change may be made to which. A change replaces the embed's data whole.

namespace CloudSync.Operations;

internal static class Embeds
{
    /// <summary>Checks an embed's JSON; a change must have exactly one member, the embed's type.</summary>
    /// <exception cref="OperationException">It is no embed.</exception>
    public static void Check(DeltaKind kind, ReadOnlySpan<byte> json)
    {
        JsonRules.CheckObject(json, "an embed");
        if (kind != DeltaKind.RetainEmbed)
            return;
        var members = new MemberReader(json);
        if (!members.MoveNext() || members.MoveNext())
            throw ComponentReader.Malformed("the change of an embed must have one member, the embed's type");
    }

    /// <summary>Whether the first members, which name the type, have the same name.</summary>
    public static bool AreSameType(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        var memberA = new MemberReader(a);
        var memberB = new MemberReader(b);
        return memberA.MoveNext() && memberB.MoveNext() && memberA.NameEquals(memberB);
    }

    public static void CheckSameType(ReadOnlySpan<byte> embed, ReadOnlySpan<byte> change)
    {
        if (!AreSameType(embed, change))
            throw ComponentReader.Malformed("it changes an embed of another type");
    }

    public static OperationException NotAnEmbed() =>
        ComponentReader.Malformed("it changes an embed where there is none");
}
