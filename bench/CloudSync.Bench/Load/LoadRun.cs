// The load: documents with people who write in them, and in each one observer on another gateway.

using System.Diagnostics;
using CloudSync.Bench.Replay;
using HdrHistogram;

namespace CloudSync.Bench.Load;

/// <param name="Offered">Keystrokes a second that were to be typed.</param>
/// <param name="Typed">Keystrokes a second that were committed.</param>
/// <param name="Keystrokes">How many that was.</param>
/// <param name="Missing">How many of them didn't come to the other screen within ten seconds after the end.</param>
/// <param name="P50Milliseconds">From the moment a key is pressed until it is on a screen on another gateway.</param>
/// <param name="P99Milliseconds">99 of 100 are there by then.</param>
/// <param name="MaxMilliseconds">The last.</param>
internal sealed record LoadStep(
    double Offered, double Typed, long Keystrokes, long Missing, double P50Milliseconds, double P99Milliseconds,
    double MaxMilliseconds)
{
    /// <summary>Whatever whoever runs the server knows about it at the end of the step.</summary>
    public IReadOnlyDictionary<string, double>? Servers { get; init; }
}

internal sealed class LoadRun : IAsyncDisposable
{
    private const int ConnectingAtOnce = 16;
    private const int HintsPerObserver = 32;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly List<LoadDocument> _documents = [];
    private readonly List<LoadWriter> _writers = [];
    private readonly List<LoadConnection> _observers = [];

    /// <summary>How many gateways people are on.</summary>
    public int Gateways { get; private set; }

    /// <summary>Documents whose observer is on another gateway than a writer.</summary>
    public int Apart { get; private set; }

    /// <summary>Connects everybody.</summary>
    public static async Task<LoadRun> ConnectAsync(Uri server, int documents, int writersPerDocument, CancellationToken stop)
    {
        var run = new LoadRun();
        try
        {
            using var api = new RestApi(server);
            for (var i = 0; i < documents; i++)
                run._documents.Add(new LoadDocument(await api.CreateAsync($"Load {i + 1}", stop)));
            await Parallel.ForEachAsync(
                run._documents, new ParallelOptions { MaxDegreeOfParallelism = ConnectingAtOnce, CancellationToken = stop },
                async (document, stopping) => await run.ConnectAsync(server, document, writersPerDocument, stopping));
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }

        run.Gateways = run._observers.Concat(run._writers.Select(static writer => writer.Connection))
            .Select(static connection => connection.GatewayId).Distinct().Count();
        var writers = run._writers.ToLookup(static writer => writer.Connection.Document, static writer => writer.Connection.GatewayId);
        run.Apart = run._observers.Count(observer => writers[observer.Document].All(gateway => gateway != observer.GatewayId));
        return run;
    }

    /// <summary>Types so many keystrokes a second, all writers together, for a while.</summary>
    public async Task<LoadStep> StepAsync(double rate, TimeSpan duration, CancellationToken stop)
    {
        _documents.ForEach(static document => document.Take());
        var interval = Stopwatch.Frequency * _writers.Count / rate;
        var start = Stopwatch.GetTimestamp() + (Stopwatch.Frequency / 10);
        var end = start + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var random = new Random(1);
        var phases = _writers.ConvertAll(_ => random.NextDouble());
        await Task.WhenAll(_writers.Select((writer, i) => Task.Run(
            () => writer.TypeAsync(start, end, interval, phases[i], stop), stop)));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var waiting = Stopwatch.StartNew();
        var heads = _writers.GroupBy(static writer => writer.Connection.Document)
            .ToDictionary(static group => group.Key, static group => group.Max(static writer => writer.Connection.Version));
        while (waiting.Elapsed < s_patience && _observers.Exists(observer => observer.Version < heads[observer.Document]))
            await Task.Delay(10, stop);

        var histogram = new LongHistogram(3_600_000_000, 3);
        long missing = 0;
        foreach (var way in _documents.SelectMany(static document => document.Take()))
        {
            if (way == 0)
                missing++;
            else
                histogram.RecordValue(Math.Max(1, (long)(way * 1e6 / Stopwatch.Frequency)));
        }

        if (_observers.Concat(_writers.Select(static writer => writer.Connection)).FirstOrDefault(
            static connection => connection.Failure is not null) is { } broken)
            throw new InvalidDataException("A connection broke: " + broken.Failure!.Message, broken.Failure);
        var keystrokes = histogram.TotalCount + missing;
        return new LoadStep(
            rate, keystrokes / elapsed.TotalSeconds, keystrokes, missing, At(50), At(99), histogram.GetMaxValue() / 1_000.0);

        double At(double percentile) => histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1_000.0;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var observer in _observers)
            await observer.DisposeAsync();
        foreach (var writer in _writers)
            await writer.DisposeAsync();
    }

    private async Task ConnectAsync(Uri server, LoadDocument document, int writersPerDocument, CancellationToken stop)
    {
        var gateways = new HashSet<string>();
        for (var i = 0; i < writersPerDocument; i++)
        {
            var connection = await ConnectAsync(server, document, document.Id, stop);
            gateways.Add(connection.GatewayId);
            await connection.OpenAsync(stop);
            lock (_writers)
                _writers.Add(new LoadWriter(connection));
        }

        // The load balancer brings a document's people together. The observer gives it another document's name, until that
        // leads to another gateway; with a single gateway none does.
        for (var attempt = 1; ; attempt++)
        {
            var observer = await ConnectAsync(server, document, $"{document.Id}-{attempt}", stop);
            if (gateways.Contains(observer.GatewayId) && attempt < HintsPerObserver)
            {
                await observer.DisposeAsync();
                continue;
            }

            observer.Committed = (committed, now) => document.Seen(
                (long)committed.BaseVersion + 1,
                (long)committed.BaseVersion + committed.Operations.Sum(static operation => (long)Math.Max(1, operation.Count)),
                now);
            await observer.OpenAsync(stop);
            lock (_observers)
                _observers.Add(observer);
            return;
        }
    }

    private static async Task<LoadConnection> ConnectAsync(
        Uri server, LoadDocument document, string hint, CancellationToken stop)
    {
        var connection = new LoadConnection(document, (ulong)Random.Shared.NextInt64(1, long.MaxValue));
        await connection.ConnectAsync(server, hint, stop);
        return connection;
    }
}
