// Opens the connections, looks what they cost, has people type in them, and looks what became of them.

using System.Diagnostics;
using System.Globalization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.GeneratorProcesses;
using CloudSync.Bench.Load;
using HdrHistogram;
using Spectre.Console;

namespace CloudSync.Bench.Connections;

internal sealed class ConnectionsRun(ConnectionsPlan plan, LoadTarget target, IAnsiConsole console, CancellationToken stop) : IAsyncDisposable
{
    private const int OpeningAtOnce = 64;
    private const int OpeningAtOnceInEach = 4;
    private const double WarmUpRate = 200;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(60);

    // As many connections as the table has them: what an operator sets for many idle ones.
    private static readonly Dictionary<string, string> s_settings = new()
    {
        ["CloudSync__HeartbeatInterval"] = "00:01:00", ["CloudSync__HeartbeatTimeout"] = "00:02:30",
    };

    // Every gateway hears the signs of all of them: dozens on one machine would be busy with nothing else.
    private static readonly Dictionary<string, string> s_settingsOfMany = new(s_settings)
    {
        ["CloudSync__Redis__ProbeInterval"] = "00:00:05", ["CloudSync__Redis__ProbeTimeout"] = "00:00:15",
    };

    private readonly List<GeneratorProcess> _processes = [];

    /// <summary>Does all of it.</summary>
    public static async Task<ConnectionsReport> RunAsync(ConnectionsPlan plan, IAnsiConsole console, CancellationToken stop)
    {
        await using var target = plan.Urls.Count > 0
            ? LoadTarget.Of(plan.Urls)
            : await Watched.WaitAsync(
                console, LoadTarget.StartAsync(plan.Gateways, plan.Gateways == 1 ? s_settings : s_settingsOfMany, stop),
                () => plan.Gateways == 1 ? "Starting a server" : $"Starting a cluster with {plan.Gateways} gateways");
        await using var run = new ConnectionsRun(plan, target, console, stop);
        return await run.RunAsync();
    }

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(_processes.Select(static process => process.DisposeAsync().AsTask()));

    private async Task<ConnectionsReport> RunAsync()
    {
        var ids = await Watched.WaitAsync(
            console, LoadTarget.CreateDocumentsAsync(target.Gateways[0], plan.Documents, stop), () => $"Creating {plan.Documents} documents");
        await Watched.WaitAsync(console, WarmUpAsync(ids), static () => "Warming up");
        var before = await SettleAsync();

        var began = Stopwatch.GetTimestamp();
        foreach (var (documents, number) in plan.Spread(plan.Processes).Select(static (documents, number) => (documents, number)))
        {
            _processes.Add(await GeneratorProcess.StartAsync(new OpenOrder(
                target.Gateways, [.. documents.Select(document => document with { Id = ids[int.Parse(document.Id, CultureInfo.InvariantCulture)] })],
                Presence: !plan.Bare, OpenDocuments: !plan.Bare, Math.Max(OpeningAtOnceInEach, OpeningAtOnce / plan.Processes),
                GeneratorProcess.SourcesOf(number, target.Gateways), number + 1)));
        }

        var opened = await Watched.WaitAsync(
            console, Task.WhenAll(_processes.Select(static process => process.WaitUntilOpenAsync())).WaitAsync(stop),
            () => Say("Opening"));
        var opening = Stopwatch.GetElapsedTime(began);
        var live = opened.Sum(static report => report.Live);
        var notOpened = Sum(opened);
        if (live == 0)
            throw new InvalidDataException("Nothing could be opened. " + string.Join(" ", notOpened.Keys));
        var open = await SettleAsync();

        var held = await HoldAsync();
        var breaks = Sum(held.Reports);
        var figures = held.Reports.Select(static report => report.Held!).ToArray();
        var after = ReadMemory();
        return new ConnectionsReport
        {
            Target = target.Name, Connections = live, Documents = plan.Documents, Processes = plan.Processes, Gateways = target.Gateways.Count,
            Bare = plan.Bare,
            BytesPerConnection = (open - before) / live, BytesPerConnectionHeld = (after - before) / live,
            ServerBytesBefore = before, ServerBytesOpen = open,
            ConnectsPerS = Math.Round(live / opening.TotalSeconds), NotOpened = notOpened,
            SentBack = held.Reports.Sum(static report => report.SentBack),
            HeldS = Math.Round(held.Elapsed.TotalSeconds, 1), Dropped = breaks.Values.Sum() - notOpened.Values.Sum(),
            Drops = breaks.ToDictionary(static pair => pair.Key, pair => pair.Value - notOpened.GetValueOrDefault(pair.Key))
                .Where(static pair => pair.Value > 0).ToDictionary(),
            EditsOffered = figures.Sum(static part => part.Offered), EditsAcknowledged = figures.Sum(static part => part.Acknowledged),
            EditsRefused = figures.SelectMany(static part => part.Refused).GroupBy(static pair => pair.Key)
                .ToDictionary(static group => group.Key, static group => group.Sum(static pair => pair.Value)),
            Expected = figures.Sum(static part => part.Expected), Delivered = figures.Sum(static part => part.Delivered),
            Lost = figures.Sum(static part => part.Expected - part.Delivered),
            EditLatencyMsP50 = LoadStep.Milliseconds(held.Latency, 50), EditLatencyMsP99 = LoadStep.Milliseconds(held.Latency, 99),
            EditLatencyMsMax = LoadStep.Milliseconds(held.Latency, 100),
            GcPauses = held.Pauses?.TotalCount, GcPauseMsP99 = held.Pauses is { } pauses ? LoadStep.Milliseconds(pauses, 99) : null,
            GcPauseMsMax = held.Pauses is { } all ? LoadStep.Milliseconds(all, 100) : null,
            CpuCores = held.Cores, GeneratorCpuCores = Math.Round(figures.Sum(static part => part.ProcessorSeconds) / held.Elapsed.TotalSeconds, 2),
        };
    }

