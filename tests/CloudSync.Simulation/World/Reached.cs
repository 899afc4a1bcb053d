// Where a run has come to, off the beaten track: counted, so that it is seen that the rare paths are taken.

using System.Text.Json;

namespace CloudSync.Simulation.World;

/// <summary>A rare path.</summary>
internal enum Rare
{
    /// <summary>A document that nobody used left a gateway's memory.</summary>
    Evictions,

    /// <summary>A document was loaded from a snapshot.</summary>
    SnapshotLoads,

    /// <summary>Operations were packed into history.</summary>
    OperationsPacked,

    /// <summary>A version was read from the cache.</summary>
    CacheHits,

    /// <summary>What the cache had was no use.</summary>
    CacheUnusable,

    /// <summary>An operation was committed on more than its author had seen.</summary>
    Transforms,

    /// <summary>An append met another head.</summary>
    Conflicts,

    /// <summary>Nobody knew whether an append was written.</summary>
    UnknownOutcomes,

    /// <summary>An operation was sent again, and found in the log.</summary>
    ResendsFound,

    /// <summary>A gateway had missed something, and read it from the log.</summary>
    GapsMended,

    /// <summary>Somebody had fallen behind what is in memory, and was sent a page of the log.</summary>
    CatchUps,

    /// <summary>A client was corrected, since it had followed a composed run and the server each operation in turn.</summary>
    RunCorrections,

    /// <summary>A document was deleted.</summary>
    Deletions,

    /// <summary>Somebody who had a document open was told that it was deleted.</summary>
    DeletionsTold,

    /// <summary>A gateway was drained to its end.</summary>
    Drains,

    /// <summary>A client came back at another gateway.</summary>
    Moves,

    /// <summary>Somebody who had lost the connection was back in time.</summary>
    Returns,

    /// <summary>Somebody who wanted to connect, or to open a document, was told to come back.</summary>
    NotAdmitted,

    /// <summary>A device whose network breaks WebSockets connected without one.</summary>
    Fallbacks,

    /// <summary>It came back to one later.</summary>
    WebSocketsAgain,

    /// <summary>A request was lost before it got to a gateway.</summary>
    RequestsLost,

    /// <summary>A request got to a gateway twice.</summary>
    RequestsRepeated,

    /// <summary>A request was carried out, and its answer was lost.</summary>
    AnswersLost,

    /// <summary>An answer was cut off in the midst of it.</summary>
    AnswersCut,

    /// <summary>Twenty or more lost their connections at the same moment.</summary>
    Storms,

    /// <summary>A snapshot was on its way to two at once, who share its bytes.</summary>
    SharedSnapshots,

    /// <summary>Somebody who had read nothing for a while was sent much of it in one message.</summary>
    Merges,

    /// <summary>Somebody who read nothing was given up by a gateway.</summary>
    SendTimeouts,

    /// <summary>A program went on with the pending edits of a document from its outbox.</summary>
    OutboxReloads,

    /// <summary>A document was closed and opened again with edits pending in the outbox.</summary>
    OutboxReopenings,

    /// <summary>An edit was lost with a device before it was kept.</summary>
    EditsLost,

    /// <summary>A program ended in the midst of a write, which was seen afterwards.</summary>
    TornWrites,

    /// <summary>A write to the outbox failed.</summary>
    FailedWrites,
}

internal sealed class Reached : IEquatable<Reached>
{
    private readonly long[] _counts = new long[Enum.GetValues<Rare>().Length];

    /// <summary>By name, as in JSON.</summary>
    public IReadOnlyDictionary<string, long> Counts => Enum.GetValues<Rare>().ToDictionary(
        static rare => JsonNamingPolicy.SnakeCaseLower.ConvertName(rare.ToString()), rare => _counts[(int)rare]);

    public long this[Rare rare] => _counts[(int)rare];

    public void Count(Rare rare, long by = 1) => _counts[(int)rare] += by;

    public void Add(Reached other)
    {
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
    }

    public bool Equals(Reached? other) => other is not null && _counts.AsSpan().SequenceEqual(other._counts);

    public override bool Equals(object? obj) => Equals(obj as Reached);

    public override int GetHashCode() => (int)_counts.Sum();
}
