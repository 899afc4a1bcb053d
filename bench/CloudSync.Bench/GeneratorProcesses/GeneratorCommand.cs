// A generator process: what `bench connections` and `bench storm` start themselves as, since a process may open 20,000 files and no more. It is told
// what to do on its input, and ends with it.

using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using CloudSync.Bench.Generator;
using CloudSync.Bench.Load;

namespace CloudSync.Bench.GeneratorProcesses;

internal static class GeneratorCommand
{
    public const string Name = "connections-generator";

    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    public static Command Create()
    {
        var command = new Command(Name, "A part of connections.") { Hidden = true };
        command.SetAction((_, stop) => RunAsync(stop));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var orders = Channel.CreateUnbounded<string>();
        _ = ReadOrdersAsync(orders.Writer, ended);
        try
        {
            var order = await ReadAsync<OpenOrder>(orders.Reader, ended.Token);
            var plan = new LoadPlan(order.Servers, order.Documents)
            {
                Presence = order.Presence,
                OpenDocuments = order.OpenDocuments,
                OpeningAtOnce = order.OpeningAtOnce,
                Sources = [.. order.Sources.Select(IPAddress.Parse)],
                Seed = order.Seed,
                Threads = 1,
                // As clients do it: what was pressed while one was away goes out in few operations.
                Composes = order.Storms,
            };
            using var generator = await LoadGenerator.CreateAsync(
                plan, () => new CloudSyncProtocol(new CloudSyncProtocolSettings(plan.Presence, Spread: false, plan.OpenDocuments)), ended.Token);
            var watching = WatchAsync(generator, ended.Token);
            await generator.OpenAsync(ended.Token);
            // Opening has left more behind than the connections take, and dozens of these processes share the machine with what
            // they measure.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Write(Look(generator) with { IsOpen = true, Breaks = await generator.BreaksAsync(ended.Token) });
            var held = order.Storms
                ? await StormAsync(generator, orders.Reader, ended.Token)
                : await HoldAsync(generator, orders.Reader, ended.Token);
            Write(held with { Breaks = await generator.BreaksAsync(ended.Token) });
            // Held on to until the tool has seen what it wants to see.
            await watching;
            return 0;
        }
        catch (Exception exception) when (exception is OperationCanceledException or ChannelClosedException)
        {
            return 0;
        }
        catch (Exception exception)
        {
            Write(new GeneratorReport { Fault = exception.Message });
            return 1;
        }
    }

    private static async Task<GeneratorReport> HoldAsync(LoadGenerator generator, ChannelReader<string> orders, CancellationToken stop)
    {
        var hold = await ReadAsync<HoldOrder>(orders, stop);
        var before = ProcessorTime.OfThisProcess();
        var figures = StepFigures.Create();
        if (hold.Rate > 0)
            (figures, _) = await generator.StepAsync(hold.Rate, TimeSpan.FromSeconds(hold.Seconds), stop);
        else
            await Task.Delay(TimeSpan.FromSeconds(hold.Seconds), stop);
        return Look(generator) with { Held = HeldFigures.From(figures, ProcessorTime.OfThisProcess() - before) };
    }

    private static async Task<GeneratorReport> StormAsync(LoadGenerator generator, ChannelReader<string> orders, CancellationToken stop)
    {
        var storm = await ReadAsync<StormOrder>(orders, stop);
        var before = ProcessorTime.OfThisProcess();
        var typing = generator.StepAsync(storm.Rate, s_longest, storm.Start, beginsAtOnce: true, stop);
        var back = generator.StormAsync(storm.At, storm.Cuts, stop);
        var end = ReadAsync<EndOrder>(orders, stop);
        if (await Task.WhenAny(back, end) == back)
        {
            await back;
            Write(Look(generator) with { IsBack = true });
        }

        await end;
        generator.EndStep();
        var (figures, _) = await typing;
        return Look(generator) with
        {
            Held = HeldFigures.From(figures, ProcessorTime.OfThisProcess() - before),
            Returned = ReturnedFigures.From(await generator.ReadStormAsync(stop)),
        };
    }

    private static async Task WatchAsync(LoadGenerator generator, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(s_period);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
                Write(Look(generator));
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    private static GeneratorReport Look(LoadGenerator generator) => new()
    {
        Live = generator.Live, Broken = generator.Broken, SentBack = generator.SentBack, Acknowledged = generator.Acknowledged,
        Delivered = generator.Delivered,
    };

    // The tool is gone when its end of the input is, whatever has become of it: then nothing of this is wanted any more.
    private static async Task ReadOrdersAsync(ChannelWriter<string> orders, CancellationTokenSource ended)
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        while (await input.ReadLineAsync(CancellationToken.None) is { } line)
            orders.TryWrite(line);
        orders.TryComplete();
        await ended.CancelAsync();
    }

    private static async Task<T> ReadAsync<T>(ChannelReader<string> orders, CancellationToken stop) =>
        JsonSerializer.Deserialize<T>(await orders.ReadAsync(stop), GeneratorMessages.Json)!;

    private static void Write(GeneratorReport report) => Console.Out.WriteLine(JsonSerializer.Serialize(report, GeneratorMessages.Json));
}
