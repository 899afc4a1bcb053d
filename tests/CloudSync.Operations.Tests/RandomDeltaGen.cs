// Random operations as CsCheck wants them.

using CloudSync.Verification;
using CloudSync.Verification.RichText;
using CsCheck;

namespace CloudSync.Operations.Tests;

internal static class RandomDeltaGen
{
    /// <summary>A generator of generators: each case has its own seed, which CsCheck shrinks and prints.</summary>
    public static Gen<RandomDeltas> Of(bool plain = false) =>
        Gen.ULong[0, SeededRandom.Seeds - 1].Select(seed => new RandomDeltas(new SeededRandom(seed), plain));
}
