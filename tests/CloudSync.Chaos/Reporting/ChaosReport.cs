// What a run has shown: for people as text, for programs as one JSON object.

using System.Globalization;
using System.Text.Json;
using CloudSync.Chaos.Checking;

namespace CloudSync.Chaos.Reporting;

/// <summary>Of so many durations, in milliseconds.</summary>
internal sealed record Spread(int Count, double P50, double P99, double Max)
{
    public static Spread Of(IEnumerable<double> milliseconds)
    {
        var sorted = milliseconds.Order().ToArray();
        return sorted.Length == 0
            ? new Spread(0, 0, 0, 0)
            : new Spread(sorted.Length, At(sorted, 0.5), At(sorted, 0.99), Math.Round(sorted[^1]));
    }

    // The nearest rank: one that was measured.
    private static double At(double[] sorted, double share) => Math.Round(sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)]);
}

/// <summary>What faults of one kind meant to those who write.</summary>
/// <param name="Fault">The kind.</param>
/// <param name="Group">"database" or "other".</param>
/// <param name="Counts">Which of the figures counts for the goal: "injection", "healing" or "wait".</param>
/// <param name="FromInjectionMs">From the fault until edits of all writers flow.</param>
/// <param name="FromHealingMs">From its healing until then.</param>
/// <param name="LongestWaitMs">The longest that an edit waited.</param>
/// <param name="CrowdAwayMs">How long each of the crowd that lost its connection was without one.</param>
internal sealed record RecoveryLine(
    string Fault, string Group, string Counts, Spread FromInjectionMs, Spread FromHealingMs, Spread LongestWaitMs, Spread CrowdAwayMs);

/// <summary>What counts for the goal, over all faults of a group.</summary>
/// <param name="Group">"database" or "other".</param>
/// <param name="GoalMs">The goal at the 99th percentile.</param>
/// <param name="FlowsAfterMs">What was measured.</param>
/// <param name="Met">Whether the goal is met; null if no fault of the group was injected.</param>
internal sealed record GroupLine(string Group, double GoalMs, Spread FlowsAfterMs, bool? Met);

/// <summary>How long presence was wrong, in milliseconds, for what began under faults of a kind.</summary>
/// <param name="Fault">The kind, or <see cref="PresenceLapses.NoFault"/>.</param>
/// <param name="UnseenMs">Two had the document open, and one wasn't shown to the other.</param>
/// <param name="GhostMs">Somebody was shown who had closed it.</param>
internal sealed record PresenceLine(string Fault, Spread UnseenMs, Spread GhostMs);

internal sealed record AnomalyLine(string Kind, string Sentence);

/// <summary>How many patches of a recorded session were typed, of how many.</summary>
internal sealed record TraceLine(string Trace, int Typed, int Patches);

internal sealed record ChaosReport
{
    public const string Database = "database";
    public const string Other = "other";

    private const double DatabaseGoalMs = 5_000;
    private const double OtherGoalMs = 1_000;

    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public required int Seed { get; init; }
    public required double Minutes { get; init; }
    public required bool Passed { get; init; }
    public required int FaultsInjected { get; init; }
    public required IReadOnlyDictionary<string, int> Faults { get; init; }
    public required IReadOnlyDictionary<string, string> FaultsMissing { get; init; }
    public required int Submitted { get; init; }
    public required int Acknowledged { get; init; }
    public required int Operations { get; init; }
    public required int ViewsCompared { get; init; }
    public required int Lost { get; init; }
    public required int Duplicated { get; init; }
    public required int Diverged { get; init; }
    public required IReadOnlyDictionary<string, int> AnomalyCounts { get; init; }
    public required IReadOnlyList<AnomalyLine> Anomalies { get; init; }
    public required IReadOnlyList<TraceLine> Traces { get; init; }
    public required IReadOnlyList<RecoveryLine> Recovery { get; init; }
    public required IReadOnlyList<GroupLine> Groups { get; init; }
    public required IReadOnlyList<PresenceLine> Presence { get; init; }
    public required Spread WaitMs { get; init; }
    public required int WriterSeconds { get; init; }
    public required double ServedWithin1S { get; init; }
    public required double ServedWithin5S { get; init; }

