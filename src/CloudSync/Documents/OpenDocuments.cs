// The documents that are open in this process: found, loaded, swept.

using System.Collections.Concurrent;
using CloudSync.Fanout;
using CloudSync.Log;
using CloudSync.Presence;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Documents;

internal sealed class OpenDocuments : DocumentRegistry
{
    private const int HeadsPerRead = 1_000;
    private static readonly TimeSpan _sweepInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, OpenDocument> _documents = new(StringComparer.Ordinal);
    private readonly DocumentParts _parts;
    private readonly ITimer _sweepTimer;
    private long _headsCheckedTimestamp;
    private int _checkingHeads;
    private volatile bool _draining;

    public OpenDocuments(
        IOptions<CloudSyncOptions> options, IOperationLog log, IFanout fanout, DocumentReader reader,
        GatewayLeases leases, DocumentMetrics metrics, TimeProvider time, ILogger<OpenDocuments> logger,
        TaskScheduler? scheduler = null)
    {
        scheduler ??= TaskScheduler.Default;
        var commit = new GroupCommit(log, metrics, scheduler);
        _parts = new(options.Value, log, fanout, commit, reader, leases, metrics, time, scheduler, logger);
        metrics.ObserveOpenDocuments(() => _documents.Count);
        leases.Appeared = _ => MeetGateway();
        _headsCheckedTimestamp = time.GetTimestamp();
        _sweepTimer = time.CreateTimer(static state => ((OpenDocuments)state!).Sweep(), this, _sweepInterval, _sweepInterval);
    }

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
            document.RemoveLapsedPresence();
            if (document.Sweep())
                Remove(document);
        }

        if (_parts.Time.GetElapsedTime(_headsCheckedTimestamp) >= _parts.Options.HeadCheckInterval
            && Interlocked.Exchange(ref _checkingHeads, 1) == 0)
        {
            _parts.Start(CheckHeadsAsync);
        }
    }

    // Law 5: the last hint lost would otherwise be missed for ever.
    private async Task CheckHeadsAsync()
    {
        try
        {
            // Likewise what one gateway has told the others of its people.
            var shared = _parts.Leases.HasOthers;
            foreach (var documents in _documents.Values.Where(document => document.HasSessions).Chunk(HeadsPerRead))
            {
                var heads = await _parts.Log.ReadHeadsAsync(
                    Array.ConvertAll(documents, document => document.Id), CancellationToken.None);
                for (var i = 0; i < documents.Length; i++)
                {
                    documents[i].Hint(heads[i]);
                    if (shared)
                        documents[i].SharePresence(everybody: true);
                    // Empty, or deleted where nobody has told us of.
                    if (heads[i] == 0)
                        documents[i].CheckRecord();
                }
            }
        }
        catch (Exception exception)
        {
            _parts.Logger.HeadCheckFailed(exception.Message);
        }
        finally
        {
            _headsCheckedTimestamp = _parts.Time.GetTimestamp();
            Volatile.Write(ref _checkingHeads, 0);
        }
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
        foreach (var document in _documents.Values)
            document.EndShutdown();
    }
}
