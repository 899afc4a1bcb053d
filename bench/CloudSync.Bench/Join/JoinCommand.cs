// bench join: how many people a second can open a large document, and what those notice of it who type in it meanwhile.

using System.CommandLine;
using System.Globalization;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;
using Spectre.Console;

namespace CloudSync.Bench.Join;

internal static class JoinCommand
{
    private const int BytesPerMb = 1_000_000;
    private const int SizeMbMax = 200;

    // What the keystrokes add, and then some.
    private const int SpareBytes = 8 * BytesPerMb;

    // So that one who has begun just before the end still has a keystroke to see.
    private static readonly TimeSpan s_tail = TimeSpan.FromSeconds(1);

    // The whole document is received at once by each of these.
    private const int OpeningAtOnce = 2;

    public static Command Create()
    {
        var url = BenchOptions.Url("A server that runs, and whose limits let a document be that large. Without it: one of its own, on SQLite.");
        var size = BoundedOption.Create("--size-mb", "Millions of bytes that the document has.", 20, 1, SizeMbMax);
        var seconds = BoundedOption.Create("--seconds", "How long they join.", 20, 1, 3_600);
        var warmUp = BoundedOption.Create("--warm-up", "Seconds of the same before anything is measured.", 5, 0, 600);
        var atOnce = BoundedOption.Create("--at-once", "How many are joining at a time.", 8, 1, 1_000);
        var watchers = BoundedOption.Create("--watchers", "Who has the document open all the time and watches.", 20, 0, 1_000);
        var rate = BoundedOption.Create("--rate", "Keystrokes a second of the one who writes.", 10, 1, 100);
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("join", "Measures how many people a second can join a large document while somebody types in it.")
        {
            url, size, seconds, warmUp, atOnce, watchers, rate, json,
        };
        command.SetAction((parsed, stop) => BenchOptions.RunAsync(
            () => RunAsync(
                new JoinOptions(
                    parsed.GetValue(url), parsed.GetValue(size), TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                    TimeSpan.FromSeconds(parsed.GetValue(warmUp)), parsed.GetValue(atOnce), parsed.GetValue(watchers),
                    parsed.GetValue(rate), parsed.GetValue(json)),
                stop),
            stop));
        return command;
    }

    private static async Task<int> RunAsync(JoinOptions options, CancellationToken stop)
    {
        var console = Watched.CreateConsole();
        var bytes = options.SizeMb * BytesPerMb;
        await using var target = options.Url is { } url
            ? LoadTarget.Of([url])
            : await LoadTarget.StartAsync(1, LimitsFor(bytes + SpareBytes), stop);
        var written = 0;
        var document = await Watched.WaitAsync(
            console, LargeDocument.CreateAsync(target.Address, bytes, count => Volatile.Write(ref written, count), stop),
            () => string.Create(CultureInfo.InvariantCulture, $"Writing the document: {Volatile.Read(ref written) / (double)BytesPerMb:N1} of {options.SizeMb:N0} MB"));

        var plan = new LoadPlan([target.Address], [new PlannedDocument(document.Id, 0, options.Watchers + 1, 1)])
        {
            OpeningAtOnce = OpeningAtOnce,
            Threads = 1,
        };
        using var generator = await LoadGenerator.CreateAsync(
            plan, static () => new CloudSyncProtocol(new CloudSyncProtocolSettings(Presence: false, Spread: false)), stop);
        await Watched.WaitAsync(console, generator.OpenAsync(stop), () => string.Create(
            CultureInfo.InvariantCulture, $"Connecting who writes and who watches: {generator.Live:N0} of {options.Watchers + 1:N0}, {generator.Broken:N0} broken"));
        if (generator.Live <= options.Watchers)
            throw new InvalidDataException("Not everybody could connect. " + string.Join(" ", (await generator.BreaksAsync(stop)).Keys));
        // They have received the document as one message each; that is not to be collected while somebody types.
        GC.Collect();

        var joiners = new Joiners(target.Address, document, () => generator.Sent);
        if (options.WarmUp > TimeSpan.Zero)
            await StepAsync("Warming up", generator, joiners, options, options.WarmUp, console, stop);
        await using var use = MachineUse.Begin(target);
        var (joins, edits) = await StepAsync("Joining", generator, joiners, options, options.Duration, console, stop);
        var (cpu, cores, memory) = await use.EndAsync();

        var report = new JoinReport(target.Name, options.SizeMb, options.AtOnce, options.Watchers, options.Rate).With(joins, edits) with
        {
            ServerCpuSeconds = target.Parts.Count == 0
                ? null
                : Math.Round(cpu.Where(static part => part.Key != LoadTarget.Generator).Sum(static part => part.Value), 2),
            ServerRssBytes = memory,
            Servers = cores,
            Broken = await generator.BreaksAsync(stop),
        };
        report.Write(Console.Out);
        if (options.Json)
            Console.WriteLine(report.ToJson());
        return report.IsWhole ? 0 : 1;
    }

    private static async Task<(JoinFigures Joins, StepFigures Edits)> StepAsync(
        string title, LoadGenerator generator, Joiners joiners, JoinOptions options, TimeSpan duration, IAnsiConsole console, CancellationToken stop)
    {
        var before = generator.Sent;
        var typing = generator.StepAsync(options.Rate, duration + s_tail, stop);
        // Nobody is to wait for a keystroke while there are none yet.
        while (generator.Sent == before && !typing.IsCompleted)
            await Task.Delay(TimeSpan.FromMilliseconds(1), stop);
        var joining = joiners.RunAsync(options.AtOnce, duration, stop);
        var (figures, _) = await Watched.WaitAsync(console, BothAsync(), () => string.Create(
            CultureInfo.InvariantCulture,
            $"{title}: {joiners.Joined:N0} joined, {joiners.Failed:N0} could not; {generator.Acknowledged - before:N0} keystrokes, {generator.Broken:N0} connections broken"));
        return (await joining, figures);

        async Task<(StepFigures Figures, TimeSpan Elapsed)> BothAsync()
        {
            await joining;
            return await typing;
        }
    }

    private static Dictionary<string, string> LimitsFor(int bytes) => new()
    {
        ["CloudSync__Limits__DocumentLength"] = bytes.ToString(CultureInfo.InvariantCulture),
        ["CloudSync__Limits__DocumentBytes"] = bytes.ToString(CultureInfo.InvariantCulture),
    };

    private sealed record JoinOptions(
        Uri? Url, int SizeMb, TimeSpan Duration, TimeSpan WarmUp, int AtOnce, int Watchers, int Rate, bool Json);
}
