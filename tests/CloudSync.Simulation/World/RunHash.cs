// A hash of everything that has happened in a run: two runs of one seed have the same.

using System.Numerics;
using System.Runtime.InteropServices;

namespace CloudSync.Simulation.World;

internal sealed class RunHash
{
    private ulong _value = 14695981039346656037;

    public ulong Value => _value;

    /// <summary>Of some bytes alone.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        var hash = new RunHash();
        hash.Add(bytes);
        return hash._value;
    }

    public void Add(long value) => _value = BitOperations.RotateLeft((_value ^ (ulong)value) * 11400714819323198485, 29);

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        foreach (var word in MemoryMarshal.Cast<byte, long>(bytes))
            Add(word);
        foreach (var rest in bytes[(bytes.Length & ~7)..])
            Add(rest);
    }
}
