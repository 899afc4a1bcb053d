// Has people type, kills the gateway of thousands of others, waits until these are back, and looks what has become of everybody's edits.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.GeneratorProcesses;
using CloudSync.Bench.Load;
using CloudSync.Bench.Replay;
using HdrHistogram;
using Spectre.Console;

namespace CloudSync.Bench.Storm;

internal sealed class StormRun(StormPlan plan, LoadTarget target, IAnsiConsole console, CancellationToken stop)
{
    private const int OpeningAtOnce = 64;
    private const int WarmUpDocuments = 20;
    private const int WarmUpClients = 20;
    private const double WarmUpRate = 200;
    private const int ReadingAtOnce = 8;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    // Time enough for everybody to hear of it.
    private static readonly TimeSpan s_lead = TimeSpan.FromMilliseconds(300);

    // After all pressed a key at the same moment: what has been sent by then is on its way, or in the log and not acknowledged.
    private static readonly TimeSpan s_underWay = TimeSpan.FromMilliseconds(6);

    // A gateway tells nobody to stay away for longer than a minute.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    // As `bench connections` has it: heartbeats of so many are not what is measured.
    private static readonly Dictionary<string, string> s_settings = new()
    {
        ["CloudSync__HeartbeatInterval"] = "00:01:00", ["CloudSync__HeartbeatTimeout"] = "00:02:30",
    };

    /// <summary>Does all of it.</summary>
    public static async Task<StormReport> RunAsync(StormPlan plan, IAnsiConsole console, CancellationToken stop)
    {
        await using var target = await Watched.WaitAsync(
            console, LoadTarget.StartAsync(plan.Gateways, s_settings, stop),
            () => plan.Gateways == 1 ? "Starting a server" : $"Starting a cluster with {plan.Gateways} gateways");
        return await new StormRun(plan, target, console, stop).RunAsync();
    }

    private async Task<StormReport> RunAsync()
    {
        var gateways = target.Gateways;
        var ids = await Watched.WaitAsync(
            console, LoadTarget.CreateDocumentsAsync(gateways[^1], plan.Documents + StormPlan.LiveDocuments + WarmUpDocuments, stop),
            static () => "Creating documents");
        await Watched.WaitAsync(console, WarmUpAsync(gateways, ids.TakeLast(WarmUpDocuments)), static () => "Warming up");

        var liveIds = ids.Skip(plan.Documents).Take(StormPlan.LiveDocuments).ToArray();
        var livePlan = new LoadPlan(gateways, plan.LiveOf(liveIds)) { Presence = true, Composes = true, Threads = 1, OpeningAtOnce = OpeningAtOnce };
        using var live = await LoadGenerator.CreateAsync(livePlan, Protocol, stop);
        await live.OpenAsync(stop);
        await using var storm = await GeneratorProcess.StartAsync(new OpenOrder(
            gateways, plan.StormOf([.. ids.Take(plan.Documents)]), Presence: true, OpenDocuments: true, OpeningAtOnce,
            GeneratorProcess.SourcesOf(0, gateways), Seed: 1, Storms: true));
        var opened = await Watched.WaitAsync(
            console, storm.WaitUntilOpenAsync().WaitAsync(stop),
            () => string.Create(CultureInfo.InvariantCulture, $"Opening: {storm.Last.Live:N0} of {plan.Count:N0}"));
        if (opened.Live < plan.Count || live.Broken > 0)
            throw new InvalidDataException("Not all could be opened. " + string.Join(" ", opened.Breaks.Keys.Concat((await live.BreaksAsync(stop)).Keys)));

        var typing = live.StepAsync(plan.Rate, s_longest, stop);
        live.BeginPhase(0);
        await Watched.WaitAsync(console, Task.Delay(plan.Calm, stop), static () => "Typing, before the storm");
        using var meters = AdmissionMeters.Begin([.. target.Servers.Where(id => plan.Gateways == 1 || id != target.ProcessOfGateway(0))]);
        var (isBack, ended, serverCores, generatorCores) = await StormAsync(live, storm);
        var (pace, lag) = meters.End();
        await Watched.WaitAsync(console, Task.Delay(plan.Calm, stop), static () => "Typing, after the storm");
        live.EndStep();
        var held = await Watched.WaitAsync(console, storm.EndStormAsync().WaitAsync(stop), static () => "Waiting for what is under way");
        var (figures, _) = await typing;
        await ended.WaitAsync(stop);
        var kept = await Watched.WaitAsync(console, CountKeptAsync(gateways[^1], ids.Take(plan.Documents + StormPlan.LiveDocuments)), static () => "Reading all documents");
        return Describe(isBack, held, figures, live, kept) with
        {
            PaceMin = pace is { } slowest ? Math.Round(slowest) : null, AdmissionLagMs = lag is { } late ? Math.Round(late, 1) : null,
            ServerCores = serverCores, GeneratorCores = generatorCores,
        };
    }

