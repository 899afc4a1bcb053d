// JSON values as documents hold them. Lists and objects are changed in place by the state that owns them; whoever else
// wants to change one copies it first. The others never change.

namespace CloudSync.Operations;

internal abstract class JsonValue
{
    /// <summary>What a value counts beside its text, for its place in memory.</summary>
    public const int OwnBytes = 16;

    /// <summary>null.</summary>
    public static JsonValue Null { get; } = new JsonLiteral();

    /// <summary>true.</summary>
    public static JsonValue True { get; } = new JsonLiteral();

    /// <summary>false.</summary>
    public static JsonValue False { get; } = new JsonLiteral();

    /// <summary>
    /// What it counts: <see cref="OwnBytes"/> for itself and every value in it, and the UTF-8 of texts and names.
    /// Counted anew each time.
    /// </summary>
    public virtual long Bytes => OwnBytes;

    /// <summary>How deep lists and objects stand in it; 0 for what is neither.</summary>
    public virtual int Depth => 0;

    /// <summary>JavaScript's === between two parsed values: lists and objects are never identical.</summary>
    public static bool AreIdentical(JsonValue a, JsonValue b) => (a, b) switch
    {
        (JsonNumber x, JsonNumber y) => x.Value == y.Value,
        (JsonText x, JsonText y) => x.Equals(y),
        (JsonLiteral, JsonLiteral) => ReferenceEquals(a, b),
        _ => false,
    };

    /// <summary>Whether both are the same JSON value.</summary>
    public static bool AreEqual(JsonValue a, JsonValue b)
    {
        switch (a, b)
        {
            case (JsonList x, JsonList y):
                if (x.Count != y.Count)
                    return false;
                var items = y.GetEnumerator();
                foreach (var item in x)
                {
                    if (!items.MoveNext() || !AreEqual(item, items.Current))
                        return false;
                }

                return true;
            case (JsonMembers x, JsonMembers y):
                if (x.Count != y.Count)
                    return false;
                var members = y.GetEnumerator();
                foreach (var (name, value) in x)
                {
                    if (!members.MoveNext() || name != members.Current.Name || !AreEqual(value, members.Current.Value))
                        return false;
                }

                return true;
            default:
                return AreIdentical(a, b);
        }
    }
}

/// <summary>null, true or false: only those three instances.</summary>
internal sealed class JsonLiteral : JsonValue;

internal sealed class JsonNumber(double value) : JsonValue
{
    /// <summary>Finite, and never negative zero.</summary>
    public double Value => value;
}
