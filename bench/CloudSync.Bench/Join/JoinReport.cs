// What is said at the end: a Markdown table for people, one JSON object for programs.

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;

namespace CloudSync.Bench.Join;

/// <param name="Target">Where they joined.</param>
/// <param name="SizeMb">Of the document: millions of bytes.</param>
/// <param name="AtOnce">How many were joining at a time.</param>
/// <param name="Watchers">Who had the document open all the time, besides the writer.</param>
/// <param name="Rate">Keystrokes a second of the writer.</param>
internal sealed record JoinReport(string Target, int SizeMb, int AtOnce, int Watchers, double Rate)
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public double Seconds { get; init; }

    /// <summary>Those who saw a keystroke that was pressed after they had begun to connect.</summary>
    public long Joins { get; init; }

    [JsonPropertyName("joins_per_s")]
    public double JoinsPerSecond { get; init; }

    /// <summary>Until the whole document was there, from the moment they began to connect.</summary>
    public double OpenMsP50 { get; init; }

    public double OpenMsP99 { get; init; }

    /// <summary>Until that keystroke was there; the pauses between keystrokes are in it.</summary>
    public double FirstEditMsP50 { get; init; }

    public double FirstEditMsP99 { get; init; }

    public double FirstEditMsMax { get; init; }

    /// <summary>From the moment a key was due to each screen of those who were there all the time.</summary>
    public double EditLatencyMsP50 { get; init; }

    public double EditLatencyMsP99 { get; init; }

    public double EditLatencyMsMax { get; init; }

    /// <summary>How late the tool itself typed.</summary>
    public double SentLateMsP99 { get; init; }

    public long Expected { get; init; }

    public long Delivered { get; init; }

    public long Lost { get; init; }

    public long SentBack { get; init; }

    /// <summary>Those who could not join, by why.</summary>
    public IReadOnlyDictionary<string, int> Failed { get; init; } = new Dictionary<string, int>();

    /// <summary>Connections of the writer and the watchers that broke, by why.</summary>
    public IReadOnlyDictionary<string, int> Broken { get; init; } = new Dictionary<string, int>();

    [JsonPropertyName("server_cpu_s")]
    public double? ServerCpuSeconds { get; init; }

    public long? ServerRssBytes { get; init; }

    /// <summary>Cores that each part took.</summary>
    public IReadOnlyDictionary<string, double> Servers { get; init; } = new Dictionary<string, double>();

    /// <summary>Whether somebody joined, all who wanted to could, and every keystroke came to every screen.</summary>
    [JsonIgnore]
    public bool IsWhole => Joins > 0 && Failed.Count == 0 && Broken.Count == 0 && Lost == 0;

    public JoinReport With(JoinFigures joins, StepFigures edits) => this with
    {
        Seconds = Math.Round(joins.Elapsed.TotalSeconds, 1),
        Joins = joins.FirstEdit.TotalCount,
        JoinsPerSecond = Math.Round(joins.FirstEdit.TotalCount / joins.Elapsed.TotalSeconds, 1),
        OpenMsP50 = LoadStep.Milliseconds(joins.Opened, 50),
        OpenMsP99 = LoadStep.Milliseconds(joins.Opened, 99),
        FirstEditMsP50 = LoadStep.Milliseconds(joins.FirstEdit, 50),
        FirstEditMsP99 = LoadStep.Milliseconds(joins.FirstEdit, 99),
        FirstEditMsMax = LoadStep.Milliseconds(joins.FirstEdit, 100),
        SentBack = joins.SentBack,
        Failed = joins.Failed,
        EditLatencyMsP50 = LoadStep.Milliseconds(edits.Latency, 50),
        EditLatencyMsP99 = LoadStep.Milliseconds(edits.Latency, 99),
        EditLatencyMsMax = LoadStep.Milliseconds(edits.Latency, 100),
        SentLateMsP99 = LoadStep.Milliseconds(edits.Lateness, 99),
        Expected = edits.Expected,
        Delivered = edits.Delivered,
        Lost = edits.Expected - edits.Delivered,
    };

    public void Write(TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Target}: a document of {SizeMb:N0} MB, {AtOnce} joining at a time, {Rate:0.#} keystrokes a second and {Watchers} who watch."));
        output.WriteLine();
        output.WriteLine("| joins/s | open p50 ms | open p99 ms | first edit p50 ms | first edit p99 ms | edit p50 ms | edit p99 ms | edit max ms | lost | sent late p99 ms | server CPU s | server MiB | cores |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {JoinsPerSecond:N1} | {OpenMsP50:N1} | {OpenMsP99:N1} | {FirstEditMsP50:N1} | {FirstEditMsP99:N1} | {EditLatencyMsP50:N1} | {EditLatencyMsP99:N1} | {EditLatencyMsMax:N1} | {Lost:N0} | {SentLateMsP99:N1} | {ServerCpuSeconds:N1} | {ServerRssBytes / 1048576.0:N0} | {string.Join(", ", Servers.Select(static part => string.Create(CultureInfo.InvariantCulture, $"{part.Key} {part.Value:0.##}")))} |"));
        if (SentBack > 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nTold to come back later {SentBack:N0} times."));
        foreach (var (reason, count) in Failed)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} could not join: {reason}"));
        foreach (var (reason, count) in Broken)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} connections broke: {reason}"));
    }

    /// <summary>One object on one line.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);
}
