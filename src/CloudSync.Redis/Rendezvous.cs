// Which server a document is on. Each server is given a score for the document, and the highest wins: so all gateways
// agree without asking anybody, and one server more takes its share from all the others and moves nothing else.

using System.Globalization;

namespace CloudSync.Redis;

/// <summary>Spreads documents over servers by rendezvous hashing. The same in every process and version.</summary>
internal sealed class Rendezvous(IReadOnlyList<string> names)
{
    private readonly ulong[] _seeds = [.. names.Select(static name => Hash(name))];

    /// <summary>Of the names, whatever their order: two that have the same choose the same. With one there is no choice, whatever it is called.</summary>
    public string Fingerprint => _seeds.Length == 1 ? "" : Mix(_seeds.Aggregate(0UL, static (sum, seed) => unchecked(sum + Mix(seed)))).ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>The index of a document's server.</summary>
    public int Choose(string documentId)
    {
        if (_seeds.Length == 1)
            return 0;
        var document = Hash(documentId);
        var chosen = 0;
        var best = 0UL;
        for (var i = 0; i < _seeds.Length; i++)
        {
            var score = Mix(document ^ _seeds[i]);
            // Equal scores are as good as impossible; the seed decides, so that the order of the servers doesn't.
            if (i == 0 || score > best || (score == best && _seeds[i] > _seeds[chosen]))
                (chosen, best) = (i, score);
        }

        return chosen;
    }

    // FNV-1a over UTF-16, then mixed, for FNV alone leaves similar names with similar hashes.
    private static ulong Hash(string text)
    {
        var hash = 14_695_981_039_346_656_037;
        foreach (var character in text)
        {
            hash = (hash ^ (byte)character) * 1_099_511_628_211;
            hash = (hash ^ (byte)(character >> 8)) * 1_099_511_628_211;
        }

        return Mix(hash);
    }

    // The finalizer of SplitMix64.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