    private async Task<(GeneratorReport[] Reports, TimeSpan Elapsed, LongHistogram Latency, LongHistogram? Pauses, double? Cores)> HoldAsync()
    {
        using var pauses = target.Servers.Count == 0 ? null : GcPauses.Begin(target.Servers);
        await using var use = MachineUse.Begin(target);
        var began = Stopwatch.GetTimestamp();
        var spread = plan.Spread(plan.Processes);
        var reports = await Watched.WaitAsync(
            console,
            Task.WhenAll(_processes.Select((process, i) => process.HoldAsync(new HoldOrder(
                plan.Duration.TotalSeconds, plan.Rate * spread[i].Sum(static document => document.Writers) / plan.Count)))).WaitAsync(stop),
            () => Say("Holding"));
        var elapsed = Stopwatch.GetElapsedTime(began);
        var (_, cores, _) = await use.EndAsync();
        var latency = StepFigures.Create().Latency;
        foreach (var report in reports)
            report.Held!.AddTo(latency);
        return (
            reports, elapsed, latency, pauses?.End(),
            target.Parts.Count == 0 ? null : Math.Round(cores.Where(static part => part.Key != LoadTarget.Generator).Sum(static part => part.Value), 2));
    }

    // Some are opened and closed before anything is measured: code is compiled, pools are filled. A few, since what they leave
    // behind is used again by those that are measured.
    private async Task WarmUpAsync(IReadOnlyList<string> ids)
    {
        var clients = Math.Clamp(plan.Count / 20, Math.Min(plan.Count, 20), 5_000);
        var documents = Math.Min(clients, ids.Count);
        var warm = new LoadPlan(
            target.Gateways,
            [.. Enumerable.Range(0, documents).Select(number => new PlannedDocument(
                ids[number], number % target.Gateways.Count, clients / documents, plan.Bare ? 0 : clients / documents))])
        {
            Presence = !plan.Bare, OpenDocuments = !plan.Bare, OpeningAtOnce = OpeningAtOnce, Threads = 1,
        };
        using var generator = await LoadGenerator.CreateAsync(
            warm, () => new CloudSyncProtocol(new CloudSyncProtocolSettings(warm.Presence, Spread: false, warm.OpenDocuments)), stop);
        await generator.OpenAsync(stop);
        if (plan.Rate > 0)
            await generator.StepAsync(Math.Min(WarmUpRate, plan.Rate), s_warmUp, stop);
    }

    private string Say(string what)
    {
        var last = _processes.ConvertAll(static process => process.Last);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: {last.Sum(static report => report.Live):N0} of {plan.Count:N0} open, {last.Sum(static report => report.Broken):N0} broken, {last.Sum(static report => report.Acknowledged):N0} edits acknowledged, on screens {last.Sum(static report => report.Delivered):N0} times");
    }

    // The servers' private memory when it has stopped changing: within 1 % for two seconds. Null if nothing is known of it.
    private Task<long?> SettleAsync() => target.Servers.Count == 0
        ? Task.FromResult<long?>(null)
        : Watched.WaitAsync(console, SettleServersAsync(), static () => "Waiting until the servers' memory changes no more");

    private async Task<long?> SettleServersAsync()
    {
        var last = ReadMemory()!.Value;
        var waited = Stopwatch.StartNew();
        for (var calm = 0; calm < 4 && waited.Elapsed < s_settling;)
        {
            await Task.Delay(500, stop);
            var now = ReadMemory()!.Value;
            calm = Math.Abs(now - last) < last / 100 ? calm + 1 : 0;
            last = now;
        }

        return last;
    }

    private long? ReadMemory() => target.Servers.Count == 0 ? null : target.Servers.Sum(static id => ProcessMemory.Read(id).Private);

    private static Dictionary<string, int> Sum(IEnumerable<GeneratorReport> reports) => reports.SelectMany(static report => report.Breaks)
        .GroupBy(static pair => pair.Key).ToDictionary(static group => group.Key, static group => group.Sum(static pair => pair.Value));
}
