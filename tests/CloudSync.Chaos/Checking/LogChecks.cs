// The log beside what was submitted: a register that operations are appended to, each once, in an order that agrees with what
// the clients know.

namespace CloudSync.Chaos.Checking;

internal static class LogChecks
{
    public static void Check(LoggedDocument document, DocumentHistory history, Anomalies anomalies)
    {
        var versions = new Dictionary<OperationName, long>();
        for (var i = 0; i < document.Entries.Count; i++)
        {
            var entry = document.Entries[i];
            if (entry.Version != i + 1)
                anomalies.Add(Anomalies.Gap, $"{document.Id}: version {i + 1} was to follow, and there is version {entry.Version}.");
            if (!history.Operations.ContainsKey(entry.Name))
                anomalies.Add(Anomalies.Phantom, $"{document.Id}: version {entry.Version} is {entry.Name}, which nobody submitted.");
            if (!versions.TryAdd(entry.Name, entry.Version))
                anomalies.Add(Anomalies.Duplicated, $"{document.Id}: {entry.Name} is version {versions[entry.Name]} and version {entry.Version}.");
        }

        foreach (var (name, operation) in history.Operations)
        {
            if (operation.Acknowledged != long.MaxValue && !versions.ContainsKey(name))
                anomalies.Add(Anomalies.Lost, $"{document.Id}: {name} ({operation.Session}) was acknowledged and isn't in the log.");
        }

        CheckRealTime(document, history, anomalies);
    }

    // Backwards: the earliest that anything later was acknowledged.
    private static void CheckRealTime(LoggedDocument document, DocumentHistory history, Anomalies anomalies)
    {
        var (earliest, earliestEntry) = (long.MaxValue, (LogEntry?)null);
        foreach (var entry in document.Entries.Reverse())
        {
            if (!history.Operations.TryGetValue(entry.Name, out var operation))
                continue;
            if (operation.Began > earliest)
            {
                anomalies.Add(
                    Anomalies.Reordered,
                    $"{document.Id}: {earliestEntry!.Name} was acknowledged before {entry.Name} was begun, but is version {earliestEntry.Version} and that version {entry.Version}.");
            }

            if (operation.Acknowledged < earliest)
                (earliest, earliestEntry) = (operation.Acknowledged, entry);
        }
    }
}
