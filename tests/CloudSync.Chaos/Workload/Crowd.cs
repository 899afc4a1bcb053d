// People who only have a document open: many of them, so that a gateway or NGINX that dies has a storm after it. What is recorded
// of each is how long it was without a connection.

using CloudSync.Chaos.History;
using CloudSync.Client;

namespace CloudSync.Chaos.Workload;

/// <summary>The crowd of a run.</summary>
internal sealed class Crowd : IDisposable
{
    /// <summary>So many have the same document open.</summary>
    public const int PeopleADocument = 20;

    // All at once they would be a storm before the run has begun.
    private const int OpeningAtOnce = 50;

    private readonly HistoryWriter _history;
    private readonly List<CloudSyncClient> _clients = [];

    private Crowd(HistoryWriter history) => _history = history;

    /// <summary>Opens documents, straight through NGINX.</summary>
    /// <param name="people">How many.</param>
    /// <param name="endpoint">Of NGINX.</param>
    /// <param name="createDocument">Makes a document, and says how it is called.</param>
    /// <param name="history">Absences are recorded there.</param>
    /// <param name="random">Where their jitter comes from.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<Crowd> OpenAsync(
        int people, Uri endpoint, Func<Task<string>> createDocument, HistoryWriter history, Random random, CancellationToken stop)
    {
        var crowd = new Crowd(history);
        try
        {
            for (var first = 0; first < people; first += OpeningAtOnce)
            {
                var document = "";
                List<Task> opening = [];
                for (var i = first; i < Math.Min(first + OpeningAtOnce, people); i++)
                {
                    if (i % PeopleADocument == 0 || document.Length == 0)
                        document = await createDocument();
                    opening.Add(crowd.Add($"crowd-{i + 1}", endpoint, document, random).WaitAsync(stop));
                }

                await Task.WhenAll(opening);
            }

            return crowd;
        }
        catch
        {
            crowd.Dispose();
            throw;
        }
    }

    public void Dispose() => _clients.ForEach(static client => client.Dispose());

    private Task<CollaborativeDocument> Add(string name, Uri endpoint, string document, Random random)
    {
        var client = new CloudSyncClient(endpoint, new CloudSyncClientOptions
        {
            User = new User(name, name, "#663399"), Random = new Random(random.Next()), UndoSteps = 0,
        });
        _clients.Add(client);
        var lost = 0L;
        client.StateChanged += state =>
        {
            if (state.Kind == SyncStateKind.Live)
            {
                if (lost != 0)
                    _history.Add(new HistoryEvent { Kind = EventKind.Away, Session = name, Began = lost });
                lost = 0;
            }
            else if (lost == 0 && state.Kind == SyncStateKind.Offline)
            {
                lost = _history.Now;
            }
        };
        return client.OpenAsync(document);
    }
}
