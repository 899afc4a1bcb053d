// Reads content at a version through the cache. However many ask for one version at the same time, it is folded once in
// this process, and as a rule once among all gateways; and however wrong or gone the cache is, the log is right.

using System.Collections.Concurrent;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Documents;

internal sealed class VersionReader(
    IOperationLog log, DocumentReader reader, IVersionCache cache, DocumentMetrics metrics, TimeProvider time)
{
    // How long it is waited for another gateway that folds the same version, and how often it is asked.
    private static readonly TimeSpan _claimPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _claimPoll = TimeSpan.FromMilliseconds(25);

    private readonly ConcurrentDictionary<(string DocumentId, DateTimeOffset CreatedAt, long Version), Reading> _readings = new();

    /// <summary>One read of a version, for all who ask for it meanwhile.</summary>
    private sealed class Reading(Func<Task<DocumentState>> read)
    {
        private readonly Lazy<Task<DocumentState>> _state = new(read);
        private readonly Lock _gate = new();

        public async Task<DocumentState> ForkAsync(CancellationToken cancellationToken)
        {
            var state = await _state.Value.WaitAsync(cancellationToken);
            // A state has one writer at a time, and forking it is the writer's business.
            lock (_gate)
                return state.Fork();
        }
    }

    /// <summary>The content at a version, which must not be beyond the head of the record; the caller's own.</summary>
    /// <exception cref="RefusedException">The log holds what can't be folded: DOCUMENT_UNREADABLE.</exception>
    /// <exception cref="LogUnavailableException">The log can't be read just now.</exception>
    public async Task<DocumentState> ReadAsync(DocumentRecord record, long version, CancellationToken cancellationToken)
    {
        var reading = _readings.GetOrAdd(
            (record.Id, record.CreatedAt, version),
            static (key, self) => new Reading(() => self.Reader.ReadThroughAsync(self.Record, key.Version)), (Reader: this, Record: record));
        return await reading.ForkAsync(cancellationToken);
    }

    private async Task<DocumentState> ReadThroughAsync(DocumentRecord record, long version)
    {
        // Off the caller's stack: it may be cancelled, and the others still want the answer.
        await Task.Yield();
        try
        {
            if (version > 0 && await FindKeyAsync(record, version) is { } key)
                return await FindAsync(key) ?? await FoldAsync(record, key);
            metrics.VersionFolded();
            return (await reader.FoldAsync(record, version, CancellationToken.None, isHistory: true)).State;
        }
        finally
        {
            _readings.TryRemove((record.Id, record.CreatedAt, version), out _);
        }
    }

    // Packing moves the link that is nearest to a later version: then what is cached isn't found any more, and is made anew.
    private async Task<VersionKey?> FindKeyAsync(DocumentRecord record, long version)
    {
        var links = await log.ReadAuditLinksAsync(record.Id, version - 1, 1, CancellationToken.None);
        // None: deleted meanwhile.
        return links.Count == 0
            ? null
            : new VersionKey(record.Id, Convert.ToHexStringLower(links[0].Hash.Span), record.Type, version);
    }

    private async Task<DocumentState?> FindAsync(VersionKey key)
    {
        if (await cache.FindAsync(key, CancellationToken.None) is not { } entry)
        {
            metrics.VersionSought("miss");
            return null;
        }

        var state = CachedVersion.Decode(key, entry.Span, log.Key.Span);
        metrics.VersionSought(state is null ? "unusable" : "hit");
        return state;
    }

    private async Task<DocumentState> FoldAsync(DocumentRecord record, VersionKey key)
    {
        var since = time.GetTimestamp();
        IAsyncDisposable? claim;
        while ((claim = await cache.ClaimAsync(key, CancellationToken.None)) is null
            && time.GetElapsedTime(since) < _claimPatience)
        {
            await Task.Delay(_claimPoll, time);
            if (await FindAsync(key) is { } made)
                return made;
        }

        try
        {
            // Whoever had the claim before may have made it between our look and our claim.
            if (claim is not null && claim != VersionClaim.OfNobody && await FindAsync(key) is { } made)
                return made;
            metrics.VersionFolded();
            var folded = await reader.FoldAsync(record, key.Version, CancellationToken.None, isHistory: true);
            await cache.KeepAsync(key, CachedVersion.Encode(key, folded.State, log.Key.Span), CancellationToken.None);
            return folded.State;
        }
        finally
        {
            if (claim is not null)
                await claim.DisposeAsync();
        }
    }
}
