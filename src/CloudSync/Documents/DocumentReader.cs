// A document is the fold of its operations (law 1): this folds them, to the head or to any version there was.

using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

/// <summary>A document's content, and the snapshot it was built from.</summary>
/// <param name="State">The content.</param>
/// <param name="SnapshotVersion">The version of the snapshot; 0 if there was none.</param>
/// <param name="SnapshotBytes">Its size.</param>
/// <param name="TailBytes">The size of the operations after it.</param>
internal readonly record struct FoldedDocument(
    DocumentState State, long SnapshotVersion, int SnapshotBytes, long TailBytes = 0);

internal sealed class DocumentReader(IOperationLog log, ILogger<DocumentReader> logger)
{
    /// <summary>Operations read from the log at a time.</summary>
    public const int PageOperations = 16_384;

    /// <summary>Bytes of operations read from the log at a time.</summary>
    public const int PageBytes = 4 << 20;

    /// <summary>The content at a version, which must not be beyond the head.</summary>
    /// <param name="record">The document.</param>
    /// <param name="version">The version.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <param name="isHistory">The record has just been read, so that all these operations are known to exist.</param>
    /// <exception cref="RefusedException">
    /// The log holds what can't be folded: DOCUMENT_UNREADABLE. It was deleted since its record was read: DOCUMENT_NOT_FOUND.
    /// </exception>
    public async Task<FoldedDocument> FoldAsync(
        DocumentRecord record, long version, CancellationToken cancellationToken, bool isHistory = false)
    {
        try
        {
            var type = DocumentType.Find(record.Type)
                ?? throw new InvalidDataException($"There is no document type '{record.Type}'.");
            var folded = await NewestSnapshotAsync(record.Id, type, version, cancellationToken);
            var (reached, bytes) = (folded.SnapshotVersion, 0L);
            while (reached < version)
            {
                var count = (int)Math.Min(PageOperations, version - reached);
                var page = isHistory
                    ? await log.ReadHistoryAsync(record.Id, reached, reached + count, PageBytes, cancellationToken)
                    : await log.ReadAsync(record.Id, reached, count, PageBytes, cancellationToken);
                if (page.Count == 0 && await log.FindAsync(record.Id, cancellationToken) is null)
                    throw new RefusedException(Refusals.DocumentNotFound(record.Id));
                if (page.Count == 0)
                    throw new InvalidDataException($"The log ends at version {reached}; it said that there is {version}.");
                foreach (var operation in page)
                {
                    if (operation.Version != ++reached)
                        throw new InvalidDataException($"The log gave version {operation.Version} where {reached} had to be.");
                    folded.State.Apply(operation.Bytes.Span);
                    bytes += operation.Bytes.Length;
                }
            }

            return folded with { TailBytes = bytes };
        }
        catch (Exception exception) when (exception is OperationException or InvalidDataException or LogUnusableException)
        {
            logger.DocumentUnreadable(record.Id, exception);
            throw new RefusedException(Refusals.DocumentUnreadable(record.Id), exception);
        }
    }

    // A snapshot is only a shortcut: one that can't be used is passed over for an older one, and in the end for none.
    private async Task<FoldedDocument> NewestSnapshotAsync(
        string documentId, DocumentType type, long version, CancellationToken cancellationToken)
    {
        while (version > 0 && await log.FindSnapshotAsync(documentId, version, cancellationToken) is { } snapshot)
        {
            try
            {
                return new(type.DecodeSnapshot(snapshot.State.Span), snapshot.Version, snapshot.State.Length);
            }
            catch (OperationException exception)
            {
                logger.SnapshotUnusable(documentId, snapshot.Version, exception.Message);
                version = snapshot.Version - 1;
            }
        }

        return new(type.CreateEmpty(), 0, 0);
    }
}
