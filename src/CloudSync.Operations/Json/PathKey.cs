// One step of a path: the name of a member or the place of an item, compared as JavaScript compares them.

using System.Globalization;

namespace CloudSync.Operations;

/// <summary>
/// A name or a number. The default value stands for what JavaScript reads past the end of a path: it is equal to
/// itself, and neither larger nor smaller than anything.
/// </summary>
internal readonly struct PathKey : IEquatable<PathKey>
{
    /// <summary>The largest integer that every JavaScript program reads exactly.</summary>
    public const long MaxIndex = (1L << 53) - 1;

    private readonly string? _name;
    private readonly long _indexAndOne;

    public PathKey(string name) => _name = name;

    public PathKey(long index) => _indexAndOne = index + 1;

    public bool IsIndex => _indexAndOne > 0;

    public string? Name => _name;

    public long Index => _indexAndOne - 1;

    /// <summary>The name of a member; a number names the member of its digits.</summary>
    public string MemberName => _name ?? Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>The place in a list: a number, or a name that is one in the form in which JavaScript writes it.</summary>
    public bool TryGetIndex(out long index)
    {
        index = Index;
        return IsIndex || (_name is [>= '0' and <= '9', ..]
            && long.TryParse(_name, NumberStyles.None, CultureInfo.InvariantCulture, out index)
            && (_name.Length == 1 || _name[0] != '0') && index <= MaxIndex);
    }

    /// <summary>JavaScript's ===.</summary>
    public bool Equals(PathKey other) => _indexAndOne == other._indexAndOne && _name == other._name;

    public override bool Equals(object? obj) => obj is PathKey other && Equals(other);

    public override int GetHashCode() => _name?.GetHashCode(StringComparison.Ordinal) ?? _indexAndOne.GetHashCode();

    /// <summary>JavaScript's ==, in which "1" is 1.</summary>
    public bool LooselyEquals(PathKey other) =>
        Equals(other) || (IsIndex != other.IsIndex && ToNumber() == other.ToNumber());

    /// <summary>What JavaScript takes it for beside a number: of a name that isn't one, and of nothing, not a number.</summary>
    public double ToNumber() => IsIndex ? Index : JavaScriptNumber.Parse(_name);

    /// <summary>JavaScript's increment or decrement.</summary>
    /// <exception cref="OperationException">It comes to what is no place.</exception>
    public PathKey Moved(int by)
    {
        if (IsIndex)
            return new(Index + by);
        var moved = ToNumber() + by;
        return moved is >= 0 and <= MaxIndex && moved == Math.Floor(moved)
            ? new((long)moved)
            : throw JsonLimits.DoesNotFit("of two operations one takes for a list what the other takes for an object");
    }
}
