// The generator behind every case: SplitMix64, which takes any seed, costs nothing to start, and gives the same numbers
// on every version of .NET.

namespace CloudSync.Verification;

/// <summary>A generator of its own for each case.</summary>
/// <param name="seed">The seed of the case.</param>
public sealed class SeededRandom(ulong seed) : Random
{
    /// <summary>Seeds are below this: every reader of JSON holds them exactly.</summary>
    public const ulong Seeds = 1UL << 53;

    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state = seed;

    /// <summary>The seed of one case of a run. That of case 0 is the run's own, so a run of one case repeats any case.</summary>
    public static ulong SeedOfCase(ulong seed, long number) => (seed + (ulong)number * Golden) % Seeds;

    /// <summary>A seed nobody chose.</summary>
    public static ulong FreshSeed() => (ulong)Shared.NextInt64((long)Seeds);

    /// <summary>Any 64 bits.</summary>
    public ulong NextBits()
    {
        var z = _state += Golden;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <inheritdoc/>
    public override int Next() => Next(int.MaxValue);

    /// <inheritdoc/>
    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (int)Math.BigMul(NextBits(), (ulong)maxValue, out _);
    }

    /// <inheritdoc/>
    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    /// <inheritdoc/>
    public override long NextInt64(long maxValue) => NextInt64(0, maxValue);

    /// <inheritdoc/>
    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return minValue + (long)Math.BigMul(NextBits(), (ulong)(maxValue - minValue), out _);
    }

    /// <inheritdoc/>
    public override double NextDouble() => (NextBits() >> 11) * (1.0 / Seeds);

    /// <inheritdoc/>
    public override void NextBytes(Span<byte> buffer)
    {
        foreach (ref var b in buffer)
            b = (byte)NextBits();
    }

    /// <inheritdoc/>
    public override void NextBytes(byte[] buffer) => NextBytes(buffer.AsSpan());

    /// <inheritdoc/>
    protected override double Sample() => NextDouble();
}
