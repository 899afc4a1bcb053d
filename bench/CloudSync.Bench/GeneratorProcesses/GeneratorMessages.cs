// What the tool and its generator processes say to each other: one JSON object on a line, to them on their input, from them on
// their output.

using System.Text.Json;
using CloudSync.Bench.Generator;
using HdrHistogram;

namespace CloudSync.Bench.GeneratorProcesses;

/// <summary>The first line that a generator process is told: what it opens.</summary>
/// <param name="Servers">Addresses.</param>
/// <param name="Documents">Documents, of which it has all clients.</param>
/// <param name="Presence">Whether each has a name and a selection.</param>
/// <param name="OpenDocuments">False: they say Hello and nothing more.</param>
/// <param name="OpeningAtOnce">How many may be on their way in.</param>
/// <param name="Sources">Addresses of this machine that its connections come from.</param>
/// <param name="Seed">What it throws dice with.</param>
/// <param name="Storms">The second order is a <see cref="StormOrder"/>.</param>
internal sealed record OpenOrder(
    IReadOnlyList<Uri> Servers, IReadOnlyList<PlannedDocument> Documents, bool Presence, bool OpenDocuments, int OpeningAtOnce,
    IReadOnlyList<string> Sources, int Seed, bool Storms = false);

/// <summary>The second: how it types.</summary>
/// <param name="Seconds">For how long.</param>
/// <param name="Rate">Keystrokes a second; 0: none.</param>
internal sealed record HoldOrder(double Seconds, double Rate);

/// <summary>The second, of a storm: everybody loses the connection, and comes back. The moments are timestamps of the stopwatch.</summary>
/// <param name="Start">All writers press a key, and go on typing from there.</param>
/// <param name="At">The storm: their server is gone, or their connections are.</param>
/// <param name="Cuts">Whether the process is to cut the connections itself.</param>
/// <param name="Rate">Keystrokes a second.</param>
internal sealed record StormOrder(long Start, long At, bool Cuts, double Rate);

/// <summary>The third, of a storm: it ends.</summary>
internal sealed record EndOrder;

/// <summary>What a generator process says twice a second, when all is open, and when it has held it.</summary>
internal sealed record GeneratorReport
{
    public long Live { get; init; }

    public long Broken { get; init; }

    public long SentBack { get; init; }

    public long Acknowledged { get; init; }

    public long Delivered { get; init; }

    /// <summary>Every connection is live or broken.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Everybody is back after a storm; said once.</summary>
    public bool IsBack { get; init; }

    /// <summary>What came of a storm; when it has ended.</summary>
    public ReturnedFigures? Returned { get; init; }

    /// <summary>What came of typing; when that is over.</summary>
    public HeldFigures? Held { get; init; }

    /// <summary>Why connections broke; with the two above.</summary>
    public IReadOnlyDictionary<string, int> Breaks { get; init; } = new Dictionary<string, int>();

    /// <summary>Why it can't go on.</summary>
    public string? Fault { get; init; }
}

/// <summary>The figures of typing, with the latencies as pairs of microseconds and how often.</summary>
internal sealed record HeldFigures(
    long Offered, long Sent, long Acknowledged, long Expected, long Delivered, IReadOnlyDictionary<string, long> Refused,
    double ProcessorSeconds, long Duplicated, IReadOnlyList<long[]> Latency)
{
    public static HeldFigures From(StepFigures figures, double processorSeconds) => new(
        figures.Offered, figures.Sent, figures.Acknowledged, figures.Expected, figures.Delivered, figures.Refused, processorSeconds,
        figures.Duplicated, GeneratorMessages.PairsOf(figures.Latency));

    /// <summary>Adds the latencies to a histogram.</summary>
    public void AddTo(LongHistogram latency) => GeneratorMessages.Add(Latency, latency);
}

/// <summary>The figures of those who had to come back, with the times as pairs of microseconds and how often.</summary>
internal sealed record ReturnedFigures(
    IReadOnlyList<long[]> Back, IReadOnlyList<long[]> Away, IReadOnlyList<long> BackInTenth, long LeftOut, long InFlight, long SentAgain)
{
    public static ReturnedFigures From(StormFigures figures) => new(
        GeneratorMessages.PairsOf(figures.Back), GeneratorMessages.PairsOf(figures.Away), figures.BackInTenth, figures.LeftOut,
        figures.InFlight, figures.SentAgain);

    public StormFigures ToFigures()
    {
        var figures = StormFigures.Create();
        GeneratorMessages.Add(Back, figures.Back);
        GeneratorMessages.Add(Away, figures.Away);
        figures.BackInTenth.AddRange(BackInTenth);
        (figures.LeftOut, figures.InFlight, figures.SentAgain) = (LeftOut, InFlight, SentAgain);
        return figures;
    }
}

internal static class GeneratorMessages
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>A histogram on its way.</summary>
    public static IReadOnlyList<long[]> PairsOf(LongHistogram histogram) =>
        [.. histogram.RecordedValues().Select(static value => (long[])[value.ValueIteratedTo, value.CountAtValueIteratedTo])];

    /// <summary>Takes one in that has arrived.</summary>
    public static void Add(IReadOnlyList<long[]> pairs, LongHistogram histogram)
    {
        foreach (var pair in pairs)
            histogram.RecordValueWithCount(pair[0], pair[1]);
    }
}
