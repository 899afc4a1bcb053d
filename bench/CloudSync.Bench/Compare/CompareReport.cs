// The page of a comparison: for each kind of load a table, a row a rate and a column a target.

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace CloudSync.Bench.Compare;

internal sealed class CompareReport(int runs, int seconds, IReadOnlyList<Workload> workloads)
{
    private readonly Dictionary<(Workload Load, Contestant Target, int Rate), List<JsonObject>> _steps = [];

    /// <summary>Adds what one run of one target gave.</summary>
    /// <param name="load">Under which load.</param>
    /// <param name="target">Of what.</param>
    /// <param name="steps">As bench load gives them in JSON, one a rate.</param>
    public void Add(Workload load, Contestant target, IReadOnlyList<JsonObject> steps)
    {
        foreach (var step in steps)
        {
            var key = (load, target, (int)(double)step["rate"]!);
            if (!_steps.TryGetValue(key, out var measured))
                _steps[key] = measured = [];
            measured.Add(step);
        }
    }

    public string ToMarkdown()
    {
        var page = new StringBuilder();
        page.Append(
            CultureInfo.InvariantCulture,
            $"""
            # CloudSync and its peers, side by side

            ```
            ./cloudsync bench compare --runs {runs} --seconds {seconds}
            ```

            Written by that command. The same generator gives all of them the same load, each in its own protocol: keys are pressed by the clock
            whatever the server does, and every screen is timed from the moment a key was due, the author's own among them
            ([load-testing.md](load-testing.md)). All targets in turn, {runs} times; the medians. Generator and server share {Machine()}.

            **CloudSync has each operation on disk before anybody sees it** (SQLite, `synchronous=FULL`). Hocuspocus and ShareDB keep theirs in memory
            here, the Socket.IO relay keeps nothing and merges nothing: it is how fast passing on can be on Node. Hocuspocus gets letters typed one behind
            the other, which is Yjs' best case; CloudSync and ShareDB letters at random places of the text. What waits for an acknowledgement
            goes out composed, as the clients of CloudSync and ShareDB do it; Hocuspocus and Socket.IO don't wait.

            A cell: **p99** (p50) in milliseconds from the key to the screen, and the cores the server took. Where a target didn't keep up, how
            many keystrokes a second it acknowledged; where something never came, how much.


            """);
        foreach (var load in workloads)
            AppendTable(page, load);
        return page.ToString().TrimEnd() + "\n";
    }

    public string ToJson()
    {
        var all = new JsonArray();
        foreach (var ((load, target, rate), steps) in _steps)
        {
            all.Add(new JsonObject
            {
                ["workload"] = load.Name,
                ["target"] = target.Title,
                ["rate"] = rate,
                ["acknowledged_per_s"] = Median(steps, "acknowledged_per_s"),
                ["latency_ms_p50"] = Median(steps, "latency_ms_p50"),
                ["latency_ms_p95"] = Median(steps, "latency_ms_p95"),
                ["latency_ms_p99"] = Median(steps, "latency_ms_p99"),
                ["latency_ms_max"] = Median(steps, "latency_ms_max"),
                ["server_cpu_s"] = Median(steps, "server_cpu_s"),
                ["server_rss_bytes"] = Median(steps, "server_rss_bytes"),
                ["lost"] = steps.Sum(static step => (long)step["lost"]!),
            });
        }

        return new JsonObject { ["runs"] = runs, ["seconds"] = seconds, ["medians"] = all }.ToJsonString();
    }

    private void AppendTable(StringBuilder page, Workload load)
    {
        page.Append(CultureInfo.InvariantCulture, $"## {load.Title}\n\n| offered/s |");
        foreach (var target in load.Targets)
            page.Append(CultureInfo.InvariantCulture, $" {target.Title} |");
        page.Append("\n|---|").Append(string.Concat(Enumerable.Repeat("---|", load.Targets.Count))).Append('\n');
        foreach (var rate in load.Rates.Union(load.PeerRates).Order())
        {
            page.Append(CultureInfo.InvariantCulture, $"| {rate:N0} |");
            foreach (var target in load.Targets)
                page.Append(CultureInfo.InvariantCulture, $" {Cell(load, target, rate)} |");
            page.Append('\n');
        }

        page.Append('\n');
    }

    private string Cell(Workload load, Contestant target, int rate)
    {
        if (!_steps.TryGetValue((load, target, rate), out var steps))
            return "";
        var acknowledged = Median(steps, "acknowledged_per_s");
        // Still busy with what came before.
        if (acknowledged == 0)
            return string.Create(CultureInfo.InvariantCulture, $"nothing came, {Cores(steps):N2} cores");
        var cell = new StringBuilder();
        cell.Append(
            CultureInfo.InvariantCulture,
            $"**{Median(steps, "latency_ms_p99"):N0}** ({Median(steps, "latency_ms_p50"):N1}), {Cores(steps):N2} cores");
        // Within what the beginning and the end of a step make.
        if (acknowledged < rate * 0.95)
            cell.Append(CultureInfo.InvariantCulture, $"; only {acknowledged:N0}/s");
        // Below 0: when it was given up, keystrokes were on others' screens that had not come back to their authors.
        var lost = steps.Sum(static step => (long)step["lost"]!);
        if (lost > 0)
            cell.Append(CultureInfo.InvariantCulture, $"; {lost:N0} never came");
        return cell.ToString();
    }

    private static double Cores(List<JsonObject> steps)
    {
        var cores = steps.Select(static step => (double)(step["servers"]!["server"] ?? 0.0)).Order().ToArray();
        return cores[cores.Length / 2];
    }

    private static double Median(List<JsonObject> steps, string figure)
    {
        var values = steps.Select(step => (double?)step[figure] ?? 0).Order().ToArray();
        return values.Length % 2 == 1 ? values[values.Length / 2] : (values[(values.Length / 2) - 1] + values[values.Length / 2]) / 2;
    }

    private static string Machine()
    {
        var model = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            : null;
        return $"{Environment.ProcessorCount} cores ({model ?? RuntimeInformation.ProcessArchitecture.ToString()}, {RuntimeInformation.FrameworkDescription}, Node {NodeVersion()})";
    }

    private static string NodeVersion()
    {
        using var node = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("node", ["--version"]) { RedirectStandardOutput = true })!;
        return node.StandardOutput.ReadToEnd().Trim().TrimStart('v');
    }
}
