// All threads of the generator, as one.

using System.Diagnostics;
using System.Net;

namespace CloudSync.Bench.Generator;

/// <summary>A document that is to be opened.</summary>
/// <param name="Id">It exists.</param>
/// <param name="Server">The number of the server that all of its clients go to.</param>
/// <param name="Clients">How many clients open it.</param>
/// <param name="Writers">How many of them write.</param>
internal sealed record PlannedDocument(string Id, int Server, int Clients, int Writers);

/// <summary>What is to be opened.</summary>
/// <param name="Servers">Where.</param>
/// <param name="Documents">What.</param>
internal sealed record LoadPlan(IReadOnlyList<Uri> Servers, IReadOnlyList<PlannedDocument> Documents)
{
    /// <summary>What carries the connections.</summary>
    public LoadTransport Transport { get; init; }

    /// <summary>Each has a name and shows a selection.</summary>
    public bool Presence { get; init; }

    /// <summary>How often each moves its selection; zero: never after it has opened the document.</summary>
    public TimeSpan MoveInterval { get; init; }

    /// <summary>Those who only watch are to be on another gateway than those who write, if there is one.</summary>
    public bool Apart { get; init; }

    /// <summary>Those who only watch go where a load balancer sends each of them.</summary>
    public bool Spread { get; init; }

    /// <summary>Keystrokes that have to wait for an acknowledgement go out in one operation, as clients do it.</summary>
    public bool Composes { get; init; }

    /// <summary>
    /// What is due is still sent so long after the end of a step, and what was sent is waited for so long after that.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>False: they say Hello, and open nothing.</summary>
    public bool OpenDocuments { get; init; } = true;

    /// <summary>How many connections may be on their way in at a time, on all threads.</summary>
    public int OpeningAtOnce { get; init; } = 64;

    /// <summary>Addresses of this machine that connections come from.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    /// <summary>The generator's share of the processors: the server may be on the same machine.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>What is thrown dice with.</summary>
    public int Seed { get; init; } = 1;
}

internal sealed class LoadGenerator : IDisposable
{
    private static readonly TimeSpan s_lead = TimeSpan.FromMilliseconds(300);

    private readonly List<GeneratorThread> _threads = [];
    private readonly List<List<LoadDocument>> _documents = [];
    private readonly int _writers;

    private LoadGenerator(LoadPlan plan, ThreadPlan threadPlan, Func<LoadProtocol> protocol)
    {
        _writers = plan.Documents.Sum(static document => document.Writers);
        var threads = Math.Min(plan.Threads, plan.Documents.Count);
        for (var thread = 0; thread < threads; thread++)
        {
            var documents = new List<LoadDocument>();
            var index = 0;
            for (var number = thread; number < plan.Documents.Count; number += threads)
            {
                var planned = plan.Documents[number];
                var document = new LoadDocument(planned.Id, planned.Server);
                for (var i = 0; i < planned.Clients; i++)
                {
                    var client = new LoadClient(document, index++, i);
                    if (i < planned.Writers)
                        client.Writer = new LoadWriter(client);
                    document.Clients.Add(client);
                }

                documents.Add(document);
            }

            _documents.Add(documents);
            _threads.Add(new GeneratorThread(threadPlan, protocol(), documents, plan.Seed + thread));
        }
    }

    public long Live => _threads.Sum(static thread => thread.Counts.Live);

    public long Broken => _threads.Sum(static thread => thread.Counts.Broken);

    public long SentBack => _threads.Sum(static thread => thread.Counts.SentBack);

    public long Sent => _threads.Sum(static thread => thread.Counts.Sent);

    public long Acknowledged => _threads.Sum(static thread => thread.Counts.Acknowledged);

    public long Delivered => _threads.Sum(static thread => thread.Counts.Delivered);

    public long PresenceBytes => _threads.Sum(static thread => thread.Counts.PresenceBytes);

    /// <summary>How many gateways the clients are on. For when nothing is opened.</summary>
    public int Gateways => _threads.SelectMany(static thread => thread.Gateways).Distinct().Count();

    /// <summary>Clients that only watch, on another gateway than all who write in their document. For when nothing is opened.</summary>
    public int Apart => _documents.SelectMany(static documents => documents).Sum(static document => document.Clients.Count(
        client => client.Writer is null && document.Clients.TrueForAll(other => other.Writer is null || other.Gateway != client.Gateway)));

    /// <summary>Makes a generator; nothing is opened yet.</summary>
    /// <param name="plan">What is to be opened.</param>
    /// <param name="protocol">Makes the protocol of a thread.</param>
    /// <param name="stop">Gives up looking for the servers.</param>
    /// <exception cref="InvalidDataException">A server's name leads nowhere.</exception>
    public static async Task<LoadGenerator> CreateAsync(LoadPlan plan, Func<LoadProtocol> protocol, CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux())
            throw new InvalidDataException("The load generator needs Linux: it waits for its connections with epoll.");
        var servers = new List<GeneratorServer>();
        foreach (var server in plan.Servers)
        {
            var addresses = await Dns.GetHostAddressesAsync(server.Host, stop);
            // A server that listens on this machine listens on IPv4.
            var address = addresses.OrderBy(static address => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 0 : 1).FirstOrDefault()
                ?? throw new InvalidDataException($"'{server.Host}' has no address.");
            servers.Add(new GeneratorServer(server.Authority, new IPEndPoint(address, server.Port).Serialize()));
        }

