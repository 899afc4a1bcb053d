// How many operations a log takes a second, and how long each waits. Every document is appended to by somebody who sends the
// next batch when the last one is durable; the document layer's own group commit puts them together.

using System.Diagnostics;
using System.Diagnostics.Metrics;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using HdrHistogram;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.Bench.Log;

internal sealed class LogMeasurement(IOperationLog log, int gateways, CancellationToken stop) : IDisposable
{
    private const long LongestMicroseconds = 60_000_000;
    private const double LowRate = 100;

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly byte[] _keystroke = Delta.Build().Retain(1_234).Insert("x").ToDelta().Bytes.ToArray();
    private readonly List<DocumentMetrics> _metrics = [];
    private int _runs;

    public long Operations { get; private set; }

    public void Dispose()
    {
        _metrics.ForEach(static metrics => metrics.Dispose());
        _services.Dispose();
    }

    /// <summary>As much as the log takes, from so many documents with so many operations in each batch.</summary>
    public async Task<ThroughputResult> SaturateAsync(int documents, int batchOperations, TimeSpan duration)
    {
        var ids = await CreateAsync(documents);
        var commits = Enumerable.Range(0, gateways).Select(_ => GroupCommit()).ToArray();
        var histogram = new LongHistogram(LongestMicroseconds, 3);
        var began = Stopwatch.GetTimestamp();
        long operations = 0;
        await Task.WhenAll(ids.Select((id, i) => Task.Run(() => AppendAsync(id, commits[i % gateways]), stop)));
        var elapsed = Stopwatch.GetElapsedTime(began);
        Operations += operations;
        return new ThroughputResult(
            documents, batchOperations, operations / elapsed.TotalSeconds, Percentile(histogram, 50),
            Percentile(histogram, 99), histogram.GetMaxValue() / 1_000.0);

        async Task AppendAsync(string id, GroupCommit commit)
        {
            var own = new LongHistogram(LongestMicroseconds, 3);
            long head = 0;
            while (Stopwatch.GetElapsedTime(began) < duration)
            {
                var start = Stopwatch.GetTimestamp();
                head = await CommitAsync(commit, id, head, batchOperations);
                own.RecordValue(Microseconds(start));
            }

            lock (histogram)
            {
                histogram.Add(own);
                operations += head;
            }
        }
    }

    /// <summary>
    /// A hundred single operations a second, each in a document of its own: how long the log takes by itself, and how long
    /// when they go through group commit. In turn, so that both meet the same machine.
    /// </summary>
    public async Task<LowLoadResult> MeasureLowLoadAsync(TimeSpan duration)
    {
        var count = (int)(duration.TotalSeconds * LowRate);
        var ids = await CreateAsync(count);
        var commit = GroupCommit();
        var alone = new LongHistogram(LongestMicroseconds, 3);
        var grouped = new LongHistogram(LongestMicroseconds, 3);
        var began = Stopwatch.GetTimestamp();
        var appends = new Task[count];
        for (var i = 0; i < count; i++)
        {
            var due = TimeSpan.FromSeconds(i / LowRate) - Stopwatch.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, stop);
            appends[i] = AppendAsync(ids[i], i % 2 == 0);
        }

        await Task.WhenAll(appends);
        Operations += count;
        return new LowLoadResult(
            LowRate, Percentile(alone, 50), Percentile(alone, 99), Percentile(grouped, 50), Percentile(grouped, 99));

        async Task AppendAsync(string id, bool throughGroupCommit)
        {
            var start = Stopwatch.GetTimestamp();
            if (throughGroupCommit)
                await CommitAsync(commit, id, 0, 1);
            else
                Check((await log.AppendAsync([Batch(id, 0, 1)], stop))[0], 1);
            var histogram = throughGroupCommit ? grouped : alone;
            lock (histogram)
                histogram.RecordValue(Microseconds(start));
        }
    }

    private static double Percentile(LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1_000.0;

    private static long Microseconds(long start) =>
        Math.Clamp((long)Stopwatch.GetElapsedTime(start).TotalMicroseconds, 1, LongestMicroseconds);

    private async Task<long> CommitAsync(GroupCommit commit, string id, long head, int operations)
    {
        Check(await commit.AppendAsync(Batch(id, head, operations)), head + operations);
        return head + operations;
    }

    private static void Check(AppendResult result, long head)
    {
        if (result != new AppendResult(AppendOutcome.Appended, head))
            throw new InvalidDataException($"An append ended as {result}.");
    }

    private DocumentAppend Batch(string id, long head, int operations)
    {
        var batch = new NewOperation[operations];
        var now = DateTimeOffset.UtcNow;
        for (var i = 0; i < operations; i++)
            batch[i] = new NewOperation(7, (ulong)(head + i + 1), head, "user-17", now, _keystroke);
        return new DocumentAppend(id, head, batch);
    }

    private GroupCommit GroupCommit()
    {
        var metrics = new DocumentMetrics(_services.GetRequiredService<IMeterFactory>(), TimeProvider.System);
        _metrics.Add(metrics);
        return new GroupCommit(
            log, metrics, TaskScheduler.Default, new LogWrites(log.AppendsAtOnce, NullLogger.Instance, TimeProvider.System));
    }

    private async Task<string[]> CreateAsync(int count)
    {
        var run = ++_runs;
        var ids = Enumerable.Range(0, count).Select(i => $"bench-{run}-{i}").ToArray();
        await Parallel.ForEachAsync(
            ids, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = stop },
            async (id, cancelled) => await log.CreateAsync(
                new NewDocument(id, "text", "", DateTimeOffset.UtcNow, "bench"), cancelled));
        return ids;
    }
}
