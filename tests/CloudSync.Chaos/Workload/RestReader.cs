// A program that reads through REST: the newest version, which must have what was acknowledged before, and old ones, which come
// from caches and must be what they were.

using System.Text.Json.Nodes;
using CloudSync.Chaos.History;
using CloudSync.Operations;

namespace CloudSync.Chaos.Workload;

internal sealed class RestReader(
    HttpClient http, HistoryWriter history, IReadOnlyList<(string Document, DocumentType Type)> documents, Random random)
{
    private const int PauseMs = 100;

    private readonly Dictionary<string, long> _newest = [];

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var (document, type) = documents[random.Next(documents.Count)];
            try
            {
                // Versions near each other come again, so that some are found in a cache.
                var past = _newest.TryGetValue(document, out var newest) && newest > 0 && random.Next(3) > 0
                    ? Math.Max(0, newest - newest % 20 - (20 * random.Next(5)))
                    : (long?)null;
                await ReadAsync(document, type, past, stop);
                await Task.Delay(PauseMs, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
            {
                // A gateway that has just died; the next read goes elsewhere.
                await Task.Delay(PauseMs, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ReadAsync(string document, DocumentType type, long? past, CancellationToken stop)
    {
        var began = history.Now;
        var body = await http.GetStringAsync($"/api/documents/{document}/snapshot{(past is null ? "" : $"?version={past}")}", stop);
        var answer = JsonNode.Parse(body)!;
        var version = (long)answer["version"]!;
        if (past is null)
            _newest[document] = version;
        history.Add(new HistoryEvent
        {
            Kind = EventKind.Read, Session = "rest", Document = document, Version = version, Began = began, IsPast = past is not null,
            Hash = type == DocumentType.Json
                ? ContentHash.Of(answer["content"])
                : ContentHash.Of(Delta.ParseJson(answer["content"]!.ToJsonString())),
        });
    }
}
