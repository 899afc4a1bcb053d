// Characters that are typed once in the world.

namespace CloudSync.Simulation.Actors;

internal sealed class Alphabet
{
    // Chinese, Korean, Yi, Cyrillic and Greek letters: what they are doesn't matter, only that each is another one.
    private static readonly (char First, char Last)[] _ranges =
        [('\u4E00', '\u9FFF'), ('\uAC00', '\uD7A3'), ('\uA000', '\uA48C'), ('\u3400', '\u4DBF'), ('\u0400', '\u052F')];

    private int _range;
    private int _next;

    /// <summary>The next one; null when all have been typed.</summary>
    public char? Next()
    {
        while (_range < _ranges.Length)
        {
            var (first, last) = _ranges[_range];
            if (first + _next <= last)
                return (char)(first + _next++);
            _range++;
            _next = 0;
        }

        return null;
    }
}
