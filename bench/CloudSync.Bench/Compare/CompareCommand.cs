// bench compare: the same load on CloudSync and its peers, in turns, several times; one page with the medians.

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using CloudSync.Bench.Load;

namespace CloudSync.Bench.Compare;

internal static class CompareCommand
{
    public static Command Create()
    {
        var runs = BoundedOption.Create("--runs", "How often everything is measured, all targets in turn each time; medians are shown.", 3, 1, 20);
        var seconds = BoundedOption.Create("--seconds", "How long each rate takes.", 8, 1, 120);
        var only = new Option<string[]>("--only")
        {
            Description = "Only these: " + string.Join(", ", Workload.All.Select(static load => load.Name)) + ".",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = static _ => [.. Workload.All.Select(static load => load.Name)],
        };
        only.AcceptOnlyFromAmong([.. Workload.All.Select(static load => load.Name)]);
        var write = new Option<FileInfo?>("--write") { Description = "Where the page is written to as well, such as docs/benchmarks.md." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("compare", "Measures CloudSync and its peers side by side, under the same load.") { runs, seconds, only, write, json };
        command.SetAction((parsed, stop) => BenchOptions.RunAsync(
            () => RunAsync(
                parsed.GetValue(runs), parsed.GetValue(seconds),
                [.. Workload.All.Where(load => parsed.GetRequiredValue(only).Contains(load.Name))],
                parsed.GetValue(write), parsed.GetValue(json), stop),
            stop));
        return command;
    }

    private static async Task<int> RunAsync(
        int runs, int seconds, IReadOnlyList<Workload> workloads, FileInfo? write, bool json, CancellationToken stop)
    {
        var report = new CompareReport(runs, seconds, workloads);
        var total = runs * workloads.Sum(static load => load.Targets.Count);
        var done = 0;
        for (var run = 1; run <= runs; run++)
        {
            foreach (var load in workloads)
            {
                foreach (var target in load.Targets)
                {
                    await Console.Error.WriteLineAsync($"Run {run} of {runs}: {load.Title}: {target.Title} ({++done} of {total})");
                    report.Add(load, target, await MeasureAsync(load, target, seconds, stop));
                }
            }
        }

        var page = report.ToMarkdown();
        Console.WriteLine(page);
        if (write is not null)
            await File.WriteAllTextAsync(write.FullName, page, stop);
        if (json)
            Console.WriteLine(report.ToJson());
        return 0;
    }

    // In a process of its own: nothing that one target leaves behind is another's to bear.
    private static async Task<IReadOnlyList<JsonObject>> MeasureAsync(Workload load, Contestant target, int seconds, CancellationToken stop)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var rates = (target.IsPeer ? load.PeerRates : load.Rates).Select(static rate => rate.ToString(CultureInfo.InvariantCulture));
        // All that can compose keystrokes while they wait for an acknowledgement do, as their clients do.
        string[] arguments =
        [
            "load", "--target", target.Target, .. load.Arguments, .. target.Arguments, "--compose", "--json",
            "--seconds", seconds.ToString(CultureInfo.InvariantCulture), "--rates", .. rates,
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var errors = process.StandardError.ReadToEndAsync(stop);
            var lines = (await process.StandardOutput.ReadToEndAsync(stop)).TrimEnd().Split('\n');
            await process.WaitForExitAsync(stop);
            // 1 also says that something was lost, and then there is a report all the same.
            if (!lines[^1].StartsWith('{'))
                throw new InvalidDataException($"{target.Title}, {load.Title}: {(await errors).TrimEnd().Split('\n')[^1]}");
            return [.. JsonNode.Parse(lines[^1])!["steps"]!.AsArray().Select(static step => step!.DeepClone().AsObject())];
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