    private async Task<(bool IsBack, Task Ended, double? ServerCores, double GeneratorCores)> StormAsync(LoadGenerator live, GeneratorProcess storm)
    {
        var start = Stopwatch.GetTimestamp() + (long)(s_lead.TotalSeconds * Stopwatch.Frequency);
        var at = start + (long)(s_underWay.TotalSeconds * Stopwatch.Frequency);
        var cuts = plan.Gateways == 1;
        live.BeginPhase(at);
        var coming = storm.StormAsync(new StormOrder(start, at, cuts, plan.Rate));
        var processes = target.Parts.Values.SelectMany(static ids => ids).Where(id => id != (cuts ? null : target.ProcessOfGateway(0))).ToArray();
        var before = (Servers: processes.Sum(ProcessorTime.OfTree), Generators: GeneratorSeconds(storm));
        var ended = cuts ? Task.CompletedTask : await EndAtAsync(at);
        var patience = Task.Delay(s_patience, stop);
        await Watched.WaitAsync(
            console, Task.WhenAny(coming, patience),
            () => string.Create(CultureInfo.InvariantCulture, $"The storm: {storm.Last.Live:N0} of {plan.Count:N0} are there, {storm.Last.SentBack:N0} times told to come back"));
        stop.ThrowIfCancellationRequested();
        var over = Stopwatch.GetTimestamp();
        live.BeginPhase(over);
        var seconds = Stopwatch.GetElapsedTime(at, over).TotalSeconds;
        if (coming.IsCompleted)
            await coming;
        return (
            coming.IsCompleted, ended,
            processes.Length == 0 ? null : Math.Round((processes.Sum(ProcessorTime.OfTree) - before.Servers) / seconds, 2),
            Math.Round((GeneratorSeconds(storm) - before.Generators) / seconds, 2));
    }

