// One run: a cluster, clients who use it, faults one after another, and at the end the question whether all is as it must be.

using CloudSync.Chaos.Checking;
using CloudSync.Chaos.Faults;
using CloudSync.Chaos.History;
using CloudSync.Chaos.Reporting;
using CloudSync.Chaos.Workload;
using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos;

/// <summary>What a run is made of.</summary>
/// <param name="Folder">Cluster, history and logs are kept there.</param>
/// <param name="ServerProgram">The built program CloudSync.Server.</param>
/// <param name="Duration">How long faults are injected.</param>
/// <param name="Faults">Which kinds.</param>
/// <param name="Seed">What is random comes from it; what the machine does is not the same twice.</param>
/// <param name="Traces">Recorded sessions that are typed besides.</param>
/// <param name="Crowd">How many people only have a document open.</param>
/// <param name="FaultsMax">Ends the run after so many, if that is sooner.</param>
internal sealed record ChaosOptions(
    string Folder, string ServerProgram, TimeSpan Duration, IReadOnlyList<FaultKind> Faults, int Seed, IReadOnlyList<NamedTrace> Traces, int Crowd = 0,
    int FaultsMax = int.MaxValue);

/// <summary>Runs it.</summary>
internal sealed class ChaosRun(ChaosOptions options, Action<string> say)
{
    private const double TwoAtOnceShare = 0.15;
    private const int PauseMsMin = 100;
    private const int PauseMsMax = 1_000;

    // Beyond this edits don't flow any more, whatever the reason.
    private static readonly TimeSpan _flowPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan _finishPatience = TimeSpan.FromSeconds(120);

    // Whoever went without a word is missed by the heartbeat after a minute.
    private static readonly TimeSpan _meetPatience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan _calm = TimeSpan.FromSeconds(3);

    private readonly Random _random = new(options.Seed);
    private readonly Anomalies _own = new();

    public async Task<ChaosReport> RunAsync(CancellationToken stop)
    {
        var file = Path.Combine(options.Folder, "history.jsonl");
        var started = System.Diagnostics.Stopwatch.StartNew();
        IReadOnlyList<LoggedDocument> log;
        Dictionary<string, string> missing;
        TraceLine[] traces;
        await using (var cluster = await ChaosCluster.StartAsync(
            options.Folder, options.ServerProgram, options.Faults.Any(static kind => kind.Name == FaultKinds.Clock), say, stop))
        {
            using var history = new HistoryWriter(file);
            missing = options.Faults.Where(kind => kind.Missing(cluster).Length > 0).ToDictionary(static kind => kind.Name, kind => kind.Missing(cluster));
            FaultKind[] kinds = [.. options.Faults.Where(kind => !missing.ContainsKey(kind.Name))];
            await using var clients = await Clients.StartAsync(cluster, history, options.Traces, options.Crowd, new Random(_random.Next()), stop);
            started.Restart();
            say($"The cluster runs, and clients write. {kinds.Length} kinds of faults, seed {options.Seed}.");
            await InjectAsync(cluster, clients, history, kinds, started, stop);
            say("The last fault is healed; clients finish.");
            log = await FinishAsync(cluster, clients, stop);
            traces = [.. clients.Traces.Select(static trace => new TraceLine(trace.Name, trace.Typed, trace.Patches))];
        }

        say("Checking…");
        var check = Checker.Check(HistoryReader.Read(file), log);
        foreach (var anomaly in _own.Found)
            check.Anomalies.Add(anomaly.Kind, $"{anomaly.Sentence}");
        return ChaosReport.Of(
            options.Seed, started.Elapsed, check, new Recovery(HistoryReader.Read(file)), PresenceLapses.Of(HistoryReader.Read(file)),
            FaultKinds.All.ToDictionary(static kind => kind.Name, static kind => kind.Traits), missing, traces);
    }

