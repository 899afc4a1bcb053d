// What clients saw beside the log: at each version the fold of the log to it, never an older version than before, and never
// one without what was acknowledged to them.

using CloudSync.Chaos.History;
using CloudSync.Chaos.Workload;
using CloudSync.Operations;

namespace CloudSync.Chaos.Checking;

internal static class ViewChecks
{
    /// <returns>The content at the head; null if the log can't be folded.</returns>
    public static DocumentState? Check(LoggedDocument document, DocumentHistory history, Anomalies anomalies)
    {
        var versions = document.Entries.Select(static entry => (entry.Name, entry.Version))
            .DistinctBy(static entry => entry.Name).ToDictionary(static entry => entry.Name, static entry => entry.Version);
        foreach (var (session, events) in history.Sessions)
            CheckSession(document, session, events, history, versions, anomalies);
        CheckReads(document, history, versions, anomalies);
        return CheckContents(document, history, anomalies);
    }

    private static void CheckSession(
        LoggedDocument document, string session, IReadOnlyList<HistoryEvent> events, DocumentHistory history,
        Dictionary<OperationName, long> versions, Anomalies anomalies)
    {
        var (seen, own) = (-1L, -1L);
        foreach (var told in events)
        {
            if (told.Kind == EventKind.Ack)
            {
                var edit = history.OperationOf(told)!.Edits[0];
                own = Math.Max(own, versions.GetValueOrDefault(new OperationName(edit.Client, edit.Sequence), -1));
                continue;
            }

            if (told.Version < seen)
                anomalies.Add(Anomalies.Backwards, $"{document.Id}: {session} saw version {seen}, and then version {told.Version}.");
            else if (told.Version < own)
                anomalies.Add(Anomalies.Stale, $"{document.Id}: {session} saw version {told.Version} after its edit in version {own} was acknowledged.");
            seen = Math.Max(seen, told.Version);
        }
    }

    private static void CheckReads(
        LoggedDocument document, DocumentHistory history, Dictionary<OperationName, long> versions, Anomalies anomalies)
    {
        var acknowledged = history.Operations.Where(operation => operation.Value.Acknowledged != long.MaxValue && versions.ContainsKey(operation.Key))
            .Select(operation => (At: operation.Value.Acknowledged, Version: versions[operation.Key])).OrderBy(static ack => ack.At).ToArray();
        var (next, newest) = (0, 0L);
        foreach (var read in history.Reads.Where(static read => !read.IsPast).OrderBy(static read => read.Began))
        {
            for (; next < acknowledged.Length && acknowledged[next].At < read.Began; next++)
                newest = Math.Max(newest, acknowledged[next].Version);
            if (read.Version < newest)
            {
                anomalies.Add(
                    Anomalies.Stale,
                    $"{document.Id}: a read that began at {read.Began} µs gave version {read.Version}; version {newest} was acknowledged before.");
            }
        }
    }

    private static DocumentState? CheckContents(LoggedDocument document, DocumentHistory history, Anomalies anomalies)
    {
        var head = document.Entries.Count;
        var seen = history.Sessions.Values.SelectMany(static events => events).Concat(history.Reads).Concat(history.Finals)
            .Where(static told => told.Hash is not null).ToLookup(static told => told.Version);
        foreach (var told in seen.Where(group => group.Key > head).SelectMany(static group => group))
            anomalies.Add(Anomalies.Lost, $"{document.Id}: {told.Session} saw version {told.Version}, and the log ends with version {head}.");
        var diverged = new HashSet<string>();
        var state = document.Type.CreateEmpty();
        for (long version = 0; ; version++)
        {
            if (seen.Contains(version))
            {
                var hash = ContentHash.Of(state);
                foreach (var told in seen[version].Where(told => told.Hash != hash && diverged.Add(told.Session)))
                    anomalies.Add(Anomalies.Diverged, $"{document.Id}: {told.Session} saw something else in version {version} than the log has there.");
            }

            if (version == head)
                break;
            try
            {
                state.Apply(document.Entries[(int)version].Bytes.Span);
            }
            catch (OperationException exception)
            {
                anomalies.Add(Anomalies.Unreadable, $"{document.Id}: version {version + 1} doesn't fit: {exception.Message}");
                return null;
            }
        }

        foreach (var late in history.Finals.Where(told => told.Version < head && diverged.Add(told.Session)))
            anomalies.Add(Anomalies.Diverged, $"{document.Id}: {late.Session} stays at version {late.Version}, and the log ends with version {head}.");
        if (history.Expected is { } expected && expected.Hash != ContentHash.Of(state))
            anomalies.Add(Anomalies.Diverged, $"{document.Id}: the document isn't what was typed into it.");
        return state;
    }
}
