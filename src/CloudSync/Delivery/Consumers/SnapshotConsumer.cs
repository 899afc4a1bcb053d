// Snapshots and packed history for documents that nobody has open. Who has a document open makes them himself, and leaves one
// behind; this looks after what a gateway that died, or that only passed by, has left undone. Two rules, so that work is not
// done twice: at once when the operations since the newest snapshot are twice what an open document lets gather, and else
// when a document has been quiet for so long that whoever had it open has left it. The latter is remembered in memory only:
// what is lost with the process is made up for when the document is written to, or opened, next.

using System.Buffers;
using CloudSync.Documents;
using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Delivery.Consumers;

internal sealed class SnapshotConsumer : IDeliveryConsumer, IAsyncDisposable
{
    private const int TailOperations = 100;
    private const int PackOperations = 256;
    private const int OperationOverheadBytes = 32;
    private const int SnapshotShare = 4;
    private const int DocumentsMax = 10_000;
    private static readonly TimeSpan _sweepInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Seen> _documents = new(StringComparer.Ordinal);
    private readonly CloudSyncOptions _options;
    private readonly IOperationLog _log;
    private readonly DocumentReader _reader;
    private readonly OpenDocuments _open;
    private readonly HistoryPacker _packer;
    private readonly DocumentMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _sweep;
    private readonly CancellationTokenSource _stop = new();
    private Task _sweeping = Task.CompletedTask;

    private readonly record struct Seen(long Head, long SnapshotVersion, long Timestamp);

    public SnapshotConsumer(
        IOptions<CloudSyncOptions> options, IOperationLog log, DocumentReader reader, OpenDocuments open,
        DocumentMetrics metrics, TimeProvider time, ILogger<SnapshotConsumer> logger)
    {
        (_options, _log, _reader, _open) = (options.Value, log, reader, open);
        (_metrics, _time, _logger) = (metrics, time, logger);
        _packer = new HistoryPacker(log, metrics, TaskScheduler.Default, logger);
        _sweep = time.CreateTimer(static self => ((SnapshotConsumer)self!).Sweep(), this, _sweepInterval, _sweepInterval);
    }

    public string Name => "snapshots";

    public DeliveryPolicy Policy { get; } = new() { Concurrency = 2, AttemptsMax = 5 };

    public async Task HandleAsync(DeliveryMessage message, CancellationToken cancellationToken)
    {
        Seen seen;
        lock (_gate)
        {
            seen = _documents.GetValueOrDefault(message.DocumentId);
            seen = seen with { Head = Math.Max(seen.Head, message.LastVersion), Timestamp = _time.GetTimestamp() };
            // Full: this one is seen to when it is written to next.
            if (_documents.Count < DocumentsMax || _documents.ContainsKey(message.DocumentId))
                _documents[message.DocumentId] = seen;
        }

        if (seen.Head - seen.SnapshotVersion >= 2L * _options.SnapshotOperations)
            await SnapshotAsync(message.DocumentId, 2L * _options.SnapshotOperations, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _sweep.DisposeAsync();
        await _stop.CancelAsync();
        await _sweeping;
        await _packer.StopAsync();
        _stop.Dispose();
    }

    private void Sweep()
    {
        lock (_gate)
        {
            if (_sweeping.IsCompleted && !_stop.IsCancellationRequested)
                _sweeping = Task.Run(SweepAsync);
        }
    }

    private async Task SweepAsync()
    {
        // By then whoever had it open has let go of it, and saved what he would.
        var quiet = (2 * _options.DocumentIdleTimeout) + _sweepInterval;
        List<string> quietDocuments;
        lock (_gate)
        {
            quietDocuments = [.. _documents
                .Where(document => _time.GetElapsedTime(document.Value.Timestamp) >= quiet)
                .Select(static document => document.Key)];
        }

        foreach (var documentId in quietDocuments)
        {
            try
            {
                await SnapshotAsync(documentId, TailOperations, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception exception)
            {
                _logger.SnapshotNotSaved(documentId, 0, exception.Message);
                _metrics.SnapshotMade(saved: false);
            }

            lock (_gate)
            {
                if (_documents.TryGetValue(documentId, out var seen) && _time.GetElapsedTime(seen.Timestamp) >= quiet)
                    _documents.Remove(documentId);
            }
        }
    }

    private async Task SnapshotAsync(string documentId, long minOperations, CancellationToken cancellationToken)
    {
        if (_open.Find(documentId) is not null || await _log.FindAsync(documentId, cancellationToken) is not { Head: > 0 } record)
            return;
        var snapshot = await _log.FindSnapshotAsync(documentId, record.Head, cancellationToken);
        var version = snapshot?.Version ?? 0;
        var operations = record.Head - version;
        // A large document is worth its snapshot only when the operations have a fair part of its size.
        if (operations >= minOperations
            && (minOperations <= TailOperations || operations * OperationOverheadBytes >= (snapshot?.State.Length ?? 0) / SnapshotShare))
        {
            var folded = await _reader.FoldAsync(record, record.Head, cancellationToken);
            var state = new ArrayBufferWriter<byte>();
            folded.State.EncodeSnapshot(state);
            await _log.SaveSnapshotAsync(documentId, record.Head, state.WrittenMemory, cancellationToken);
            _metrics.SnapshotMade(saved: true);
            version = record.Head;
        }

        _packer.Pack(documentId, version, PackOperations);
        lock (_gate)
        {
            if (_documents.TryGetValue(documentId, out var seen))
                _documents[documentId] = seen with { SnapshotVersion = version };
        }
    }
}
