// Something that takes bytes from strangers, and what must be true of it whatever they are.

using CloudSync.Verification;

namespace CloudSync.Fuzzing;

/// <summary>One target of the fuzzer. Runs on one thread at a time, and keeps nothing from one input to the next.</summary>
public interface IFuzzTarget
{
    /// <summary>Its name in the command and in the corpus folder.</summary>
    string Name { get; }

    /// <summary>Inputs to begin with: what the code under test takes, in all its kinds.</summary>
    IEnumerable<byte[]> Seeds { get; }

    /// <summary>Pieces that mutations put into inputs.</summary>
    IReadOnlyList<byte[]> Dictionary => [];

    /// <summary>A new well-formed input; null if the seeds are all there is.</summary>
    byte[]? Make(SeededRandom random) => null;

    /// <summary>Bytes that a run may allocate for an input of a length in bytes.</summary>
    long MaxAllocation(int length) => 8_000_000 + 4_000L * length;

    /// <summary>
    /// Runs the code under test on an input and checks everything that must be true. Whatever it throws is a finding.
    /// </summary>
    /// <param name="input">Any bytes.</param>
    /// <param name="trace">Is told what came of it, so that inputs that do something new are kept and built on.</param>
    void Run(byte[] input, FuzzTrace trace);
}

/// <summary>What a run has done, as far as the target can tell.</summary>
public sealed class FuzzTrace
{
    private readonly HashSet<int> _features = [];

    internal IReadOnlySet<int> Features => _features;

    /// <summary>Notes that something happened: an error, a kind of component, a branch taken.</summary>
    public void Add(string feature) => _features.Add(StringComparer.Ordinal.GetHashCode(WithoutDigits(feature)));

    /// <summary>Notes the magnitude of a number.</summary>
    public void Add(string feature, long value) =>
        _features.Add(HashCode.Combine(StringComparer.Ordinal.GetHashCode(feature), long.Log2(Math.Max(1, Math.Abs(value)))));

    internal void Clear() => _features.Clear();

    // Messages name positions and sizes; those are not news.
    internal static string WithoutDigits(string text) => string.Concat(text.Where(c => !char.IsAsciiDigit(c)));
}

/// <summary>Something that must be true was not.</summary>
/// <param name="message">What.</param>
public sealed class FuzzFailureException(string message) : Exception(message);
