// How small a document's history is at rest, how fast the document is opened, and any version that it ever had. On a real
// SQLite file, with the server's own parts.

using System.Diagnostics;
using CloudSync.Bench.Replay;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Trace = CloudSync.Bench.Replay.Trace;

namespace CloudSync.Bench.History;

internal sealed class HistoryMeasurement : IAsyncDisposable
{
    private const string DocumentId = "history";
    private const string OtherDocumentId = "other";
    private const int Seed = 3;
    private const int AppendOperations = 500;
    private const int Opened = 50;
    private const int Versions = 200;
    private const int AppendsBefore = 500;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("cloudsync-history-");
    private readonly NewOperation[] _operations;
    private readonly Dictionary<long, byte[]> _contents = [];
    private readonly CancellationToken _stop;
    private SqliteOperationLog _log;
    private long _otherHead;

    private HistoryMeasurement(Trace trace, CancellationToken stop)
    {
        _operations = RecordedHistory.Create(trace, CommitTimes.Human, Seed);
        _stop = stop;
        _log = SqliteOperationLog.Open(new SqliteLogOptions { Path = DatabasePath });
    }

    private string DatabasePath => Path.Combine(_directory.FullName, "cloudsync.db");

    /// <summary>Measures on a recorded session, which must be a sequential one.</summary>
    public static async Task<HistoryReport> RunAsync(string name, Trace trace, CancellationToken stop)
    {
        await using var measurement = new HistoryMeasurement(trace, stop);
        return await measurement.RunAsync(name, trace);
    }

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private async Task<HistoryReport> RunAsync(string name, Trace trace)
    {
        foreach (var id in (string[])[DocumentId, OtherDocumentId])
            await _log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), _stop);
        await AppendAsync();
        await ReopenAsync();
        var rowBytes = new FileInfo(DatabasePath).Length;
        var snapshotsBefore = await SaveSnapshotsAsync();

        var before = await AppendElsewhereAsync(AppendsBefore, until: null);
        var started = Stopwatch.GetTimestamp();
        var packing = PackAsync();
        var meanwhile = await AppendElsewhereAsync(int.MaxValue, packing);
        await packing;
        var packTime = Stopwatch.GetElapsedTime(started);
        await ReopenAsync();
        var segments = Sizes("SELECT length(data) FROM segments");
        var snapshots = Sizes("SELECT length(state) FROM snapshots");

        var reader = new DocumentReader(_log, NullLogger<DocumentReader>.Instance);
        var matches = true;
        // Code is compiled and pages are read once before anything is timed.
        foreach (var version in _contents.Keys.Take(5))
            await TimeAsync(reader, version);
        var openings = new List<double>();
        for (var i = 0; i < Opened; i++)
            openings.Add(await TimeAsync(reader, _operations.Length));
        var versions = new List<double>();
        foreach (var version in _contents.Keys)
            versions.Add(await TimeAsync(reader, version));

        started = Stopwatch.GetTimestamp();
        var rebuilt = await RebuildAsync();
        var rebuildTime = Stopwatch.GetElapsedTime(started);
        matches &= RecordedHistory.Encode(rebuilt).AsSpan().SequenceEqual(_contents[_operations.Length]);

        async Task<double> TimeAsync(DocumentReader from, long version)
        {
            var timestamp = Stopwatch.GetTimestamp();
            var record = await _log.FindAsync(DocumentId, _stop);
            var folded = await from.FoldAsync(record!, version, _stop);
            var elapsed = Stopwatch.GetElapsedTime(timestamp);
            matches &= RecordedHistory.Encode(folded.State).AsSpan().SequenceEqual(_contents[version]);
            return elapsed.TotalMilliseconds;
        }

        return new()
        {
            Trace = name,
            Operations = _operations.Length,
            HistoryBytesPerOperation = Math.Round(segments.Sum() / (double)_operations.Length, 3),
            HistoryBytesPerOperationSteady = BytesPerOperation(trace, CommitTimes.Steady),
            HistoryBytesPerOperationMicroseconds = BytesPerOperation(trace, CommitTimes.HumanMicroseconds),
            RowBytesPerOperation = Math.Round(rowBytes / (double)_operations.Length, 1),
            Segments = segments.Count,
            SnapshotsBefore = snapshotsBefore,
            Snapshots = snapshots.Count,
            SnapshotBytes = snapshots.Sum(),
            PackSeconds = Math.Round(packTime.TotalSeconds, 2),
            AppendMsP99 = Percentile(before, 99),
            AppendMsP99WhilePacking = Percentile(meanwhile, 99),
            AppendMsMaxWhilePacking = Percentile(meanwhile, 100),
            OpenMsP50 = Percentile(openings, 50),
            OpenMsMax = Percentile(openings, 100),
            RebuildSeconds = Math.Round(rebuildTime.TotalSeconds, 2),
            HistoricalVersionMsP50 = Percentile(versions, 50),
            HistoricalVersionMsMax = Percentile(versions, 100),
            Matches = matches,
        };
    }

    private async Task AppendAsync()
    {
        for (var head = 0; head < _operations.Length; head += AppendOperations)
        {
            var batch = _operations[head..Math.Min(head + AppendOperations, _operations.Length)];
            await _log.AppendAsync([new DocumentAppend(DocumentId, head, batch)], _stop);
        }
    }

    /// <summary>Saves the snapshots that an open document would have, and keeps the contents to compare with.</summary>
    private async Task<int> SaveSnapshotsAsync()
    {
        var options = new CloudSyncOptions();
        var random = new Random(Seed);
        var wanted = Enumerable.Range(0, Versions).Select(_ => random.NextInt64(1, _operations.Length)).ToHashSet();
        wanted.Add(_operations.Length);
        var state = DocumentType.Text.CreateEmpty();
        long saved = 0, snapshotBytes = 0, bytes = 0, count = 0;
        for (var version = 1; version <= _operations.Length; version++)
        {
            var operation = _operations[version - 1].Bytes;
            state.Apply(operation.Span);
            // As OpenDocument.Snapshots.cs counts.
            bytes += operation.Length + 32;
            if ((version - saved >= options.SnapshotOperations && bytes >= snapshotBytes / 4)
                || version == _operations.Length)
            {
                var snapshot = RecordedHistory.Encode(state);
                await _log.SaveSnapshotAsync(DocumentId, version, snapshot, _stop);
                (saved, snapshotBytes, bytes) = (version, snapshot.Length, 0);
                count++;
            }

            if (wanted.Contains(version))
                _contents.Add(version, RecordedHistory.Encode(state));
        }

        return (int)count;
    }

    private async Task PackAsync()
    {
        while ((await _log.PackAsync(DocumentId, _operations.Length, 1, _stop)).Operations > 0)
        {
        }
    }

    /// <summary>Appends to another document, one operation after the other; how long each took.</summary>
    private async Task<List<double>> AppendElsewhereAsync(int count, Task? until)
    {
        var times = new List<double>();
        while (times.Count < count && until?.IsCompleted != true)
        {
            var timestamp = Stopwatch.GetTimestamp();
            await _log.AppendAsync(
                [new DocumentAppend(OtherDocumentId, _otherHead, [_operations[0]])], _stop);
            times.Add(Stopwatch.GetElapsedTime(timestamp).TotalMilliseconds);
            _otherHead++;
        }

        return times;
    }

    /// <summary>The content at the head without any snapshot: every operation there ever was, folded.</summary>
    private async Task<DocumentState> RebuildAsync()
    {
        var state = DocumentType.Text.CreateEmpty();
        for (var version = 0L; version < _operations.Length;)
        {
            var page = await _log.ReadHistoryAsync(
                DocumentId, version, Math.Min(version + DocumentReader.PageOperations, _operations.Length), DocumentReader.PageBytes, _stop);
            foreach (var operation in page)
                state.Apply(operation.Bytes.Span);
            version += page.Count;
        }

        return state;
    }

    private async Task ReopenAsync()
    {
        await _log.DisposeAsync();
        _log = SqliteOperationLog.Open(new SqliteLogOptions { Path = DatabasePath });
    }

    private List<long> Sizes(string sql)
    {
        using var connection = LogConnection.ConnectReader(DatabasePath, new SqliteLogOptions());
        using var statement = new Statement(connection.Handle, sql);
        using var row = statement.Use();
        var sizes = new List<long>();
        while (row.Step())
            sizes.Add(row.Int64(0));
        return sizes;
    }

    private static double BytesPerOperation(Trace trace, CommitTimes times)
    {
        var operations = RecordedHistory.AsLogged(RecordedHistory.Create(trace, times, Seed));
        var bytes = operations.Chunk(HistorySegment.OperationsMax)
            .Sum(static chunk => (long)HistorySegment.Encode(chunk, SegmentEffort.Best).Length);
        return Math.Round(bytes / (double)operations.Length, 3);
    }

    private static double Percentile(List<double> values, int percent)
    {
        values.Sort();
        return values.Count == 0 ? 0 : Math.Round(values[Math.Min(values.Count - 1, values.Count * percent / 100)], 3);
    }
}
