// People who write in one document until they are told to stop, and know what was acknowledged.

using System.Collections.Concurrent;
using CloudSync.Client;
using CloudSync.Operations;
using Xunit;

namespace CloudSync.Cluster.Tests.Whole;

internal sealed class Writers : IAsyncDisposable
{
    private readonly RunningCluster _cluster;
    private readonly string _documentId;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<CloudSyncClient> _clients = [];
    private readonly List<CollaborativeDocument> _documents = [];
    private readonly List<Task> _writing = [];
    private readonly ConcurrentQueue<string> _acknowledged = [];
    private readonly ConcurrentQueue<string> _refused = [];
    private int _count;

    private Writers(RunningCluster cluster, string documentId) => (_cluster, _documentId) = (cluster, documentId);

    public string DocumentId => _documentId;

    public IReadOnlyList<CollaborativeDocument> Documents => _documents;

    /// <summary>How many edits were acknowledged so far.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>One writer at each endpoint, in a new document.</summary>
    public static async Task<Writers> StartAsync(RunningCluster cluster, params Uri[] endpoints)
    {
        var writers = new Writers(cluster, await cluster.CreateDocumentAsync());
        foreach (var (endpoint, i) in endpoints.Select(static (endpoint, i) => (endpoint, i)))
        {
            var client = RunningCluster.NewClient(endpoint, $"writer-{i}");
            writers._clients.Add(client);
            var document = await client.OpenAsync(writers._documentId, RunningCluster.Cancellation);
            document.Refused += edit => writers._refused.Enqueue($"{edit}");
            writers._documents.Add(document);
            writers._writing.Add(writers.WriteAsync(document, (char)('a' + i)));
        }

        return writers;
    }

    /// <summary>Waits until so many more edits were acknowledged.</summary>
    public async Task WriteMoreAsync(int edits)
    {
        var enough = Acknowledged + edits;
        await Eventually.IsAsync(() => Task.FromResult(Acknowledged >= enough), () =>
            $"Only {Acknowledged} of {enough} edits were acknowledged; clients: {string.Join(", ", _clients.Select(static client => client.State))}");
    }

    /// <summary>Stops writing; then all must have the same, and in it each acknowledged edit once.</summary>
    public async Task FinishAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writing).WaitAsync(RunningCluster.Patience, RunningCluster.Cancellation);
        var text = await _cluster.ReadAsync(_documentId);
        await Eventually.IsAsync(
            () => Task.FromResult(_documents.All(document => document.ToPlainText() == text)),
            () => $"Not all show the same. The log: {text.Length} characters; {string.Join(", ", _documents.Select(static document => $"version {document.Version}, {document.Length} characters"))}");
        Assert.Empty(_refused);
        Assert.All(_documents, static document => Assert.Equal(0, document.State.Unsaved));
        var found = text.Split(']', StringSplitOptions.RemoveEmptyEntries).Select(static edit => edit + "]").ToArray();
        Assert.Equal(_acknowledged.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var client in _clients)
            client.Dispose();
        // What is left is that they wait for what will not come any more.
        await Task.WhenAll(_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    // At the beginning, so that no edit parts another.
    private async Task WriteAsync(CollaborativeDocument document, char name)
    {
        while (!_stop.IsCancellationRequested)
        {
            var edit = $"[{name}{Interlocked.Increment(ref _count)}]";
            await document.SubmitAsync(Delta.Build().Insert(edit).ToDelta());
            _acknowledged.Enqueue(edit);
        }
    }
}