    // On the very moment: the timer of a task could be ten milliseconds late, and everything would be acknowledged.
    private async Task<Task> EndAtAsync(long at)
    {
        var ended = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            while (Stopwatch.GetTimestamp() < at)
                Thread.Sleep(Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), at) > TimeSpan.FromMilliseconds(5) ? 1 : 0);
            ended.SetResult(target.EndGatewayAsync(0, plan.Drains));
        }) { IsBackground = true, Name = "storm" }.Start();
        return await ended.Task;
    }

    // Code is compiled, pools are filled, on each gateway.
    private async Task WarmUpAsync(IReadOnlyList<Uri> gateways, IEnumerable<string> ids)
    {
        var warm = new LoadPlan(
            gateways, [.. ids.Select((id, number) => new PlannedDocument(id, number % gateways.Count, WarmUpClients, WarmUpClients))])
        {
            Presence = true, OpeningAtOnce = OpeningAtOnce, Threads = 1,
        };
        using var generator = await LoadGenerator.CreateAsync(warm, Protocol, stop);
        await generator.OpenAsync(stop);
        await generator.StepAsync(WarmUpRate, s_warmUp, stop);
    }

    // Each keystroke is a letter, and the documents were empty.
    private async Task<long> CountKeptAsync(Uri gateway, IEnumerable<string> ids)
    {
        using var api = new RestApi(gateway);
        var kept = 0L;
        await Parallel.ForEachAsync(
            ids, new ParallelOptions { MaxDegreeOfParallelism = ReadingAtOnce, CancellationToken = stop },
            async (id, stopping) => Interlocked.Add(ref kept, (await api.SnapshotAsync(id, stopping)).Text.Length));
        return kept;
    }

    private StormReport Describe(bool isBack, GeneratorReport report, StepFigures live, LoadGenerator generator, long kept)
    {
        var held = report.Held!;
        var storm = report.Returned!.ToFigures();
        var acknowledged = live.Acknowledged + held.Acknowledged;
        var missing = live.Expected - live.Delivered + held.Expected - held.Delivered;
        return new StormReport
        {
            Target = target.Name, Storm = plan.Gateways == 1 ? "cut" : plan.Drains ? "drained" : "killed",
            Connections = plan.Count, Documents = plan.Documents, Gateways = plan.Gateways,
            Back = plan.Count - storm.LeftOut, LeftOut = isBack ? storm.LeftOut : Math.Max(1, storm.LeftOut),
            BackP50 = Seconds(storm.Back, 50), BackP99 = Seconds(storm.Back, 99), BackMax = Seconds(storm.Back, 100),
            AwayP50 = Seconds(storm.Away, 50), AwayP99 = Seconds(storm.Away, 99), AwayMax = Seconds(storm.Away, 100),
            ConnectsPerS = MostInASecond(storm.BackInTenth), SentBack = report.SentBack, Failures = report.Breaks,
            Before = LatencyOf(live, 0), During = LatencyOf(live, 1), After = LatencyOf(live, 2),
            LiveBroken = generator.Broken, EditsAcknowledged = acknowledged, InFlight = storm.InFlight, SentAgain = storm.SentAgain,
            EditsRefused = live.Refused.Concat(held.Refused).GroupBy(static pair => pair.Key)
                .ToDictionary(static group => group.Key, static group => group.Sum(static pair => pair.Value)),
            Lost = Math.Max(0, missing) + Math.Max(0, acknowledged - kept),
            Duplicated = held.Duplicated + Math.Max(0, -missing) + Math.Max(0, kept - live.Sent - held.Sent),
            GeneratorCores = 0, SentLateMsP99 = LoadStep.Milliseconds(live.Lateness, 99),
        };
    }

    private static double GeneratorSeconds(GeneratorProcess process) => ProcessorTime.OfThisProcess() + ProcessorTime.OfTree(process.Id);

    private static CloudSyncProtocol Protocol() => new(new CloudSyncProtocolSettings(Presence: true, Spread: false));

    private static double Seconds(LongHistogram histogram, double percentile) =>
        Math.Round(LoadStep.Milliseconds(histogram, percentile) / 1_000, 3);

    private static LiveLatency LatencyOf(StepFigures figures, int phase) => new(
        LoadStep.Milliseconds(figures.Phases[phase].Latency, 50), LoadStep.Milliseconds(figures.Phases[phase].Latency, 99),
        LoadStep.Milliseconds(figures.Phases[phase].Latency, 100));

    /// <summary>The most in ten tenths of a second in a row.</summary>
    internal static long MostInASecond(IReadOnlyList<long> tenths)
    {
        long most = 0, sum = 0;
        for (var tenth = 0; tenth < tenths.Count; tenth++)
        {
            sum += tenths[tenth] - (tenth < 10 ? 0 : tenths[tenth - 10]);
            most = Math.Max(most, sum);
        }

        return most;
    }
}
