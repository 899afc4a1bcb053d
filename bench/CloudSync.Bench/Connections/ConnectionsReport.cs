// What is said at the end: a Markdown table for people, one JSON object for programs.

using System.Globalization;
using System.Text.Json;

namespace CloudSync.Bench.Connections;

internal sealed record ConnectionsReport
{
    public required string Target { get; init; }

    /// <summary>Connections that were open when all were.</summary>
    public required long Connections { get; init; }

    public required int Documents { get; init; }

    public required int Processes { get; init; }

    public required int Gateways { get; init; }

    /// <summary>Whether they opened no document.</summary>
    public required bool Bare { get; init; }

    /// <summary>What the servers' private memory (RssAnon) has grown by, for each connection; null if nothing is known of it.</summary>
    public long? BytesPerConnection { get; init; }

    /// <summary>The same after they were held.</summary>
    public long? BytesPerConnectionHeld { get; init; }

    public long? ServerBytesBefore { get; init; }

    public long? ServerBytesOpen { get; init; }

    public required double ConnectsPerS { get; init; }

    /// <summary>Connections that could not be opened, by why.</summary>
    public required IReadOnlyDictionary<string, int> NotOpened { get; init; }

    /// <summary>How often one was told to come back later before it was let in.</summary>
    public required long SentBack { get; init; }

    public required double HeldS { get; init; }

    /// <summary>Connections that broke while they were held.</summary>
    public required long Dropped { get; init; }

    /// <summary>The same by why.</summary>
    public required IReadOnlyDictionary<string, int> Drops { get; init; }

    public required long EditsOffered { get; init; }

    public required long EditsAcknowledged { get; init; }

    public required IReadOnlyDictionary<string, long> EditsRefused { get; init; }

    public required long Expected { get; init; }

    public required long Delivered { get; init; }

    public required long Lost { get; init; }

    public required double EditLatencyMsP50 { get; init; }

    public required double EditLatencyMsP99 { get; init; }

    public required double EditLatencyMsMax { get; init; }

    /// <summary>Pauses of all servers while the connections were held; null if nothing is known of them.</summary>
    public long? GcPauses { get; init; }

    public double? GcPauseMsP99 { get; init; }

    public double? GcPauseMsMax { get; init; }

    /// <summary>Of all that is served with, while the connections were held; null if nothing is known of it.</summary>
    public double? CpuCores { get; init; }

    public required double GeneratorCpuCores { get; init; }

    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Whether all were opened and held, and every keystroke came to every screen.</summary>
    public bool IsWhole() => NotOpened.Count == 0 && Dropped == 0 && Lost == 0;

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    public void Write(TextWriter output)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Target}: {Connections:N0} connections{(Bare ? "" : $" in {Documents:N0} documents")}, opened by {Processes:N0} processes on {Gateways:N0} gateways."));
        output.WriteLine();
        output.WriteLine("| what | |");
        output.WriteLine("|---|---|");
        Row("private memory of the servers for each", BytesPerConnection is { } bytes
            ? (FormattableString)$"{bytes:N0} bytes ({Mib(ServerBytesBefore)} MiB before, {Mib(ServerBytesOpen)} MiB with them); {BytesPerConnectionHeld:N0} after they were held"
            : $"not known");
        Row("connects a second", $"{ConnectsPerS:N0}{(SentBack > 0 ? $", {SentBack:N0} times told to come back later" : "")}");
        Row("held", $"{HeldS:N0} s, {Dropped:N0} dropped");
        Row("edits", $"{EditsOffered:N0} typed, {EditsAcknowledged:N0} acknowledged, {Delivered:N0} times on a screen, {Lost:N0} lost");
        Row("from a key to every screen", $"p50 {EditLatencyMsP50:N1} ms, p99 {EditLatencyMsP99:N1} ms, max {EditLatencyMsMax:N1} ms");
        Row("garbage collector", GcPauses is { } pauses ? (FormattableString)$"{pauses:N0} pauses, p99 {GcPauseMsP99:N1} ms, max {GcPauseMsMax:N1} ms" : $"not known");
        Row("cores", $"{(CpuCores is { } cores ? $"{cores:N2} served" : "not known")}, {GeneratorCpuCores:N2} generated the load");
        foreach (var (reason, count) in NotOpened)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} could not be opened: {reason}"));
        foreach (var (reason, count) in Drops)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} were dropped: {reason}"));
        foreach (var (reason, count) in EditsRefused)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count:N0} edits were refused: {reason}"));

        void Row(string what, FormattableString value) =>
            output.WriteLine($"| {what} | {value.ToString(CultureInfo.InvariantCulture)} |");
    }

    private static string Mib(long? bytes) => ((bytes ?? 0) / 1048576.0).ToString("N0", CultureInfo.InvariantCulture);
}
