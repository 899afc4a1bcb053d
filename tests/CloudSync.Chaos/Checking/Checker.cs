// The offline checker: a history, and the log as it is in the end. Nothing else is looked at, and nothing is asked of anybody.

using CloudSync.Chaos.History;

namespace CloudSync.Chaos.Checking;

/// <summary>What was checked and found.</summary>
/// <param name="Submitted">Edits that were begun.</param>
/// <param name="Acknowledged">Edits that were acknowledged.</param>
/// <param name="Operations">Operations in the log.</param>
/// <param name="Views">Contents that somebody saw and that were compared with the log.</param>
/// <param name="Anomalies">What must not be.</param>
internal sealed record CheckResult(int Submitted, int Acknowledged, int Operations, int Views, Anomalies Anomalies);

internal static class Checker
{
    public static CheckResult Check(IEnumerable<HistoryEvent> events, IReadOnlyList<LoggedDocument> log)
    {
        var anomalies = new Anomalies();
        var histories = log.ToDictionary(static document => document.Id, static _ => new DocumentHistory());
        foreach (var told in events.Where(static told => told.Document.Length > 0))
        {
            if (!histories.TryGetValue(told.Document, out var history))
            {
                anomalies.Add(Anomalies.Lost, $"The document '{told.Document}' isn't in the log.");
                histories[told.Document] = history = new DocumentHistory();
            }

            history.Add(told);
        }

        var views = 0;
        foreach (var document in log)
        {
            var history = histories[document.Id];
            LogChecks.Check(document, history, anomalies);
            if (ViewChecks.Check(document, history, anomalies) is { } content)
                IntentionChecks.Check(document, content, history, anomalies);
            foreach (var refused in history.Refusals)
                anomalies.Add(Anomalies.Refused, $"{document.Id}: {refused.Session} was refused ({refused.What}): {refused.Details}");
            views += history.Sessions.Values.Sum(static events => events.Count(static told => told.Hash is not null))
                + history.Reads.Count + history.Finals.Count;
        }

        return new CheckResult(
            histories.Values.Sum(static history => history.Edits), histories.Values.Sum(static history => history.Acknowledged),
            log.Sum(static document => document.Entries.Count), views, anomalies);
    }
}
