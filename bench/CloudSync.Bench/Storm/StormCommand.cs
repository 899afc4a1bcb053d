// bench storm: a gateway dies, all its clients come back at once, and those on the others are not to notice.

using System.CommandLine;
using System.Globalization;

namespace CloudSync.Bench.Storm;

internal static class StormCommand
{
    private const int GatewaysMax = 30;
    private const int RateMax = 5_000;

    public static Command Create()
    {
        var count = BoundedOption.Create("--count", "How many connections the gateway has that dies.", 5_000, 1, StormPlan.ConnectionsMax);
        var gateways = BoundedOption.Create(
            "--gateways", "How many gateways the cluster has that is started for it. 1: one server on SQLite; it lives on, and the connections to it are cut all at once.",
            3, 1, GatewaysMax);
        var documents = new Option<int?>("--documents") { Description = "Over how many documents these connections are spread. Without it: one for each 50." };
        documents.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: var value }] && int.TryParse(value, CultureInfo.InvariantCulture, out var number) && number is < 1 or > StormPlan.ConnectionsMax)
                result.AddError($"--documents is from 1 to {StormPlan.ConnectionsMax}.");
        });
        var rate = BoundedOption.Create("--rate", "Keystrokes a second of those who type on the other gateways all the time.", 200, 1, RateMax);
        var seconds = BoundedOption.Create("--seconds", "How long it is typed before the storm, and after it.", 10, 1, 3_600);
        var drain = new Option<bool>("--drain") { Description = "The gateway is asked to stop, as in a rolling deploy, and not killed." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one JSON object." };
        var command = new Command("storm", "Kills a gateway, has all its clients come back as CloudSync's clients do, and measures what those on the other gateways notice.")
        {
            count, gateways, documents, rate, seconds, drain, json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(documents) > BoundedOption.ValueOf(result, count))
                result.AddError("--documents are at most as many as --count.");
            else if (result.GetValue(drain) && BoundedOption.ValueOf(result, gateways) == 1)
                result.AddError("--drain needs another gateway that they can go to.");
        });
        command.SetAction((parsed, stop) => BenchOptions.RunAsync(
            async () =>
            {
                var plan = StormPlan.Create(
                    parsed.GetValue(count), parsed.GetValue(gateways), parsed.GetValue(documents), parsed.GetValue(rate),
                    TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(drain));
                var report = await StormRun.RunAsync(plan, Watched.CreateConsole(), stop);
                report.Write(Console.Out);
                if (parsed.GetValue(json))
                    Console.WriteLine(report.ToJson());
                return report.IsWhole() ? 0 : 1;
            },
            stop));
        return command;
    }
}
