// What people meant: the text that somebody typed is there unless somebody deleted it, and what was added to a number is in
// its sum.

using CloudSync.Chaos.Workload;
using CloudSync.Operations;

namespace CloudSync.Chaos.Checking;

internal static class IntentionChecks
{
    public static void Check(LoggedDocument document, DocumentState content, DocumentHistory history, Anomalies anomalies)
    {
        var logged = document.Entries.Select(static entry => entry.Name).ToHashSet();
        var edits = history.Operations.Where(operation => logged.Contains(operation.Key)).SelectMany(static operation => operation.Value.Edits).ToArray();
        var deleted = edits.SelectMany(static edit => edit.Deleted ?? []).ToHashSet();
        var written = edits.Where(static edit => edit.Inserted is not null).Select(static edit => edit.Inserted!).ToHashSet();
        if (written.Count == 0)
            return;
        var json = document.Type == DocumentType.Json ? ContentHash.JsonOf(content) : null;
        var found = document.Type == DocumentType.Json
            ? Tokens.Of(json)
            : Tokens.Find(Delta.FromState(content).ToPlainText()).Select(static piece => piece.Token);
        var there = new HashSet<string>();
        foreach (var token in found)
        {
            if (!there.Add(token))
                anomalies.Add(Anomalies.Duplicated, $"{document.Id}: '{token}' was written once, and is there twice.");
            else if (!written.Contains(token))
                anomalies.Add(Anomalies.Phantom, $"{document.Id}: nobody wrote '{token}'.");
            else if (deleted.Contains(token))
                anomalies.Add(Anomalies.Duplicated, $"{document.Id}: '{token}' was deleted, and is there again.");
        }

        foreach (var token in written.Where(token => !there.Contains(token) && !deleted.Contains(token)))
            anomalies.Add(Anomalies.Lost, $"{document.Id}: '{token}' is gone, and nobody deleted it.");
        if (json?["counters"] is not System.Text.Json.Nodes.JsonObject counters)
            return;
        // A session's counter is its writer's, whichever session of his it is.
        var sums = edits.GroupBy(static edit => WriterOf(edit.Inserted)).ToDictionary(static group => group.Key, static group => group.Sum(static edit => edit.Added));
        foreach (var (writer, value) in counters)
        {
            if ((int)value! != sums.GetValueOrDefault(writer))
                anomalies.Add(Anomalies.Miscounted, $"{document.Id}: the counter of {writer} is {(int)value!}, and {sums.GetValueOrDefault(writer)} was added to it.");
        }
    }

    private static string WriterOf(string? token) => token is null ? "" : token[1..token.LastIndexOf('.')];
}
