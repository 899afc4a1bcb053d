// What the log proves about the past: that nothing of it was changed, and who wrote what. docs/audit.md.

using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Audit;

/// <summary>Verifies audit chains and tells who wrote what. Thread-safe; reads the log and nothing else.</summary>
public sealed class AuditTrail
{
    private const int PageBytes = 4 << 20;
    private const int PageLinks = 32_768;

    // In the process. Each reads a document's whole past: more at a time would keep everything else waiting.
    private const int AtATime = 2;

    private readonly IOperationLog _log;
    private static readonly SemaphoreSlim _turns = new(AtATime);

    /// <summary>Reads a log.</summary>
    public AuditTrail(IOperationLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        _log = log;
    }

    /// <summary>
    /// Computes a document's audit chain from its first operation on and compares it with every link that the log keeps.
    /// </summary>
    /// <param name="documentId">The document.</param>
    /// <param name="kept">A link that was kept elsewhere, to compare with as well; null for none.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="RefusedException">There is no such document.</exception>
    /// <exception cref="LogUnavailableException">The log can't be read just now.</exception>
    public async Task<AuditVerification> VerifyAsync(
        string documentId, AuditLink? kept, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        try
        {
            return await VerifyInTurnAsync(documentId, kept, cancellationToken);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<AuditVerification> VerifyInTurnAsync(
        string documentId, AuditLink? kept, CancellationToken cancellationToken)
    {
        var record = await FindAsync(documentId, cancellationToken);
        var link = AuditChain.Begin(record.Id);
        if (kept is { } beyond && (beyond.Version < 1 || beyond.Version > record.Head))
        {
            return new AuditVerification(record.Id, record.Head, 0, default, new AuditFault(
                record.Head + 1, beyond.Version,
                $"a link of version {beyond.Version} was kept elsewhere, but the log ends at version {record.Head}"));
        }

        var links = new Queue<AuditLink>();
        long version = 0, sound = 0;
        try
        {
            while (version < record.Head)
            {
                var page = await _log.ReadHistoryAsync(record.Id, version, record.Head, PageBytes, cancellationToken);
                if (page.Count == 0)
                    return Fault($"the operations end at version {version}, the document at version {record.Head}", record.Head);
                foreach (var operation in page)
                {
                    if (operation.Version != ++version)
                        return Fault($"version {version} is missing", version);
                    AuditChain.Link(link, operation, link);
                    if (links.Count == 0)
                    {
                        foreach (var next in await _log.ReadAuditLinksAsync(record.Id, version - 1, PageLinks, cancellationToken))
                            links.Enqueue(next);
                    }

                    if (kept?.Version == version && !kept.Value.Hash.Span.SequenceEqual(link))
                        return Fault($"the link of version {version} is not the one that was kept elsewhere", version);
                    if (!links.TryPeek(out var stored) || stored.Version > version)
                        continue;
                    links.Dequeue();
                    if (stored.Version != version || !stored.Hash.Span.SequenceEqual(link))
                        return Fault("what is in the log does not lead to the link that was written with it", version);
                    sound = version;
                }
            }

            // Whoever sets the head back hides what was written after it. It may have grown by itself, too: looked at again.
            if (await _log.ReadAuditLinksAsync(record.Id, record.Head, 1, cancellationToken) is [{ } past, ..]
                && (await _log.FindAsync(record.Id, cancellationToken))?.Head < past.Version)
                return Fault($"version {past.Version} stands beyond the document's head", past.Version);
        }
        catch (LogUnusableException exception)
        {
            // Somewhere in what it was to read: how far it came, it doesn't say.
            return Fault(exception.Message, record.Head);
        }

        return sound == record.Head
            ? new AuditVerification(record.Id, record.Head, record.Head, new AuditLink(record.Head, link), null)
            : Fault("the link of the newest version is missing", record.Head);

        AuditVerification Fault(string what, long last) =>
            new(record.Id, record.Head, sound, default, new AuditFault(sound + 1, last, what));
    }

    /// <summary>Tells who wrote each part of a stretch of a document, and when.</summary>
    /// <param name="documentId">A document of text or rich text.</param>
    /// <param name="version">Of which version; null for the newest.</param>
    /// <param name="from">Where the stretch begins, in UTF-16 code units.</param>
    /// <param name="to">Where it ends; null for the document's end.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="RefusedException">
    /// There is no such document or version; or it is JSON, which has no positions; or the stretch isn't within it.
    /// </exception>
    /// <exception cref="LogUnavailableException">The log can't be read just now.</exception>
    public async Task<Authorship> FindAuthorsAsync(
        string documentId, long? version, int from, int? to, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken);
        try
        {
            return await FindAuthorsInTurnAsync(documentId, version, from, to, cancellationToken);
        }
        catch (OperationException exception)
        {
            throw new RefusedException(Refusals.DocumentUnreadable(documentId), exception);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<Authorship> FindAuthorsInTurnAsync(
        string documentId, long? version, int from, int? to, CancellationToken cancellationToken)
    {
        var record = await FindAsync(documentId, cancellationToken);
        if (DocumentType.Find(record.Type) is not { HasPositions: true })
            throw new RefusedException(Refusals.NoAuthors(record.Type));
        var through = version ?? record.Head;
        if (through < 0 || through > record.Head)
            throw new RefusedException(Refusals.VersionUnknown(through, record.Head));

        var provenance = new Provenance();
        await foreach (var operation in ReadAsync(record.Id, through, cancellationToken))
            provenance.Apply(operation.Version, operation.Bytes.Span);
        var end = to ?? provenance.Length;
        if (from < 0 || from > end || end > provenance.Length)
            throw new RefusedException(Refusals.RangeUnknown(from, end, provenance.Length));
        var runs = provenance.Read(from, end - from);

        // Only now is it known whose operations are asked for: so nothing was kept of all the others.
        var wanted = runs.Select(static run => run.Version).ToHashSet();
        var found = new Dictionary<long, LoggedOperation>(wanted.Count);
        if (wanted.Count > 0)
        {
            await foreach (var operation in ReadAsync(record.Id, wanted.Max(), cancellationToken, wanted.Min() - 1))
            {
                if (wanted.Contains(operation.Version))
                    found.Add(operation.Version, operation with { Bytes = default });
            }
        }

        return new Authorship(record.Id, through, provenance.Length, [.. runs.Select(run =>
        {
            var operation = found[run.Version];
            return new AuthoredRun(
                run.Position, run.Length, operation.Author, operation.ClientId, operation.CommittedAt, run.Version,
                operation.BaseVersion);
        })]);
    }

    private async IAsyncEnumerable<LoggedOperation> ReadAsync(
        string documentId, long throughVersion,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken,
        long afterVersion = 0)
    {
        while (afterVersion < throughVersion)
        {
            var page = await _log.ReadHistoryAsync(documentId, afterVersion, throughVersion, PageBytes, cancellationToken);
            if (page.Count == 0 || page[0].Version != afterVersion + 1)
                throw new RefusedException(Refusals.DocumentUnreadable(documentId));
            foreach (var operation in page)
                yield return operation;
            afterVersion = page[^1].Version;
        }
    }

    private async Task<DocumentRecord> FindAsync(string documentId, CancellationToken cancellationToken)
    {
        if (!DocumentIds.IsValid(documentId))
            throw new RefusedException(Refusals.InvalidDocumentId);
        return await _log.FindAsync(documentId, cancellationToken)
            ?? throw new RefusedException(Refusals.DocumentNotFound(documentId));
    }
}
