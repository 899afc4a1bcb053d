// bench connections: what a connection costs that has a document open, and whether so many are held while people type.

using System.CommandLine;
using System.Globalization;
using CloudSync.Cluster;

namespace CloudSync.Bench.Connections;

internal static class ConnectionsCommand
{
    private const int CountMax = 1_000_000;

    public static Command Create()
    {
        var count = BoundedOption.Create("--count", "How many connections. Over 18,000 they go to as many gateways of a cluster as are needed.", 5_000, 1, CountMax);
        var processes = new Option<int?>("--processes")
        {
            Description = "How many processes open them. Without it: one for each 17,500; a process may open 20,000 files.",
        };
        var documents = new Option<int?>("--documents")
        {
            Description = "Over how many documents the connections are spread. Without it: one for each 50.",
        };
        var gateways = new Option<int?>("--gateways")
        {
            Description = "On how many gateways of a cluster. Without it: one server on SQLite, and over 18,000 connections one gateway for each 17,500.",
        };
        foreach (var (option, most) in ((Option, int)[])[(processes, CountMax), (documents, CountMax), (gateways, ClusterOptions.GatewaysMax)])
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens is [{ Value: var value }] && int.TryParse(value, CultureInfo.InvariantCulture, out var number) && (number < 1 || number > most))
                    result.AddError($"{option.Name} is from 1 to {most}.");
            });
        }

        var seconds = BoundedOption.Create("--seconds", "How long they are held.", 30, 0, 24 * 3_600);
        var rate = new Option<double>("--rate")
        {
            Description = "Keystrokes a second among all of them while they are held; 0: none.",
            DefaultValueFactory = static _ => 10,
        };
        rate.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && double.TryParse(value, CultureInfo.InvariantCulture, out var number) && number is not (>= 0 and <= 100_000))
                result.AddError("--rate is from 0 to 100000.");
        });
        var bare = new Option<bool>("--bare") { Description = "They say Hello and open no document; nobody is shown, and nothing is typed." };
        var url = BenchOptions.Urls("Servers or gateways that run; the connections are spread over them by document. Nothing is known of their memory then.");
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("connections", "Measures what connections cost, and holds them: each with a document open, shown to the others, and its heartbeat every 60 s.")
        {
            count, processes, gateways, documents, seconds, rate, bare, url, json,
        };
        command.Validators.Add(result =>
        {
            var total = BoundedOption.ValueOf(result, count);
            if (result.GetValue(gateways) is not null && result.GetValue(url) is { Length: > 0 })
                result.AddError("--gateways are started, and those of --url run already: give one of the two.");
            else if (result.GetValue(gateways) > (result.GetValue(documents) ?? total))
                result.AddError("--gateways are at most as many as --documents: a document's connections are all on one.");
            else if (result.GetValue(documents) > total)
                result.AddError("--documents are at most as many as --count.");
            else if (result.GetValue(processes) > (result.GetValue(documents) ?? total))
                result.AddError("--processes are at most as many as --documents: a document's connections are all in one.");
        });
        command.SetAction((parsed, stop) => BenchOptions.RunAsync(
            async () =>
            {
                var plan = ConnectionsPlan.Create(
                    parsed.GetValue(count), parsed.GetValue(processes), parsed.GetValue(documents),
                    TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(bare) ? 0 : parsed.GetValue(rate),
                    parsed.GetValue(bare), parsed.GetRequiredValue(url), parsed.GetValue(gateways));
                var report = await ConnectionsRun.RunAsync(plan, Watched.CreateConsole(), stop);
                report.Write(Console.Out);
                if (parsed.GetValue(json))
                    Console.WriteLine(report.ToJson());
                return report.IsWhole() ? 0 : 1;
            },
            stop));
        return command;
    }
}
