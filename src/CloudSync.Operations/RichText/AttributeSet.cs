// The attributes of rich text, kept as the JSON object they came in: how two sets meet. The rules are quill-delta's
// AttributeMap; a null value is an order to remove.

namespace CloudSync.Operations;

internal static class AttributeSet
{
    /// <summary>Checks that the bytes are a JSON object that everybody reads alike.</summary>
    /// <exception cref="OperationException">They are not.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        JsonRules.CheckObject(json, "attributes");
        // A name given twice means the last to some and the first to others.
        var names = new MemberIndex(json);
        var members = new MemberReader(json);
        while (members.MoveNext())
        {
            if (names.StartOf(members) != members.ValueStart)
                throw ComponentReader.Malformed("an attribute is given twice");
            if (IsOnEveryObject(members))
                throw ComponentReader.Malformed($"an attribute can't be named {members.Name()}");
        }
    }

    // What every JavaScript object has from its prototype: quill-delta takes an attribute of such a name for set where it
    // isn't, and forgets it on the way.
    private static bool IsOnEveryObject(in MemberReader member) =>
        member.QuotedName.Length >= "valueOf".Length + 2
        && member.Name() is "__proto__" or "constructor" or "hasOwnProperty" or "isPrototypeOf" or "propertyIsEnumerable"
            or "toLocaleString" or "toString" or "valueOf" or "__defineGetter__" or "__defineSetter__"
            or "__lookupGetter__" or "__lookupSetter__";

    /// <summary>Bytes of JSON that one character or embed in a document may carry.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <exception cref="OperationException">These attributes are larger than a document takes.</exception>
    public static void CheckSize(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes)
        {
            throw ComponentReader.Malformed(
                $"one place would have {json.Length} bytes of attributes; {MaxBytes} are allowed");
        }
    }

    /// <summary>Whether both hold the same names and values, in whatever order.</summary>
    public static bool AreEqual(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.SequenceEqual(b))
            return true;
        if (a.IsEmpty || b.IsEmpty)
            return false;
        return JsonValues.AreEqual(a, b);
    }

    /// <summary>
    /// What setting <paramref name="first"/> and then <paramref name="second"/> sets. The nulls of the second are kept
    /// if they still have something to remove (over a retain), and dropped if they have done it (over an insert).
    /// </summary>
    /// <returns>A span of <paramref name="scratch"/> or of an input; empty if nothing is left.</returns>
    public static ReadOnlySpan<byte> Compose(
        ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool keepNulls, scoped ref ByteBuffer scratch)
    {
        if (second.IsEmpty)
            return first;
        if (first.IsEmpty && keepNulls)
            return second;

        scratch.Length = 0;
        var members = new MemberReader(second);
        while (members.MoveNext())
        {
            if (keepNulls || !members.IsNull)
                Add(ref scratch, members.QuotedName, members.Value);
        }

        if (!first.IsEmpty)
        {
            var overwritten = new MemberIndex(second);
            members = new MemberReader(first);
            while (members.MoveNext())
            {
                if (!overwritten.Contains(members))
                    Add(ref scratch, members.QuotedName, members.Value);
            }
        }

        return Finish(ref scratch);
    }

    /// <summary>What is left of <paramref name="set"/> after a concurrent <paramref name="over"/>.</summary>
    /// <param name="set">The attributes to rewrite.</param>
    /// <param name="over">The attributes that were set first.</param>
    /// <param name="side">With <see cref="Side.Right"/> what both set stays as the other has set it.</param>
    /// <param name="scratch">Where the result is made, if it has to be.</param>
    public static ReadOnlySpan<byte> Transform(
        ReadOnlySpan<byte> set, ReadOnlySpan<byte> over, Side side, scoped ref ByteBuffer scratch)
    {
        if (set.IsEmpty || over.IsEmpty || side == Side.Left)
            return set;

        scratch.Length = 0;
        var taken = new MemberIndex(over);
        var members = new MemberReader(set);
        while (members.MoveNext())
        {
            if (!taken.Contains(members))
                Add(ref scratch, members.QuotedName, members.Value);
        }

        return Finish(ref scratch);
    }

    /// <summary>What has to be set to take <paramref name="set"/> back where <paramref name="before"/> was.</summary>
    public static ReadOnlySpan<byte> Invert(ReadOnlySpan<byte> set, ReadOnlySpan<byte> before, scoped ref ByteBuffer scratch)
    {
        if (set.IsEmpty)
            return default;

        scratch.Length = 0;
        if (!before.IsEmpty)
        {
            var changed = new MemberIndex(set);
            var old = new MemberReader(before);
            while (old.MoveNext())
            {
                var start = changed.StartOf(old);
                if (start >= 0 && !JsonValues.AreIdentical(old.Value, MemberReader.ValueAt(set, start)))
                    Add(ref scratch, old.QuotedName, old.Value);
            }
        }

        var known = new MemberIndex(before);
        var members = new MemberReader(set);
        while (members.MoveNext())
        {
            if (!known.Contains(members))
                Add(ref scratch, members.QuotedName, "null"u8);
        }

        return Finish(ref scratch);
    }

    private static void Add(scoped ref ByteBuffer buffer, scoped ReadOnlySpan<byte> quotedName, scoped ReadOnlySpan<byte> value)
    {
        buffer.WriteByte(buffer.Length > 0 ? (byte)',' : (byte)'{');
        buffer.Write(quotedName);
        buffer.WriteByte((byte)':');
        buffer.Write(value);
    }

    private static ReadOnlySpan<byte> Finish(scoped ref ByteBuffer buffer)
    {
        if (buffer.Length == 0)
            return default;
        buffer.WriteByte((byte)'}');
        return buffer.Written;
    }
}
