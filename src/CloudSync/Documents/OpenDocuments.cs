// The documents that are open in this process: found, loaded, swept.

using System.Collections.Concurrent;
using CloudSync.Delivery;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Presence;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Documents;

internal sealed class OpenDocuments : DocumentRegistry
{
    private static readonly TimeSpan _sweepInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, OpenDocument> _documents = new(StringComparer.Ordinal);
    private readonly DocumentParts _parts;
    private readonly HeadChecks _headChecks;
    private readonly ITimer _sweepTimer;
    private volatile bool _draining;

    public OpenDocuments(
        IOptions<CloudSyncOptions> options, IOperationLog log, SealedFanout fanout, DocumentReader reader,
        GatewayLeases leases, ISessionRecords sessions, DocumentMetrics metrics, TimeProvider time,
        ILogger<OpenDocuments> logger,
        TaskScheduler? scheduler = null, CommitSignal? committed = null)
    {
        scheduler ??= TaskScheduler.Default;
        Writes = new LogWrites(log.AppendsAtOnce, logger, time);
        var commit = new GroupCommit(log, metrics, scheduler, Writes, committed);
        var packer = new HistoryPacker(log, metrics, scheduler, logger);
        _parts = new(options.Value, log, fanout, commit, packer, reader, leases, sessions, metrics, time, scheduler, logger);
        sessions.Begin(ListSessions);
        metrics.ObserveOpenDocuments(() => _documents.Count);
        leases.Appeared = _ => MeetGateway();
        _headChecks = new HeadChecks(_parts, () => _documents.Values);
        _sweepTimer = time.CreateTimer(static state => ((OpenDocuments)state!).Sweep(), this, _sweepInterval, _sweepInterval);
    }

    /// <summary>How their appends fare.</summary>
    public LogWrites Writes { get; }

    /// <summary>How many are in memory.</summary>
    public int Count => _documents.Count;

    public override async ValueTask<DocumentSession> OpenAsync(
        string documentId, SessionRequest request, IDocumentSubscriber subscriber, CancellationToken cancellationToken)
    {
        var document = await AcquireAsync(documentId, cancellationToken);
        try
        {
            return await document.OpenSessionAsync(request, subscriber);
        }
        finally
        {
            document.Release();
        }
    }

    public override bool IsInMemory(string documentId) => _documents.ContainsKey(documentId);

    /// <summary>The loaded document, kept in memory until it is released.</summary>
    public async ValueTask<OpenDocument> AcquireAsync(string documentId, CancellationToken cancellationToken)
    {
        if (!DocumentIds.IsValid(documentId))
            throw new RefusedException(Refusals.InvalidDocumentId);
        while (true)
        {
            if (_draining)
                throw new RefusedException(Refusals.ShuttingDown);
            if (!_documents.TryGetValue(documentId, out var document))
            {
                var limit = _parts.Options.Limits.OpenDocuments;
                if (_documents.Count >= limit)
                    throw new RefusedException(Refusals.TooManyOpenDocuments(limit));
                document = _documents.GetOrAdd(documentId, static (id, self) => new(id, self._parts, self.Remove), this);
            }

            // It may be leaving just now: then the next one found is another.
            if (!document.TryReference())
            {
                Remove(document);
                continue;
            }

            try
            {
                await document.LoadAsync().WaitAsync(cancellationToken);
                return document;
            }
            catch
            {
                document.Release();
                throw;
            }
        }
    }

    /// <summary>The document if it is in memory.</summary>
    public OpenDocument? Find(string documentId) => _documents.GetValueOrDefault(documentId);

    /// <summary>Tells the other gateways that a document's record has changed, whether it is open here or not.</summary>
    public void PublishRecordChanged(string documentId) => _parts.PublishToGateways(
        documentId, new FanoutMessage { RecordChanged = new RecordChanged() });

    // This gateway's own.
    private DocumentSessions ListSessions(string documentId, int limit) =>
        Find(documentId)?.ListSessions(limit) ?? new DocumentSessions(0, true, []);

    private void Remove(OpenDocument document) => _documents.TryRemove(new(document.Id, document));

    private void MeetGateway()
    {
        foreach (var document in _documents.Values)
            document.MeetGateway();
    }

    private void Sweep()
    {
        foreach (var document in _documents.Values)
        {
            document.SweepPresence();
            if (document.Sweep())
                Remove(document);
        }

        _headChecks.CheckIfDue();
    }

    public override async Task DrainAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        await Task.WhenAll(_documents.Values.Select(document => document.DrainAsync())).WaitAsync(cancellationToken);
    }

    public override async ValueTask DisposeAsync()
    {
        _draining = true;
        await _sweepTimer.DisposeAsync();
        await _headChecks.DisposeAsync();
        foreach (var document in _documents.Values)
            document.EndShutdown();
        await _parts.Packer.StopAsync();
    }
}