    public static ChaosReport Of(
        int seed, TimeSpan duration, CheckResult check, Recovery recovery, IReadOnlyList<PresenceLapse> lapses, IReadOnlyDictionary<string, FaultTraits> traits,
        IReadOnlyDictionary<string, string> missing, IReadOnlyList<TraceLine> traces)
    {
        var impacts = recovery.Impacts();
        var availability = recovery.Availability();
        var found = check.Anomalies;
        return new ChaosReport
        {
            Seed = seed,
            Minutes = Math.Round(duration.TotalMinutes, 1),
            Passed = found.Counts.Count == 0,
            FaultsInjected = recovery.Injected.Values.Sum(),
            Faults = recovery.Injected,
            FaultsMissing = missing,
            Submitted = check.Submitted,
            Acknowledged = check.Acknowledged,
            Operations = check.Operations,
            ViewsCompared = check.Views,
            Lost = found.Count(Checking.Anomalies.Lost),
            Duplicated = found.Count(Checking.Anomalies.Duplicated),
            Diverged = found.Count(Checking.Anomalies.Diverged),
            AnomalyCounts = found.Counts,
            Anomalies = [.. found.Found.Select(static anomaly => new AnomalyLine(anomaly.Kind, anomaly.Sentence))],
            Traces = traces,
            Recovery =
            [
                .. impacts.GroupBy(static impact => impact.Kind).OrderBy(static group => group.Key, StringComparer.Ordinal)
                    .Select(group => LineOf(group.Key, [.. group], traits)),
            ],
            Groups =
            [
                GroupOf(Database, isDatabase: true, DatabaseGoalMs, impacts, traits),
                GroupOf(Other, isDatabase: false, OtherGoalMs, impacts, traits),
            ],
            Presence =
            [
                .. lapses.GroupBy(static lapse => lapse.Fault).OrderBy(static group => group.Key, StringComparer.Ordinal).Select(static group => new PresenceLine(
                    group.Key, Spread.Of(group.Where(static lapse => !lapse.IsGhost).Select(static lapse => lapse.Ms)),
                    Spread.Of(group.Where(static lapse => lapse.IsGhost).Select(static lapse => lapse.Ms)))),
            ],
            WaitMs = Spread.Of(recovery.Waits()),
            WriterSeconds = availability.Seconds,
            ServedWithin1S = Share(availability.Within1S, availability.Seconds),
            ServedWithin5S = Share(availability.Within5S, availability.Seconds),
        };
    }

    public string ToJson() => JsonSerializer.Serialize(this, _json);

