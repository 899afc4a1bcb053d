// Rich text within JSON, as the npm package rich-text keeps it: a document is {"ops":[…]}, and so is an operation that
// has been merged with another; as an editor makes it, it may be the bare list.

using System.Buffers;

namespace CloudSync.Operations;

internal sealed class EmbeddedDelta
{
    private readonly Delta _delta;

    // As it was given, until it is merged with another.
    private readonly JsonValue? _given;

    private EmbeddedDelta(Delta delta, JsonValue? given = null)
    {
        _delta = delta;
        _given = given;
    }

    /// <exception cref="OperationException">It is not a delta.</exception>
    public static EmbeddedDelta OfOperation(JsonValue operation)
    {
        if ((operation is JsonMembers { Count: 1 } members ? members.Find("ops") : operation) is not JsonList list)
            throw JsonLimits.Malformed("an operation of rich-text is a list, or an object with the list ops");
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is not JsonMembers component || !IsWellFormed(component))
            {
                throw JsonLimits.Malformed(
                    "a component of rich-text inserts a text or an object, retains 1 or more or changes an embed, or deletes 1 or more");
            }
        }

        var work = default(JsonWork);
        return new(Parse(list, ref work), operation);
    }

    public EmbeddedDelta Compose(EmbeddedDelta next, ref JsonWork work)
    {
        work.CountRichText(Bytes + next.Bytes);
        return new(_delta.Compose(next._delta));
    }

    /// <summary>
    /// This after a concurrent one. In rich-text the left one goes behind the other, unlike everywhere else in json0.
    /// </summary>
    public EmbeddedDelta Transform(EmbeddedDelta over, Side side, ref JsonWork work)
    {
        work.CountRichText(Bytes + over.Bytes);
        return new(_delta.Transform(over._delta, side == Side.Left ? Side.Right : Side.Left));
    }

    /// <summary>What becomes of a value; of one that isn't rich text, as of an empty document.</summary>
    /// <exception cref="OperationException">What stands there is no delta, or a surrogate pair would be split.</exception>
    public JsonValue ApplyTo(JsonValue? value, object owner, ref JsonWork work)
    {
        var output = new ArrayBufferWriter<byte>();
        work.CountRichText(Bytes);
        Document(value, ref work).Compose(_delta).WriteJson(output);
        return JsonReading.ReadDocument(output.WrittenSpan, owner);
    }

    /// <summary>What takes this back, <paramref name="before"/> being the value before it.</summary>
    public EmbeddedDelta Invert(JsonValue? before, ref JsonWork work) => new(_delta.Invert(Document(before, ref work)));

    public void Write(ref JsonWriter json)
    {
        if (_given != null)
        {
            json.Write(_given);
            return;
        }

        var output = new ArrayBufferWriter<byte>();
        _delta.WriteJson(output);
        json.WriteRaw(output.WrittenSpan);
    }

    private int Bytes => _delta.Bytes.Length;

    private static Delta Document(JsonValue? value, ref JsonWork work)
    {
        if ((value is JsonMembers members ? members.Find("ops") : value) is not JsonList list)
            return Delta.Empty;
        try
        {
            return Parse(list, ref work);
        }
        catch (OperationException e) when (e.Error != OperationError.TooMuchWork)
        {
            throw JsonLimits.DoesNotFit($"what stands there is no rich text ({e.Message})");
        }
    }

    private static Delta Parse(JsonList list, ref JsonWork work)
    {
        var output = new ArrayBufferWriter<byte>();
        JsonState.Write(list, output);
        work.CountRichText(output.WrittenCount);
        return Delta.ParseJson(output.WrittenMemory);
    }

    private static bool IsWellFormed(JsonMembers component)
    {
        var attributes = component.Find("attributes");
        if (attributes is not (null or JsonMembers { Count: > 0 }) || component.Count != (attributes == null ? 1 : 2))
            return false;
        if (component.Find("insert") is { } insert)
            return insert is JsonText { Length: > 0 } or JsonMembers;
        return component.Find("retain") is JsonNumber { Value: >= 1 } or JsonMembers { Count: 1 }
            || (component.Find("delete") is JsonNumber { Value: >= 1 } && attributes == null);
    }
}
