// All who use the cluster in a run: those who write all the time, those who come and go, those who only watch, one that reads
// through REST, and some who type a recorded session.

using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CloudSync.Bench.Replay;
using CloudSync.Chaos.History;
using CloudSync.Client;
using CloudSync.Operations;

namespace CloudSync.Chaos.Workload;

/// <summary>The clients of a run.</summary>
internal sealed class Clients : IAsyncDisposable
{
    private static readonly (DocumentType Type, int Writers)[] _layout =
        [(DocumentType.Text, 2), (DocumentType.RichText, 2), (DocumentType.Json, 2), (DocumentType.RichText, 1), (DocumentType.Text, 1)];

    // Whose network breaks WebSockets. The others find out by themselves that theirs doesn't.
    private static readonly (string Name, TransportKind Transport)[] _withoutWebSockets =
    [
        ("writer-1.2", TransportKind.Polling), ("writer-2.2", TransportKind.ServerSentEvents), ("roamer-1", TransportKind.ServerSentEvents),
        ("roamer-3", TransportKind.Polling), ("reader-2", TransportKind.Polling), ("reader-5", TransportKind.ServerSentEvents),
    ];

    // Of all recorded sessions together.
    private static readonly TimeSpan _betweenPatches = TimeSpan.FromMilliseconds(20);

    private readonly ChaosCluster _cluster;
    private readonly HistoryWriter _history;
    private readonly Random _random;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(string Document, DocumentType Type)> _documents = [];
    private readonly List<Task> _working = [];
    private readonly List<Roamer> _roamers = [];
    private readonly List<Session> _sessions = [];
    private readonly List<TraceTyping> _traces = [];
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Crowd? _crowd;
    private int _opened;

    private Clients(ChaosCluster cluster, HistoryWriter history, Random random) =>
        (_cluster, _history, _random, _http) = (cluster, history, random, new HttpClient { BaseAddress = cluster.Address, Timeout = TimeSpan.FromSeconds(20) });

    /// <summary>Of those who write all the time.</summary>
    public Flow Flow { get; } = new();

    /// <summary>Fails, with the reason, if one of them has met what nobody foresaw.</summary>
    public Task Failed => _failed.Task;

    /// <summary>How far the recorded sessions have got.</summary>
    public IReadOnlyList<TraceTyping> Traces => _traces;

    /// <summary>The documents that they write in.</summary>
    public IReadOnlyList<string> Documents => [.. _documents.Select(static document => document.Document)];

