// A step of a path in a JSON document, for those who make paths.

namespace CloudSync.Operations;

/// <summary>The name of a member of an object, or the place of an item in a list, from 0.</summary>
public readonly record struct JsonKey
{
    private JsonKey(string? name, int index) => (Name, Index) = (name, index);

    /// <summary>The name; null for a place.</summary>
    public string? Name { get; }

    /// <summary>The place, unless there is a name.</summary>
    public int Index { get; }

    /// <summary>The member of this name.</summary>
    public static implicit operator JsonKey(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new(name, 0);
    }

    /// <summary>The item in this place.</summary>
    public static implicit operator JsonKey(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return new(null, index);
    }

    internal PathKey ToPathKey() => Name is null ? new(Index) : new(Name);
}
