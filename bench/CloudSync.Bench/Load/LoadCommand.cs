// bench load: from a key that is pressed to every screen, at a rate or at several.

using System.CommandLine;
using System.Globalization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Peers;
using Spectre.Console;

namespace CloudSync.Bench.Load;

internal static class LoadCommand
{
    private const double WarmUpRate = 500;
    private const string CloudSync = "cloudsync";

    // One process may have 20,000 files open.
    private const int ConnectionsMax = 18_000;
    private const int RateMax = 200_000;

    private static readonly Dictionary<string, LoadTransport> s_transports = new()
    {
        ["websocket"] = LoadTransport.WebSocket, ["sse"] = LoadTransport.ServerSentEvents, ["polling"] = LoadTransport.Polling,
    };

    public static Command Create()
    {
        var url = BenchOptions.Url("A server that runs. Without it and without --cluster: one of its own, on SQLite.");
        var cluster = new Option<bool>("--cluster")
        {
            Description = "A whole cluster on this machine, started for the measurement, through NGINX.",
        };
        var peer = new Option<string>("--target")
        {
            Description = "What is measured: cloudsync, or one of the peers on Node, which are installed for it: hocuspocus, sharedb or socketio.",
            DefaultValueFactory = static _ => CloudSync,
        };
        peer.AcceptOnlyFromAmong([CloudSync, .. PeerTarget.All.Keys]);
        var transport = new Option<string>("--transport")
        {
            Description = "What carries the connections to cloudsync: websocket, or plain requests with a stream of events (sse) or with polls that are answered one by one (polling).",
            DefaultValueFactory = static _ => s_transports.Keys.First(),
        };
        transport.AcceptOnlyFromAmong([.. s_transports.Keys]);
        var rate = new Option<double?>("--rate") { Description = "Keystrokes a second, of all writers together." };
        var rates = new Option<double[]>("--rates")
        {
            Description = "Several rates, one step after the other.",
            DefaultValueFactory = static _ => [100, 1_000, 2_000, 5_000, 10_000],
            AllowMultipleArgumentsPerToken = true,
        };
        foreach (var option in (Option[])[rate, rates])
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens.Any(static token =>
                    double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number) && number is not (>= 0.1 and <= RateMax)))
                    result.AddError($"{option.Name} is from 0.1 to {RateMax}.");
            });
        }

        var documents = BoundedOption.Create("--documents", "Documents that are written in.", 100, 1, ConnectionsMax);
        var clients = new Option<int?>("--clients")
        {
            Description = "People who have each document open, the writers among them. Without it: the writers and one more, who watches from another gateway if there is one.",
        };
        var writers = BoundedOption.Create("--writers", "People who write in each document.", 2, 1, ConnectionsMax);
        var seconds = BoundedOption.Create("--seconds", "How long each step takes.", 10, 1, 3_600);
        var warmUp = BoundedOption.Create("--warm-up", "Seconds of typing before anything is measured.", 5, 0, 600);
        var presence = new Option<bool>("--presence")
        {
            Description = "Everybody has a name and a selection, and moves it every --move-seconds, at a moment of their own; not while something of theirs is unacknowledged.",
        };
        var move = BoundedOption.Create("--move-seconds", "How often each selection moves, with --presence.", 1, 1, 3_600);
        var compose = new Option<bool>("--compose")
        {
            Description = "Keystrokes that wait for an acknowledgement go out in one operation, as CloudSync's clients do it. Without it each is an operation of its own, and one after the other.",
        };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("load", "Measures how long a keystroke takes to every screen, under load.")
        {
            peer, url, cluster, transport, rate, rates, documents, clients, writers, seconds, warmUp, presence, move, compose, json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(cluster) && result.GetResult(url) is not null)
                result.AddError("Give --url or --cluster, not both.");
            if ((result.GetValue(peer) ?? CloudSync) != CloudSync && (result.GetValue(cluster) || result.GetResult(url) is not null || result.GetValue(presence)))
                result.AddError("--url, --cluster and --presence are for cloudsync; a peer has a server of its own on this machine.");
            var isPolled = s_transports.TryGetValue(result.GetValue(transport) ?? "", out var carried) && carried != LoadTransport.WebSocket;
            if ((result.GetValue(peer) ?? CloudSync) != CloudSync && isPolled)
                result.AddError("--transport is for cloudsync.");
            if (result.GetResult(rate) is not null && result.GetResult(rates) is { Implicit: false })
                result.AddError("Give --rate or --rates, not both.");
            var writing = BoundedOption.ValueOf(result, writers);
            var perDocument = result.GetValue(clients) ?? writing + 1;
            if (perDocument < writing)
                result.AddError("--clients are at least as many as --writers.");
            else if ((long)perDocument * BoundedOption.ValueOf(result, documents) * (isPolled ? 2 : 1) > ConnectionsMax)
                result.AddError(isPolled
                    ? $"--documents times --clients is at most {ConnectionsMax / 2} without WebSockets, each of which is two connections."
                    : $"--documents times --clients is at most {ConnectionsMax}; bench connections opens more.");
        });
        command.SetAction((parsed, stop) => BenchOptions.RunAsync(
            () => RunAsync(
                new LoadOptions(
                    parsed.GetRequiredValue(peer), parsed.GetValue(url), parsed.GetValue(cluster), parsed.GetRequiredValue(transport),
                    parsed.GetValue(rate) is { } one ? [one] : parsed.GetRequiredValue(rates), parsed.GetValue(documents),
                    parsed.GetValue(clients), parsed.GetValue(writers), TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                    TimeSpan.FromSeconds(parsed.GetValue(warmUp)), parsed.GetValue(presence),
                    TimeSpan.FromSeconds(parsed.GetValue(move)), parsed.GetValue(compose), parsed.GetValue(json)),
                stop),
            stop));
        return command;
    }

    private static async Task<int> RunAsync(LoadOptions options, CancellationToken stop)
    {
        var console = Watched.CreateConsole();
        var isPeer = options.Target != CloudSync;
        await using var target = isPeer
            ? await PeerTarget.StartPeerAsync(options.Target, options.Documents, stop)
            : await LoadTarget.StartAsync(options.Url, options.Cluster, stop);
        var ids = isPeer
            ? PeerTarget.DocumentIds(options.Documents)
            : await LoadTarget.CreateDocumentsAsync(target.Address, options.Documents, stop);
        var clients = options.Clients ?? options.Writers + 1;
        var plan = new LoadPlan(
            [target.Address], [.. ids.Select(id => new PlannedDocument(id, 0, clients, options.Writers))])
        {
            Transport = s_transports[options.Transport],
            Presence = options.Presence,
            MoveInterval = options.Move,
            Spread = options.Cluster || options.Url is not null,
            Apart = options.Clients is null,
            Composes = options.Compose,
        };
        using var generator = await LoadGenerator.CreateAsync(
            plan,
            isPeer
                ? PeerTarget.All[options.Target].Protocol
                : () => new CloudSyncProtocol(new CloudSyncProtocolSettings(plan.Presence, plan.Spread)),
            stop);
        await Watched.WaitAsync(console, generator.OpenAsync(stop), () => string.Create(
            CultureInfo.InvariantCulture, $"Connecting: {generator.Live:N0} of {clients * ids.Count:N0}, {generator.Broken:N0} broken"));
        if (generator.Live == 0)
            throw new InvalidDataException("Nobody could connect. " + string.Join(" ", (await generator.BreaksAsync(stop)).Keys));
        // Until what runs often is compiled, and pools are filled.
        if (options.WarmUp > TimeSpan.Zero)
            await StepAsync(generator, "Warming up", Math.Min(WarmUpRate, options.Rates.Max()), options.WarmUp, console, stop);
        var steps = new List<LoadStep>();
        foreach (var rate in options.Rates)
        {
            await using var use = MachineUse.Begin(target);
            var presenceBefore = generator.PresenceBytes;
            var step = await StepAsync(
                generator, string.Create(CultureInfo.InvariantCulture, $"{rate:N0} keystrokes a second"), rate, options.Duration, console, stop);
            var (cpu, cores, memory) = await use.EndAsync();
            steps.Add(step with
            {
                ServerCpuSeconds = target.Parts.Count == 0
                    ? null
                    : Math.Round(cpu.Where(static part => part.Key != LoadTarget.Generator).Sum(static part => part.Value), 2),
                ServerRssBytes = memory,
                Servers = cores.Concat(await target.LookAsync(stop)).ToDictionary(),
                PresenceBytes = generator.PresenceBytes - presenceBefore,
                Broken = await generator.BreaksAsync(stop),
            });
        }

        var report = new LoadReport(
            target.Name, ids.Count, clients, options.Writers, plan.Presence, generator.Gateways, generator.Apart, generator.SentBack, options.Transport, steps);
        report.Write(Console.Out);
        if (options.Json)
            Console.WriteLine(report.ToJson());
        return report.IsWhole ? 0 : 1;
    }

    private static async Task<LoadStep> StepAsync(
        LoadGenerator generator, string title, double rate, TimeSpan duration, IAnsiConsole console, CancellationToken stop)
    {
        var (sent, acknowledged, delivered) = (generator.Sent, generator.Acknowledged, generator.Delivered);
        var (figures, elapsed) = await Watched.WaitAsync(console, generator.StepAsync(rate, duration, stop), () => string.Create(
            CultureInfo.InvariantCulture,
            $"{title}: {generator.Sent - sent:N0} sent, {generator.Acknowledged - acknowledged:N0} acknowledged, on screens {generator.Delivered - delivered:N0} times, {generator.Broken:N0} connections broken"));
        return LoadStep.From(rate, duration, figures, elapsed);
    }

    private sealed record LoadOptions(
        string Target, Uri? Url, bool Cluster, string Transport, double[] Rates, int Documents, int? Clients, int Writers, TimeSpan Duration, TimeSpan WarmUp,
        bool Presence, TimeSpan Move, bool Compose, bool Json);
}
