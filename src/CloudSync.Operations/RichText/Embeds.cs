// Embeds: what kind one is, which change may be made to which, and what comes of it. Without a handler for the type, a
// change replaces the embed's data whole. The results of the functions here are spans of an input, or of a new array.

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CloudSync.Operations;

internal static class Embeds
{
    private static readonly JsonDocumentOptions _reading = new()
    {
        MaxDepth = JsonRules.MaxDepth, AllowDuplicateProperties = false,
    };

    private static readonly JsonWriterOptions _writing = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = JsonRules.MaxDepth,
    };

    /// <summary>Checks an embed's JSON; a change must have exactly one member, the embed's type.</summary>
    /// <exception cref="OperationException">It is no embed.</exception>
    public static void Check(DeltaKind kind, ReadOnlySpan<byte> json)
    {
        JsonRules.CheckObject(json, "an embed");
        var members = new MemberReader(json);
        if (!members.MoveNext())
        {
            if (kind == DeltaKind.RetainEmbed)
                throw NotOneMember();
            return;
        }

        if (!members.MoveNext())
            return;
        if (kind == DeltaKind.RetainEmbed)
            throw NotOneMember();
        // A name given twice means the last to some and the first to others.
        var names = new MemberIndex(json);
        members = new MemberReader(json);
        while (members.MoveNext())
        {
            if (names.StartOf(members) != members.ValueStart)
                throw ComponentReader.Malformed("a member of an embed is given twice");
        }
    }

    /// <summary>Whether both are of one type.</summary>
    public static bool AreSameType(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) =>
        TryFindType(a, out var typeA) && TryFindType(b, out var typeB) && typeA.NameEquals(typeB);

    /// <summary>What a change makes of an embed, or of an earlier change.</summary>
    /// <param name="first">The embed or the earlier change.</param>
    /// <param name="change">The change.</param>
    /// <param name="isChange">Whether the first is a change.</param>
    /// <exception cref="OperationException">The types differ, or the handler refuses.</exception>
    public static ReadOnlySpan<byte> Compose(ReadOnlySpan<byte> first, ReadOnlySpan<byte> change, bool isChange)
    {
        FindSameType(first, change, out var type, out var changed);
        if (EmbedHandler.Of(type) is not { } handler)
            return change;
        try
        {
            return Write(type.Name(), handler.Compose(Read(type), Read(changed), isChange));
        }
        catch (Exception e) when (e is not OperationException)
        {
            throw Refused(type, e);
        }
    }

    /// <summary>A change as it has to be after a concurrent one.</summary>
    /// <exception cref="OperationException">The handler refuses.</exception>
    public static ReadOnlySpan<byte> Transform(ReadOnlySpan<byte> change, ReadOnlySpan<byte> over, Side side)
    {
        if (!TryFindType(change, out var type) || !TryFindType(over, out var first) || !type.NameEquals(first))
            return change;
        if (EmbedHandler.Of(type) is not { } handler)
            return side == Side.Right ? over : change;
        try
        {
            return Write(type.Name(), handler.Transform(Read(first), Read(type), side));
        }
        catch (Exception e) when (e is not OperationException)
        {
            throw Refused(type, e);
        }
    }

    /// <summary>The change that takes a change back.</summary>
    /// <exception cref="OperationException">The types differ, or the handler refuses.</exception>
    public static ReadOnlySpan<byte> Invert(ReadOnlySpan<byte> change, ReadOnlySpan<byte> before)
    {
        FindSameType(change, before, out var type, out var embed);
        try
        {
            if (EmbedHandler.Of(type) is { } handler)
                return Write(type.Name(), handler.Invert(Read(type), Read(embed)));
            // Other members are beside the type, and a change has none.
            var alone = before.Length == embed.QuotedName.Length + embed.Value.Length + "{:}".Length;
            return alone ? before : Write(type.Name(), Read(embed));
        }
        catch (Exception e) when (e is not OperationException)
        {
            throw Refused(type, e);
        }
    }

    public static OperationException NotAnEmbed() =>
        ComponentReader.Malformed("it changes an embed where there is none");

    // The member whose name is the type: the first, as JavaScript has it. It puts names that are array indexes first, in
    // the order of their numbers.
    private static bool TryFindType(ReadOnlySpan<byte> embed, out MemberReader type)
    {
        var members = new MemberReader(embed);
        var found = members.MoveNext();
        type = members;
        if (!found)
            return false;
        var lowest = IndexOf(members);
        while (members.MoveNext())
        {
            var index = IndexOf(members);
            if (index >= lowest)
                continue;
            type = members;
            lowest = index;
        }

        return true;
    }

    private static long IndexOf(in MemberReader member)
    {
        // Quotes, and the ten digits of the highest index; an escape would be longer, or stand for no digit alone.
        var name = member.QuotedName;
        if (name.Length < 3 || name[1] is not ((>= (byte)'0' and <= (byte)'9') or (byte)'\\'))
            return long.MaxValue;
        var text = member.Name();
        return uint.TryParse(text, out var index) && index < uint.MaxValue && index.ToString() == text
            ? index
            : long.MaxValue;
    }

    private static void FindSameType(
        ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, out MemberReader typeA, out MemberReader typeB)
    {
        typeB = default;
        if (!TryFindType(a, out typeA) || !TryFindType(b, out typeB) || !typeA.NameEquals(typeB))
            throw ComponentReader.Malformed("it changes an embed of another type");
    }

    private static JsonNode? Read(in MemberReader member) => JsonNode.Parse(member.Value, null, _reading);

    private static byte[] Write(string type, JsonNode? data)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output, _writing))
        {
            json.WriteStartObject();
            json.WritePropertyName(type);
            if (data is null)
                json.WriteNullValue();
            else
                data.WriteTo(json);
            json.WriteEndObject();
        }

        var written = output.ToArray();
        JsonRules.CheckObject(written, "an embed");
        return written;
    }

    private static OperationException NotOneMember() =>
        ComponentReader.Malformed("the change of an embed must have one member, the embed's type");

    private static OperationException Refused(in MemberReader type, Exception exception) =>
        ComponentReader.Malformed($"the change of the embed \"{type.Name()}\" can't be merged: {exception.Message}");
}
