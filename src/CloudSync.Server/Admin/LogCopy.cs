// Copies a whole log into another one, of whatever kind: a migration, a backup, and the way back from a backup. Each document
// is copied operation by operation and then proved: both logs have the same audit link at its head, which each computed from
// what it holds. Begun again, it goes on where it stopped, and takes along what has come since.

using CloudSync.Log;

namespace CloudSync.Server.Admin;

/// <summary>How a copy ended.</summary>
/// <param name="Documents">Documents that are in both now.</param>
/// <param name="Deleted">Of these, those that are deleted.</param>
/// <param name="Copied">Operations that were copied this time.</param>
/// <param name="Operations">Operations that both have now.</param>
/// <param name="Differing">Ids of documents that hold something else in the target, and were left as they are.</param>
/// <param name="Damaged">Documents whose own data is damaged: what comes before the damage was copied.</param>
internal sealed record LogCopyResult(
    long Documents, long Deleted, long Copied, long Operations, IReadOnlyList<string> Differing,
    IReadOnlyList<DamagedDocument> Damaged);

/// <summary>A document that can't be copied as a whole.</summary>
/// <param name="Id">Its id.</param>
/// <param name="CopiedThrough">The target has it up to this version.</param>
/// <param name="Head">The version that it should have.</param>
/// <param name="Reason">What is wrong.</param>
internal sealed record DamagedDocument(string Id, long CopiedThrough, long Head, string Reason);

internal sealed class LogCopy(IOperationLog source, IOperationLog target, Action<long, long> progress)
{
    private const int PageDocuments = 500;
    private const int DocumentsAtATime = 8;
    private const int AppendOperations = 4_096;
    private const int PageBytes = 4 << 20;
    private const int LinksAtATime = 10_000;

    // Packed as the server would: the newest operations of a document stay by themselves.
    private const int TailOperations = 2_048;
    private const int PackOperations = 4_096;

    private readonly List<string> _differing = [];
    private readonly List<DamagedDocument> _damaged = [];
    private long _documents;
    private long _deleted;
    private long _copied;
    private long _operations;

    public async Task<LogCopyResult> RunAsync(CancellationToken stop)
    {
        // By id: what is changed meanwhile keeps its place in the list.
        var afterId = "";
        while (await source.ListByIdAsync(afterId, PageDocuments, stop) is { Count: > 0 } page)
        {
            await CopyAsync(page.Select(static record => new DeletedDocument(record, default)), stop);
            afterId = page[^1].Id;
        }

        // Last: what was deleted while the others were copied is among them.
        afterId = "";
        while (await source.ListDeletedAsync(afterId, PageDocuments, stop) is { Count: > 0 } page)
        {
            await CopyAsync(page, stop);
            afterId = page[^1].Record.Id;
        }

        return new LogCopyResult(_documents, _deleted, _copied, _operations, [.. _differing.Order(StringComparer.Ordinal)],
            [.. _damaged.OrderBy(static document => document.Id, StringComparer.Ordinal)]);
    }

    private Task CopyAsync(IEnumerable<DeletedDocument> documents, CancellationToken stop) => Parallel.ForEachAsync(
        documents, new ParallelOptions { MaxDegreeOfParallelism = DocumentsAtATime, CancellationToken = stop },
        async (document, stopping) => await CopyUnlessDamagedAsync(document, stopping));

    // One damaged document is no reason to lose the others too.
    private async Task CopyUnlessDamagedAsync(DeletedDocument document, CancellationToken stop)
    {
        var record = document.Record;
        try
        {
            await CopyAsync(document, stop);
        }
        catch (LogUnusableException exception) when (exception.DocumentId == record.Id)
        {
            var copied = (await target.FindAsync(record.Id, stop))?.Head ?? 0;
            // What was deleted doesn't come back because it is damaged.
            if (document.DeletedAt != default)
                await target.DeleteAsync(record.Id, document.DeletedAt, stop);
            lock (_damaged)
                _damaged.Add(new DamagedDocument(record.Id, copied, record.Head, exception.Message));
        }
    }

    private async Task CopyAsync(DeletedDocument document, CancellationToken stop)
    {
        // A title of former times may have what PostgreSQL can't hold.
        var record = document.Record with { Title = document.Record.Title.Replace("\0", "", StringComparison.Ordinal) };
        var isDeleted = document.DeletedAt != default;
        var copied = await target.FindAsync(record.Id, stop);
        if (copied is null)
        {
            try
            {
                await target.CreateAsync(
                    new NewDocument(record.Id, record.Type, record.Title, record.CreatedAt, record.CreatedBy), stop);
            }
            catch (DocumentExistsException)
            {
                // Deleted in the target. If an earlier copy brought it along, that was proved before it was deleted there.
                if (isDeleted && await target.FindDeletedAsync(record.Id, stop) is { } there && IsSame(document, there))
                    Count(isDeleted, record.Head);
                else
                    Differs(record.Id);
                return;
            }

            copied = record with { Head = 0 };
        }
        else if (copied.Type != record.Type || copied.CreatedAt != record.CreatedAt || copied.Head > record.Head
            || !await HaveSameLinkAsync(record.Id, copied.Head, stop))
        {
            // With another past, not even the operations that it lacks may be added to it.
            Differs(record.Id);
            return;
        }

        if (copied.Head < record.Head)
        {
            if (!await CopyOperationsAsync(record, copied.Head, stop))
            {
                Differs(record.Id);
                return;
            }

            if (!await HaveSameLinkAsync(record.Id, record.Head, stop))
                throw Damaged(record.Id, $"The operations of document '{record.Id}' don't lead to its audit link");
        }

        if (copied.Title != record.Title)
            await target.RenameAsync(record.Id, record.Title, stop);
        if (isDeleted)
            await target.DeleteAsync(record.Id, document.DeletedAt, stop);
        else if (await source.FindSnapshotAsync(record.Id, record.Head, stop) is { } snapshot)
            await target.SaveSnapshotAsync(record.Id, snapshot.Version, snapshot.State, stop);
        Count(isDeleted, record.Head);
    }

