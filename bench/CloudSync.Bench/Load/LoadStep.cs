// The figures of one step, as they are shown.

using System.Text.Json.Serialization;
using CloudSync.Bench.Generator;
using HdrHistogram;

namespace CloudSync.Bench.Load;

/// <param name="Rate">Keystrokes a second that were to be typed.</param>
/// <param name="Seconds">For how long.</param>
/// <param name="Offered">Keystrokes that were due.</param>
/// <param name="Sent">Keystrokes that were sent by ten seconds after the end.</param>
/// <param name="Operations">Operations that came back to their authors: fewer than keystrokes if some were composed.</param>
/// <param name="Acknowledged">Keystrokes that came back to their authors.</param>
/// <param name="AcknowledgedPerS">The same a second, until the last one came.</param>
/// <param name="Refused">Keystrokes that the server didn't take, by what it said.</param>
/// <param name="Expected">Acknowledged keystrokes times the screens of their documents.</param>
/// <param name="Delivered">How many of these came.</param>
/// <param name="Lost">How many didn't, within ten seconds after the last was sent.</param>
/// <param name="LatencyMsP50">From the moment a key was due to each screen, the author's own among them.</param>
/// <param name="LatencyMsP95">95 of 100 are there by then.</param>
/// <param name="LatencyMsP99">99 of 100.</param>
/// <param name="LatencyMsMax">The last.</param>
/// <param name="SentLateMsP99">How late the generator itself was: what of the latency is not the server's.</param>
internal sealed record LoadStep(
    double Rate, double Seconds, long Offered, long Sent, long Operations, long Acknowledged, double AcknowledgedPerS,
    IReadOnlyDictionary<string, long> Refused, long Expected, long Delivered, long Lost, double LatencyMsP50, double LatencyMsP95,
    double LatencyMsP99, double LatencyMsMax, double SentLateMsP99)
{
    /// <summary>Processor seconds of all that is served with, from the first keystroke until all was delivered.</summary>
    [JsonPropertyName("server_cpu_s")]
    public double? ServerCpuSeconds { get; init; }

    /// <summary>Resident memory of CloudSync's own processes at the most.</summary>
    public long? ServerRssBytes { get; init; }

    /// <summary>Cores that each part took, and whatever else whoever runs the server knows of it.</summary>
    public IReadOnlyDictionary<string, double> Servers { get; init; } = new Dictionary<string, double>();

    /// <summary>Bytes of presence that came to all screens.</summary>
    public long PresenceBytes { get; init; }

    /// <summary>Connections that broke so far, by why.</summary>
    public IReadOnlyDictionary<string, int> Broken { get; init; } = new Dictionary<string, int>();

    public static LoadStep From(double rate, TimeSpan duration, StepFigures figures, TimeSpan elapsed) => new(
        rate, duration.TotalSeconds, figures.Offered, figures.Sent, figures.Operations, figures.Acknowledged,
        Math.Round(figures.Acknowledged / elapsed.TotalSeconds, 1), figures.Refused, figures.Expected, figures.Delivered,
        figures.Expected - figures.Delivered, Milliseconds(figures.Latency, 50), Milliseconds(figures.Latency, 95),
        Milliseconds(figures.Latency, 99), Milliseconds(figures.Latency, 100), Milliseconds(figures.Lateness, 99));

    /// <summary>A percentile of a histogram of microseconds; 0 if there is nothing in it.</summary>
    public static double Milliseconds(LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : Math.Round(histogram.GetValueAtPercentile(percentile) / 1_000.0, 2);
}
