// What is said at the end: a Markdown table for people, one JSON object for programs.

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Bench.Storm;

/// <summary>How long keystrokes took to each screen.</summary>
internal sealed record LiveLatency(
    [property: JsonPropertyName("live_latency_ms_p50")] double P50, [property: JsonPropertyName("live_latency_ms_p99")] double P99, [property: JsonPropertyName("live_latency_ms_max")] double Max);

internal sealed record StormReport
{
    public required string Target { get; init; }

    /// <summary>"killed", "drained" or "cut".</summary>
    public required string Storm { get; init; }

    public required int Connections { get; init; }

    public required int Documents { get; init; }

    public required int Gateways { get; init; }

    /// <summary>Those who had their document open again.</summary>
    public required long Back { get; init; }

    /// <summary>The others.</summary>
    public required long LeftOut { get; init; }

    /// <summary>From the storm until each had its document open again.</summary>
    [JsonPropertyName("back_s_p50")]
    public required double BackP50 { get; init; }

    [JsonPropertyName("back_s_p99")]
    public required double BackP99 { get; init; }

    [JsonPropertyName("back_s_max")]
    public required double BackMax { get; init; }

    /// <summary>How long each was without its document.</summary>
    [JsonPropertyName("away_s_p50")]
    public required double AwayP50 { get; init; }

    [JsonPropertyName("away_s_p99")]
    public required double AwayP99 { get; init; }

    [JsonPropertyName("away_s_max")]
    public required double AwayMax { get; init; }

    /// <summary>Those who came back in the busiest second.</summary>
    public required long ConnectsPerS { get; init; }

    /// <summary>How often somebody was told when to come back.</summary>
    public required long SentBack { get; init; }

    /// <summary>The slowest pace at which a gateway took connections, a second; null if none told.</summary>
    public double? PaceMin { get; init; }

    /// <summary>How late work was in a gateway that somebody wanted to get in to: the p99 of the worst half second.</summary>
    public double? AdmissionLagMs { get; init; }

    /// <summary>What else went wrong on their way back, by what it was.</summary>
    public required IReadOnlyDictionary<string, int> Failures { get; init; }

    public required LiveLatency Before { get; init; }

    public required LiveLatency During { get; init; }

    public required LiveLatency After { get; init; }

    /// <summary>Connections that broke of those who were not in the storm.</summary>
    public required long LiveBroken { get; init; }

    public required long EditsAcknowledged { get; init; }

    /// <summary>Edits that were under way when their author's connection was lost.</summary>
    public required long InFlight { get; init; }

    /// <summary>Those that had to be sent again; the others had been committed.</summary>
    public required long SentAgain { get; init; }

    public required IReadOnlyDictionary<string, long> EditsRefused { get; init; }

    /// <summary>Acknowledged keystrokes that are missing: on a screen, or in a document at the end.</summary>
    public required long Lost { get; init; }

    /// <summary>Keystrokes that are there more than once.</summary>
    public required long Duplicated { get; init; }

    /// <summary>Of all that is served with, from the storm until all were back; null if nothing is known of it.</summary>
    public double? ServerCores { get; init; }

    public required double GeneratorCores { get; init; }

    /// <summary>How late the generator itself was: what of the latency is not the server's.</summary>
    public required double SentLateMsP99 { get; init; }

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Whether all are back, nobody else lost his connection, and every keystroke is there once.</summary>
    public bool IsWhole() => LeftOut == 0 && LiveBroken == 0 && Lost == 0 && Duplicated == 0;

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    public void Write(TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Target}: {Connections:N0} connections in {Documents:N0} documents were {Storm}; others type on {(Gateways == 1 ? "the same server" : "the other gateways")}."));
        output.WriteLine();
        output.WriteLine("| what | |");
        output.WriteLine("|---|---|");
        Row("back", $"{Back:N0}, {LeftOut:N0} left out; after {BackP50:N2} s (p50), {BackP99:N2} s (p99), {BackMax:N2} s (the last)");
        Row("each without its document for", $"{AwayP50:N2} s (p50), {AwayP99:N2} s (p99), {AwayMax:N2} s (max)");
        Row("in the busiest second", $"{ConnectsPerS:N0} came back");
        Row("told when to come back", $"{SentBack:N0} times");
        if (PaceMin is { } pace)
            Row("the slowest pace of a gateway", $"{pace:N0} a second; work was late by {AdmissionLagMs ?? 0:N0} ms");
        Latency("before", Before);
        Latency("during the storm", During);
        Latency("after", After);
        Row("edits", $"{EditsAcknowledged:N0} acknowledged, {Lost:N0} lost, {Duplicated:N0} twice");
        Row("edits under way when it began", $"{InFlight:N0}, of which {SentAgain:N0} had to be sent again");
        Row("cores during the storm", $"{(ServerCores is { } cores ? $"{cores:N2} served" : "not known")}, {GeneratorCores:N2} generated it");
        if (LiveBroken > 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{LiveBroken:N0} connections broke of those who were not in it."));
        foreach (var (reason, count) in Failures)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} times on the way back: {reason}"));
        foreach (var (reason, count) in EditsRefused)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} edits were refused: {reason}"));

        void Row(string what, FormattableString value) =>
            output.WriteLine($"| {what} | {value.ToString(CultureInfo.InvariantCulture)} |");

        void Latency(string when, LiveLatency latency) =>
            Row($"a key to every screen, {when}", $"p50 {latency.P50:N1} ms, p99 {latency.P99:N1} ms, max {latency.Max:N1} ms");
    }
}
