// What the tool and its generator processes say to each other: one JSON object on a line, to them on their input, from them on
// their output.

using System.Text.Json;
using CloudSync.Bench.Generator;
using HdrHistogram;

namespace CloudSync.Bench.Connections;

/// <summary>The first line that a generator process is told: what it opens.</summary>
/// <param name="Servers">Addresses.</param>
/// <param name="Documents">Documents, of which it has all clients.</param>
/// <param name="Presence">Whether each has a name and a selection.</param>
/// <param name="OpenDocuments">False: they say Hello and nothing more.</param>
/// <param name="OpeningAtOnce">How many may be on their way in.</param>
/// <param name="Sources">Addresses of this machine that its connections come from.</param>
/// <param name="Seed">What it throws dice with.</param>
internal sealed record OpenOrder(
    IReadOnlyList<Uri> Servers, IReadOnlyList<PlannedDocument> Documents, bool Presence, bool OpenDocuments, int OpeningAtOnce,
    IReadOnlyList<string> Sources, int Seed);

/// <summary>The second: how it types.</summary>
/// <param name="Seconds">For how long.</param>
/// <param name="Rate">Keystrokes a second; 0: none.</param>
internal sealed record HoldOrder(double Seconds, double Rate);

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
    double ProcessorSeconds, IReadOnlyList<long[]> Latency)
{
    public static HeldFigures From(StepFigures figures, double processorSeconds) => new(
        figures.Offered, figures.Sent, figures.Acknowledged, figures.Expected, figures.Delivered, figures.Refused, processorSeconds,
        [.. figures.Latency.RecordedValues().Select(static value => (long[])[value.ValueIteratedTo, value.CountAtValueIteratedTo])]);

    /// <summary>Adds the latencies to a histogram.</summary>
    public void AddTo(LongHistogram latency)
    {
        foreach (var value in Latency)
            latency.RecordValueWithCount(value[0], value[1]);
    }
}

internal static class GeneratorMessages
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
