// What the checker has found: what must not be.

namespace CloudSync.Chaos.Checking;

/// <summary>Something that must not be.</summary>
/// <param name="Kind">One of <see cref="Anomalies"/>' names.</param>
/// <param name="Sentence">What it is, for people.</param>
internal sealed record Anomaly(string Kind, string Sentence);

/// <summary>All that was found. Sentences are bounded, numbers aren't.</summary>
internal sealed class Anomalies
{
    /// <summary>What was acknowledged, or seen, isn't in the log; or text isn't there that nobody deleted.</summary>
    public const string Lost = "lost";

    /// <summary>An operation is in the log, or a text in a document, more often than once.</summary>
    public const string Duplicated = "duplicated";

    /// <summary>A replica shows something else at a version than the log does.</summary>
    public const string Diverged = "diverged";

    /// <summary>An operation is in the log that nobody submitted, or text that nobody wrote.</summary>
    public const string Phantom = "phantom";

    /// <summary>Versions don't follow each other.</summary>
    public const string Gap = "gap";

    /// <summary>What was acknowledged before another was begun comes after it.</summary>
    public const string Reordered = "reordered";

    /// <summary>Something is seen without what was acknowledged before.</summary>
    public const string Stale = "stale";

    /// <summary>A session sees an older version than before.</summary>
    public const string Backwards = "backwards";

    /// <summary>A number isn't the sum of what was added to it.</summary>
    public const string Miscounted = "miscounted";

    /// <summary>An edit was handed back, or a document refused.</summary>
    public const string Refused = "refused";

    /// <summary>The log can't be folded.</summary>
    public const string Unreadable = "unreadable";

    /// <summary>Somebody who is there isn't shown when all is quiet, or somebody who has left is.</summary>
    public const string Presence = "presence";

    /// <summary>Edits don't flow any more, or not all is saved in the end.</summary>
    public const string Stuck = "stuck";

    private const int SentencesMax = 20;

    private readonly List<Anomaly> _found = [];
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>The first of each kind.</summary>
    public IReadOnlyList<Anomaly> Found => _found;

    /// <summary>How many there are of each kind.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    public int Count(string kind) => _counts.GetValueOrDefault(kind);

    public void Add(string kind, FormattableString sentence)
    {
        _counts[kind] = Count(kind) + 1;
        if (_counts[kind] <= SentencesMax)
            _found.Add(new Anomaly(kind, FormattableString.Invariant(sentence)));
    }
}