    private async Task InjectAsync(
        ChaosCluster cluster, Clients clients, HistoryWriter history, FaultKind[] kinds, System.Diagnostics.Stopwatch started,
        CancellationToken stop)
    {
        // Everybody writes before the first one.
        await clients.Flow.WhenFlowingAsync(history.Now, _flowPatience, stop);
        await Task.Delay(_calm, stop);
        var bag = new Queue<FaultKind>();
        for (var count = 0; started.Elapsed < options.Duration && count < options.FaultsMax && kinds.Length > 0;)
        {
            if (bag.Count == 0)
                Refill(bag, kinds);
            List<FaultKind> together = [bag.Dequeue()];
            if (!together[0].IsAlone && !together[0].IsRolling && bag.TryPeek(out var next) && next is { IsAlone: false, IsRolling: false }
                && next.Name != together[0].Name && _random.NextDouble() < TwoAtOnceShare)
                together.Add(bag.Dequeue());
            count += together.Count;
            var flows = await InjectAsync(cluster, clients, history, together, count, stop);
            if (clients.Failed.IsFaulted)
                await clients.Failed;
            if (history.Full.Task.IsFaulted)
            {
                say(history.Full.Task.Exception!.InnerException!.Message);
                break;
            }

            if (!flows)
                break;
            await Task.Delay(_random.Next(PauseMsMin, PauseMsMax), stop);
        }
    }

    // False if edits don't flow after it.
    private async Task<bool> InjectAsync(
        ChaosCluster cluster, Clients clients, HistoryWriter history, IReadOnlyList<FaultKind> kinds, int count, CancellationToken stop)
    {
        var faults = kinds.Select(kind => (Kind: kind, Fault: kind.Create(cluster, _random), Number: history.NextNumber(), Hold: Hold(kind))).ToArray();
        var time = System.Diagnostics.Stopwatch.StartNew();
        var injected = 0L;
        await Task.WhenAll(faults.Select(async fault =>
        {
            var told = new HistoryEvent
            {
                Kind = EventKind.FaultBegins, Number = fault.Number, What = fault.Kind.Name, Details = fault.Fault.Details,
            };
            history.Add(told);
            try
            {
                await fault.Fault.InjectAsync(stop);
            }
            finally
            {
                injected = Math.Max(injected, history.Add(told with { Kind = EventKind.FaultInjected, At = 0 }));
                await Task.Delay(fault.Hold, CancellationToken.None);
                await fault.Fault.HealAsync(stop);
                history.Add(told with { Kind = EventKind.FaultHealed, At = 0 });
            }
        }));
        var healed = time.Elapsed;
        var clearing = Task.WhenAll(faults.Select(fault => fault.Fault.ClearUpAsync(stop)));
        var flows = await clients.Flow.WhenFlowingAsync(injected, _flowPatience, stop);
        var flowing = time.Elapsed;
        var what = string.Join(" and ", faults.Select(static fault => $"{fault.Kind.Name} ({fault.Fault.Details})"));
        say(FormattableString.Invariant(
            $"{count,5}. {what}: healed after {healed.TotalSeconds:0.00} s, edits flow after {flowing.TotalSeconds:0.00} s"));
        if (!flows)
            _own.Add(Anomalies.Stuck, $"After {what} no edits of {string.Join(", ", clients.Flow.Waiting(injected))} flow for {_flowPatience.TotalSeconds} s.");
        try
        {
            await clearing;
            await cluster.RecoverAsync(stop);
        }
        catch (ServerStartException exception)
        {
            _own.Add(Anomalies.Stuck, $"After {what} the cluster isn't whole again: {exception.Message}");
            return false;
        }

        return flows;
    }

    private async Task<IReadOnlyList<LoggedDocument>> FinishAsync(ChaosCluster cluster, Clients clients, CancellationToken stop)
    {
        await using var log = new LogOfCluster(cluster.ConnectionString);
        foreach (var late in await clients.FinishAsync(_finishPatience, log.HeadAsync, stop))
            _own.Add(Anomalies.Stuck, $"In the end {late}.");
        foreach (var wrong in await clients.MeetAsync(_meetPatience, stop))
            _own.Add(Anomalies.Presence, $"In the end {wrong}.");
        return await log.ReadAsync(clients.Documents, stop);
    }

    // All kinds come before one comes again.
    private void Refill(Queue<FaultKind> bag, FaultKind[] kinds)
    {
        var next = kinds.SelectMany(static kind => Enumerable.Repeat(kind, kind.Weight)).ToArray();
        _random.Shuffle(next);
        foreach (var kind in next)
            bag.Enqueue(kind);
    }

    private TimeSpan Hold(FaultKind kind) =>
        TimeSpan.FromSeconds(kind.HoldSecondsMin + (_random.NextDouble() * (kind.HoldSecondsMax - kind.HoldSecondsMin)));
}
