// What is said at the end: a Markdown table for people, one JSON object for programs.

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CloudSync.Bench.Load;

/// <param name="Target">What the load went to.</param>
/// <param name="Documents">How many.</param>
/// <param name="Clients">In each of them.</param>
/// <param name="Writers">Of these.</param>
/// <param name="Presence">Whether everybody had a selection, and moved it.</param>
/// <param name="Gateways">How many gateways they were on.</param>
/// <param name="Apart">How many that only watched were on another gateway than all who wrote in their document.</param>
/// <param name="SentBack">How often a connection was told to come back later before it was let in.</param>
/// <param name="Transport">What carried them.</param>
/// <param name="Steps">One after the other.</param>
internal sealed record LoadReport(
    string Target, int Documents, int Clients, int Writers, bool Presence, int Gateways, int Apart, long SentBack, string Transport,
    IReadOnlyList<LoadStep> Steps)
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Whether every keystroke that was acknowledged came to every screen, and no connection broke.</summary>
    public bool IsWhole => Steps.All(static step => step.Lost == 0 && step.Broken.Count == 0);

    public void Write(TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Target}: {Documents:N0} documents, {Clients:N0} clients in each, {Writers:N0} of them writing{(Presence ? ", presence on" : "")}{(Transport == "websocket" ? "" : $", over {Transport}")}; on {Gateways} gateways, {Apart:N0} watch from another one than is written on."));
        output.WriteLine();
        output.WriteLine("| offered/s | acknowledged/s | p50 ms | p95 ms | p99 ms | max ms | expected | lost | sent late p99 ms | server CPU s | server MiB | cores |");
        output.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var step in Steps)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {step.Rate:N0} | {step.AcknowledgedPerS:N0} | {step.LatencyMsP50:N1} | {step.LatencyMsP95:N1} | {step.LatencyMsP99:N1} | {step.LatencyMsMax:N1} | {step.Expected:N0} | {step.Lost:N0} | {step.SentLateMsP99:N1} | {step.ServerCpuSeconds:N1} | {step.ServerRssBytes / 1048576.0:N0} | {string.Join(", ", step.Servers.Select(static part => string.Create(CultureInfo.InvariantCulture, $"{part.Key} {part.Value:0.##}")))} |"));
        }

        foreach (var (reason, count) in Steps.SelectMany(static step => step.Refused).GroupBy(static pair => pair.Key)
            .Select(static group => (group.Key, group.Sum(static pair => pair.Value))))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nRefused {count:N0} times: {reason}"));
        foreach (var (reason, count) in Steps.Count == 0 ? new Dictionary<string, int>() : Steps[^1].Broken)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} connections broke: {reason}"));
    }

    /// <summary>One object on one line. The figures of a single step stand in the object itself as well.</summary>
    public string ToJson()
    {
        var report = JsonSerializer.SerializeToNode(this, s_json)!.AsObject();
        report.Remove("is_whole");
        if (Steps is [var only])
        {
            foreach (var (name, value) in JsonSerializer.SerializeToNode(only, s_json)!.AsObject())
                report[name] = value?.DeepClone();
        }

        return report.ToJsonString();
    }
}