    private async Task<bool> CopyOperationsAsync(DocumentRecord record, long head, CancellationToken stop)
    {
        var most = AppendOperations;
        while (head < record.Head)
        {
            IReadOnlyList<LoggedOperation> page;
            try
            {
                page = await source.ReadHistoryAsync(record.Id, head, Math.Min(record.Head, head + most), PageBytes, stop);
                if (page.Count == 0)
                    throw Damaged(record.Id, $"The operations of document '{record.Id}' end at version {head}; its head is {record.Head}");
            }
            catch (LogUnusableException exception) when (exception.DocumentId == record.Id && most > 1)
            {
                // Up to the damage, all is saved.
                most /= 2;
                continue;
            }

            var operations = new NewOperation[page.Count];
            for (var i = 0; i < operations.Length; i++)
            {
                var operation = page[i];
                operations[i] = new NewOperation(
                    operation.ClientId, operation.ClientSequence, operation.BaseVersion, operation.Author,
                    operation.CommittedAt, operation.Bytes);
            }

            var result = (await target.AppendAsync([new DocumentAppend(record.Id, head, operations)], stop))[0];
            if (result.Outcome != AppendOutcome.Appended)
                return false;
            // One for each page, so that old versions are not far from a snapshot there either.
            if (await source.FindSnapshotAsync(record.Id, head + operations.Length, stop) is { } snapshot && snapshot.Version > head)
                await target.SaveSnapshotAsync(record.Id, snapshot.Version, snapshot.State, stop);
            head += operations.Length;
            progress(Interlocked.Read(ref _documents), Interlocked.Add(ref _copied, operations.Length));
            // As it goes, so that a long history is never there twice.
            if (head > TailOperations + PackOperations)
                await PackAsync(record.Id, head - TailOperations, stop);
        }

        return true;
    }

    private async Task PackAsync(string documentId, long throughVersion, CancellationToken stop)
    {
        while ((await target.PackAsync(documentId, throughVersion, PackOperations, stop)).Operations > 0)
        {
        }
    }

    /// <summary>Whether a document has the same past up to a version in both; in the target it is the head.</summary>
    private async Task<bool> HaveSameLinkAsync(string documentId, long version, CancellationToken stop)
    {
        if (version == 0)
            return true;
        if (await target.ReadAuditLinksAsync(documentId, version - 1, 1, stop) is not [var copied] || copied.Version != version)
            return false;
        var expected = await FindLinkAsync(documentId, version, stop);
        return copied.Hash.Span.SequenceEqual(expected.Span);
    }

    // The source doesn't keep the link of every version that is packed, and shows none of a deleted document's: it is computed
    // from the last one before it.
    private async Task<ReadOnlyMemory<byte>> FindLinkAsync(string documentId, long version, CancellationToken stop)
    {
        if (await source.ReadAuditLinksAsync(documentId, version - 1, 1, stop) is [var exact] && exact.Version == version)
            return exact.Hash;
        var kept = new AuditLink(0, AuditChain.Begin(documentId));
        for (var isThere = true; isThere;)
        {
            isThere = false;
            foreach (var next in await source.ReadAuditLinksAsync(documentId, kept.Version, LinksAtATime, stop))
            {
                isThere = next.Version <= version;
                if (!isThere)
                    break;
                kept = next;
            }
        }

        var link = kept.Hash.ToArray();
        for (var at = kept.Version; at < version;)
        {
            var page = await source.ReadHistoryAsync(documentId, at, version, PageBytes, stop);
            if (page.Count == 0)
                throw Damaged(documentId, $"The operations of document '{documentId}' end at version {at}");
            foreach (var operation in page)
                AuditChain.Link(link, operation, link);
            at = page[^1].Version;
        }

        return link;
    }

    private static LogUnusableException Damaged(string documentId, string what) => new(what + ".") { DocumentId = documentId };

    private static bool IsSame(DeletedDocument one, DeletedDocument other) =>
        one.Record with { Title = other.Record.Title } == other.Record && one.DeletedAt == other.DeletedAt;

    private void Count(bool isDeleted, long operations)
    {
        Interlocked.Increment(ref _documents);
        if (isDeleted)
            Interlocked.Increment(ref _deleted);
        Interlocked.Add(ref _operations, operations);
    }

    private void Differs(string documentId)
    {
        lock (_differing)
            _differing.Add(documentId);
    }
}