    public static async Task<Clients> StartAsync(
        ChaosCluster cluster, HistoryWriter history, IReadOnlyList<NamedTrace> traces, int crowd, Random random, CancellationToken stop)
    {
        var clients = new Clients(cluster, history, random);
        try
        {
            clients._crowd = await Crowd.OpenAsync(
                crowd, new Uri($"ws://localhost:{cluster.State.Port}/sync"),
                async () => (await clients.CreateAsync(DocumentType.Text, stop)).Document, history, clients.NewRandom(), stop);
            for (var i = 0; i < _layout.Length; i++)
                await clients.AddDocumentAsync(i, stop);
            clients._working.Add(new RestReader(clients._http, history, [.. clients._documents], clients.NewRandom()).RunAsync(clients._stop.Token));
            foreach (var trace in traces)
            {
                var typing = new TraceTyping(trace, _betweenPatches * traces.Count, history, clients.OpenAsync);
                clients._traces.Add(typing);
                clients._documents.Add(await clients.CreateAsync(DocumentType.Text, stop));
                clients._working.Add(typing.RunAsync(clients._documents[^1].Document, clients._stop.Token));
            }
        }
        catch
        {
            await clients.DisposeAsync();
            throw;
        }

        foreach (var working in clients._working)
        {
            _ = working.ContinueWith(
                (task, _) => clients._failed.TrySetException(task.Exception!.InnerExceptions), null, CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }

        return clients;
    }

    /// <summary>Everybody stops typing; then waits until all is saved, and all show the same. Records what they show.</summary>
    /// <returns>The names of those who didn't get that far.</returns>
    public async Task<IReadOnlyList<string>> FinishAsync(TimeSpan patience, Func<string, CancellationToken, Task<long>> head, CancellationToken stop)
    {
        await _stop.CancelAsync();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        enough.CancelAfter(patience);
        var late = new List<string>();
        foreach (var working in _working)
            await working.WaitAsync(enough.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Those who came and went last are among them.
        var all = Snapshot();
        foreach (var session in all)
        {
            if (!await TryAsync(session.Document.WhenSavedAsync(), enough.Token))
                late.Add($"{session.Name} has {session.State.Unsaved} unsaved edits ({session.State.Kind})");
        }

        // Somebody who has never been here before.
        foreach (var (document, _) in _documents)
        {
            try
            {
                all.Add(await OpenAsync($"fresh-{document}", document, enough.Token));
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                late.Add($"Nobody can open {document} any more");
            }
            catch (RefusedException exception)
            {
                late.Add($"{document} is refused to whoever opens it anew: {exception.Message}");
            }
        }

        var heads = new Dictionary<string, long>();
        foreach (var (document, _) in _documents)
            heads[document] = await head(document, stop);
        foreach (var session in all)
        {
            await TryAsync(session.WhenShownAsync(heads[session.Document.Id]), enough.Token);
            session.RecordFinal();
        }

        _traces.ForEach(static trace => trace.RecordExpected());
        return late;
    }

    /// <summary>Waits until everybody is shown to everybody, and nobody else is.</summary>
    /// <returns>What is wrong when it doesn't come to that.</returns>
    public async Task<IReadOnlyList<string>> MeetAsync(TimeSpan patience, CancellationToken stop)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        enough.CancelAfter(patience);
        var wrong = new List<string>();
        foreach (var together in Snapshot().Where(static session => session.State.Kind != SyncStateKind.Closed).GroupBy(static session => session.Document.Id))
        {
            foreach (var session in together)
            {
                string[] others = [.. together.Select(static other => other.Name).Where(name => name != session.Name).Order(StringComparer.Ordinal)];
                if (!await TryAsync(session.WhenPeopleAsync(others), enough.Token))
                    wrong.Add($"{session.Name} shows {string.Join(", ", session.People())} and not {string.Join(", ", others)}");
            }
        }

        return wrong;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var session in Snapshot())
            session.Dispose();
        foreach (var working in _working)
            await working.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var session in Snapshot())
            session.Dispose();
        _crowd?.Dispose();
        _http.Dispose();
        _stop.Dispose();
    }

    private static async Task<bool> TryAsync(Task task, CancellationToken stop)
    {
        await task.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompletedSuccessfully;
    }

    // Half of the clients name another document than theirs to the load balancer, and so reach another gateway than the others:
    // what it is to make right mustn't depend on who meets where.
    private Task<Session> OpenAsync(string name, string document, CancellationToken stop) =>
        OpenAsync(name, name, document, stop);

    private async Task<Session> OpenAsync(string name, string line, string document, CancellationToken stop)
    {
        int number;
        Random random;
        lock (_sessions)
            (number, random) = (_opened++, NewRandom());
        var query = number % 2 == 0 ? "" : $"?document=elsewhere-{number}";
        var session = await Session.OpenAsync(
            name, new Uri($"ws://localhost:{_cluster.LineOf(line).Port}/sync{query}"), TransportOf(line), document, _history, random, stop);
        lock (_sessions)
        {
            _sessions.RemoveAll(static session => session.State.Kind == SyncStateKind.Closed);
            _sessions.Add(session);
        }

        return session;
    }

    private static TransportKind TransportOf(string line) =>
        _withoutWebSockets.FirstOrDefault(without => without.Name == line).Transport;

    private List<Session> Snapshot()
    {
        lock (_sessions)
            return [.. _sessions];
    }

    private Random NewRandom()
    {
        lock (_random)
            return new Random(_random.Next());
    }

    private async Task<(string Document, DocumentType Type)> CreateAsync(DocumentType type, CancellationToken stop)
    {
        using var response = await _http.PostAsJsonAsync("/api/documents", new JsonObject { ["type"] = type.Name }, stop);
        response.EnsureSuccessStatusCode();
        return ((string)(await response.Content.ReadFromJsonAsync<JsonObject>(stop))!["id"]!, type);
    }

    private async Task AddDocumentAsync(int number, CancellationToken stop)
    {
        var (type, count) = _layout[number];
        var (document, _) = await CreateAsync(type, stop);
        _documents.Add((document, type));
        string[] names = [.. Enumerable.Range(1, count).Select(i => $"writer-{number + 1}.{i}")];
        var roamer = $"roamer-{number + 1}";
        if (type == DocumentType.Json)
            await BeginJsonAsync(document, [.. names, roamer], stop);
        foreach (var name in names)
        {
            Flow.Add(name);
            var session = await OpenAsync(name, document, stop);
            _working.Add(new Writer(session, EditMaker.Create(type, name, NewRandom()), Flow, NewRandom()).RunAsync(_stop.Token));
        }

        await OpenAsync($"reader-{number + 1}", document, stop);
        _roamers.Add(new Roamer(
            roamer, _cluster.LineOf(roamer), (name, token) => OpenAsync(name, roamer, document, token),
            EditMaker.Create(type, roamer, NewRandom()), NewRandom()));
        _working.Add(_roamers[^1].RunAsync(_stop.Token));
    }

    private async Task BeginJsonAsync(string document, IReadOnlyList<string> writers, CancellationToken stop)
    {
        var session = await OpenAsync("beginner", document, stop);
        await session.Edit(
            (shown, _) =>
            {
                shown.EditJson(edit => edit.Set([], JsonMaker.Empty(writers)));
                return new EditMade("", [], 0);
            },
            isOnline: false).Saved.WaitAsync(stop);
        session.Dispose();
    }
}