    public void Write(TextWriter output)
    {
        output.WriteLine(Text($"Seed {Seed}, {Minutes} minutes, {FaultsInjected} faults."));
        output.WriteLine(Text($"Edits: {Submitted} begun, {Acknowledged} acknowledged, in {Operations} operations; {ViewsCompared} views compared with the log."));
        foreach (var (trace, typed, patches) in Traces)
            output.WriteLine(Text($"Recorded session {trace}: {typed} of {patches} patches typed."));
        output.WriteLine(Text($"Lost {Lost}, duplicated {Duplicated}, diverged {Diverged}; anomalies in all: {AnomalyCounts.Values.Sum()}."));
        output.WriteLine(Text($"Of {WriterSeconds} seconds of writers, in {ServedWithin1S * 100:0.00} % every edit was acknowledged within 1 s, in {ServedWithin5S * 100:0.00} % within 5 s."));
        output.WriteLine(Text($"An edit waited to be acknowledged for {WaitMs.P50} / {WaitMs.P99} / {WaitMs.Max} ms (p50 / p99 / max)."));
        output.WriteLine("Until edits of all writers flow again, in ms (p50 / p99 / max); what counts for the goal is marked *:");
        output.WriteLine($"{"fault",-26}{"count",6}   {"from injection",-24}{"from healing",-24}{"longest wait",-24}");
        foreach (var line in Recovery)
        {
            output.WriteLine(Text(
                $"{line.Fault,-26}{line.FromInjectionMs.Count,6}   {Cell(line, "injection", line.FromInjectionMs),-24}{Cell(line, "healing", line.FromHealingMs),-24}{Cell(line, "wait", line.LongestWaitMs),-24}"));
        }

        foreach (var line in Recovery.Where(static line => line.CrowdAwayMs.Count > 0))
        {
            output.WriteLine(Text(
                $"{line.Fault,-26}{line.CrowdAwayMs.Count,6} times somebody of the crowd lost the connection, for {Cell(line, "", line.CrowdAwayMs)} ms"));
        }

        foreach (var (group, goalMs, flows, met) in Groups.Where(static group => group.Met is not null))
            output.WriteLine(Text($"{group}: {flows.Count} times, {flows.P50} / {flows.P99} / {flows.Max} ms; the goal is {goalMs} ms at p99: {(met == true ? "met" : "missed")}"));
        output.WriteLine("Presence, in ms (times: p50 / p99 / max):");
        output.WriteLine($"{"fault",-26}{"somebody was not shown",-32}{"somebody who had left was",-32}");
        foreach (var (fault, unseen, ghost) in Presence)
            output.WriteLine($"{fault,-26}{Counted(unseen),-32}{Counted(ghost),-32}");
        foreach (var (fault, reason) in FaultsMissing)
            output.WriteLine($"Not injected: {fault}, because {reason}.");
        foreach (var (kind, count) in AnomalyCounts)
            output.WriteLine(Text($"ANOMALY {kind}: {count}"));
        foreach (var (kind, sentence) in Anomalies)
            output.WriteLine($"  {kind}: {sentence}");
    }

    private static string Cell(RecoveryLine line, string name, Spread spread) =>
        Text($"{(line.Counts == name ? "*" : "")}{spread.P50} / {spread.P99} / {spread.Max}");

    private static string Counted(Spread spread) => Text($"{spread.Count}: {spread.P50} / {spread.P99} / {spread.Max}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static double Share(int part, int whole) => whole == 0 ? 0 : Math.Round((double)part / whole, 5);

    // Two at once may be anything: they count as the database does, from the healing.
    private static FaultTraits TraitsOf(string kind, IReadOnlyDictionary<string, FaultTraits> traits) =>
        traits.TryGetValue(kind, out var found) ? found : new FaultTraits(IsDatabase: true, Stands: true, IsRolling: false);

    private static RecoveryLine LineOf(string kind, IReadOnlyList<FaultImpact> impacts, IReadOnlyDictionary<string, FaultTraits> traits)
    {
        var its = TraitsOf(kind, traits);
        return new RecoveryLine(
            kind, its.IsDatabase ? Database : Other, its.IsRolling ? "wait" : its.Stands ? "healing" : "injection",
            Spread.Of(impacts.Select(static impact => impact.FromInjection)), Spread.Of(impacts.Select(static impact => impact.FromHealing)),
            Spread.Of(impacts.Select(static impact => impact.LongestWait)), Spread.Of(impacts.SelectMany(static impact => impact.Absences)));
    }

    private static GroupLine GroupOf(
        string name, bool isDatabase, double goalMs, IReadOnlyList<FaultImpact> impacts, IReadOnlyDictionary<string, FaultTraits> traits)
    {
        var spread = Spread.Of(impacts.Where(impact => TraitsOf(impact.Kind, traits).IsDatabase == isDatabase).Select(impact => TraitsOf(impact.Kind, traits) switch
        {
            { IsRolling: true } => impact.LongestWait,
            { Stands: true } => impact.FromHealing,
            _ => impact.FromInjection,
        }));
        return new GroupLine(name, goalMs, spread, spread.Count > 0 ? spread.P99 <= goalMs : null);
    }
}