        var sources = plan.Sources.Select(static source => new IPEndPoint(source, 0).Serialize()).ToArray();
        var threads = Math.Min(plan.Threads, plan.Documents.Count);
        return new LoadGenerator(
            plan,
            new ThreadPlan(servers, sources, plan.Presence, plan.MoveInterval, Math.Max(1, plan.OpeningAtOnce / threads), plan.Apart, plan.Composes, plan.Patience)
            {
                Transport = plan.Transport,
            },
            protocol);
    }

    /// <summary>Opens everything; completes when each connection is live or broken.</summary>
    public async Task OpenAsync(CancellationToken stop)
    {
        // Those who write come first: it is their gateway that others are to keep away from.
        foreach (var isWriter in (bool[])[true, false])
        {
            await Task.WhenAll(_threads.Zip(_documents, (thread, documents) => thread.OpenAsync(
                [.. documents.SelectMany(static document => document.Clients).Where(client => client.Writer is not null == isWriter)])))
                .WaitAsync(stop);
        }
    }

    /// <summary>Types so many keystrokes a second, all writers together, for a while.</summary>
    /// <returns>The figures, and how long it took from the first keystroke to the last acknowledgement.</returns>
    public Task<(StepFigures Figures, TimeSpan Elapsed)> StepAsync(double rate, TimeSpan duration, CancellationToken stop) =>
        StepAsync(rate, duration, Stopwatch.GetTimestamp() + (long)(s_lead.TotalSeconds * Stopwatch.Frequency), beginsAtOnce: false, stop);

    /// <inheritdoc cref="StepAsync(double, TimeSpan, CancellationToken)"/>
    /// <param name="start">When it begins: a timestamp of the stopwatch, which all processes of a machine share.</param>
    /// <param name="beginsAtOnce">Whether all writers press a key at the start, too.</param>
    public async Task<(StepFigures Figures, TimeSpan Elapsed)> StepAsync(
        double rate, TimeSpan duration, long start, bool beginsAtOnce, CancellationToken stop)
    {
        var interval = Stopwatch.Frequency * _writers / rate;
        var all = await Task.WhenAll(_threads.ConvertAll(thread => thread.StepAsync(start, duration, interval, beginsAtOnce))).WaitAsync(stop);
        var figures = StepFigures.Create();
        foreach (var one in all)
            figures.Add(one);
        var end = Math.Max(figures.LastAcknowledgedAt, start + (long)(duration.TotalSeconds * Stopwatch.Frequency));
        return (figures, Stopwatch.GetElapsedTime(start, end));
    }

    /// <summary>Ends the step that is under way sooner than it was said.</summary>
    public void EndStep() => _threads.ForEach(static thread => thread.EndStep());

    /// <summary>From this moment on keystrokes of the step that is under way are timed by themselves, too.</summary>
    /// <param name="from">A timestamp of the stopwatch.</param>
    public void BeginPhase(long from) => _threads.ForEach(thread => thread.BeginPhase(from));

    /// <summary>All are going to lose their connections, and come back; completes when all are back.</summary>
    /// <param name="at">When: a timestamp of the stopwatch.</param>
    /// <param name="cuts">They are cut here; otherwise their server is going to stop.</param>
    /// <param name="stop">Gives up waiting.</param>
    public Task StormAsync(long at, bool cuts, CancellationToken stop) =>
        Task.WhenAll(_threads.ConvertAll(thread => thread.StormAsync(at, cuts))).WaitAsync(stop);

    /// <summary>What has come of the storm so far.</summary>
    public async Task<StormFigures> ReadStormAsync(CancellationToken stop)
    {
        var figures = StormFigures.Create();
        foreach (var one in await Task.WhenAll(_threads.ConvertAll(static thread => thread.ReadStormAsync())).WaitAsync(stop))
            figures.Add(one);
        return figures;
    }

    /// <summary>Why connections broke so far, and how many of each.</summary>
    public async Task<IReadOnlyDictionary<string, int>> BreaksAsync(CancellationToken stop)
    {
        var all = await Task.WhenAll(_threads.ConvertAll(static thread => thread.BreaksAsync())).WaitAsync(stop);
        return all.SelectMany(static breaks => breaks).GroupBy(static pair => pair.Key)
            .ToDictionary(static group => group.Key, static group => group.Sum(static pair => pair.Value));
    }

    public void Dispose() => _threads.ForEach(static thread => thread.Dispose());
}
