// What a replay found, for people and for programs.

using System.Text.Json.Serialization;
using Spectre.Console;

namespace CloudSync.Bench.Replay;

/// <summary>The last line with --json.</summary>
internal sealed record ReplayReport
{
    public required string File { get; init; }

    public required int Clients { get; init; }

    /// <summary>The file's patches, all of which were typed.</summary>
    public required int Patches { get; init; }

    /// <summary>The operations that were committed for them.</summary>
    public required long Operations { get; init; }

    /// <summary>Everything that had to be equal to the recorded end was.</summary>
    public required bool Converged { get; init; }

    [JsonPropertyName("ops_per_s")]
    public required double OperationsPerSecond { get; init; }

    public required double PatchesPerS { get; init; }

    public required double Seconds { get; init; }

    public required double LatencyMsP50 { get; init; }

    public required double LatencyMsP99 { get; init; }

    public required double LatencyMsMax { get; init; }

    /// <summary>Keystrokes timed, over all receivers.</summary>
    public required long LatencySamples { get; init; }

    /// <summary>"equal", "differs", or "skipped" if the server is not ours to restart.</summary>
    public required string ColdLoad { get; init; }

    /// <summary>What differed; empty if nothing did.</summary>
    public required IReadOnlyList<string> Differences { get; init; }

    public void Write(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Row(string name, FormattableString value) =>
            table.AddRow(Markup.Escape(name), Markup.Escape(FormattableString.Invariant(value)));
        Row("patches", $"{Patches:N0} by {Clients} clients in {Seconds:N1} s");
        Row("operations", $"{Operations:N0} committed, {OperationsPerSecond:N0} each second");
        Row(
            "keystroke to other screen",
            $"p50 {LatencyMsP50:N2} ms, p99 {LatencyMsP99:N2} ms, max {LatencyMsMax:N2} ms ({LatencySamples:N0} timed)");
        Row("cold load after a restart", $"{ColdLoad}");
        Row("converged", $"{(Converged ? "yes" : "NO")}");
        foreach (var difference in Differences)
            Row("", $"{difference}");
        console.Write(table);
    }
}
