// How much processor time a process and its children have used, as Linux counts it.

using System.Globalization;

namespace CloudSync.Bench.Load;

internal static class ProcessorTime
{
    private const double TicksPerSecond = 100;

    /// <summary>Seconds, of this process alone: it may have started what it measures.</summary>
    public static double OfThisProcess() => Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>Seconds, of a process and all that it has started and that still run.</summary>
    public static double OfTree(int processId)
    {
        var processes = new Dictionary<int, (int Parent, double Seconds)>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Read(folder) is { } read)
                processes[id] = read;
        }

        var children = processes.ToLookup(static process => process.Value.Parent, static process => process.Key);
        return Sum(processId);

        double Sum(int id) =>
            (processes.TryGetValue(id, out var process) ? process.Seconds : 0) + children[id].Sum(Sum);
    }

    private static (int Parent, double Seconds)? Read(string folder)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            // The name stands in brackets and may hold anything.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (
                int.Parse(fields[1], CultureInfo.InvariantCulture),
                (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
                    / TicksPerSecond);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
