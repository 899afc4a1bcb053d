// The log port: the only truth. A document is the fold of the operations that stand here.
//
// Two implementations: SQLite (CloudSync.Sqlite) and PostgreSQL. Both pass the suite in tests/CloudSync.Log.Contract.

namespace CloudSync.Log;

/// <summary>
/// The durable log of operations, the documents they belong to, and snapshots to read them faster.
/// </summary>
/// <remarks>
/// All methods are thread-safe. A method that can't reach stable storage throws <see cref="LogUnavailableException"/>;
/// after <see cref="AppendAsync"/> has thrown it the outcome is unknown and the caller must read the log to learn it.
/// A method that finds the log damaged throws <see cref="LogUnusableException"/>: trying again won't help.
/// </remarks>
public interface IOperationLog
{
    /// <summary>
    /// 32 random bytes that are this log's alone, and known to those only who may open it. Gateways on it seal with them what
    /// they tell each other, and what they cache. A log that documents were copied to has others.
    /// </summary>
    ReadOnlyMemory<byte> Key { get; }

    /// <summary>
    /// How many calls of <see cref="AppendAsync"/> one process does well to have under way at once: one, if they would only
    /// wait for each other. More are carried out all the same.
    /// </summary>
    int AppendsAtOnce => 1;

    /// <summary>Creates a document at version 0.</summary>
    /// <exception cref="DocumentExistsException">There is, or was, a document of that id.</exception>
    Task CreateAsync(NewDocument document, CancellationToken cancellationToken);

    /// <summary>One document, or null if there is none of that id or it was deleted.</summary>
    Task<DocumentRecord?> FindAsync(string documentId, CancellationToken cancellationToken);

    /// <summary>
    /// Documents that were not deleted, the most recently changed first, those changed at the same moment by descending
    /// id. A page ends at <paramref name="limit"/>.
    /// </summary>
    /// <param name="after">Where the previous page ended, or null for the first.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Documents that were not deleted, by id, so that none is missed because it was changed between two pages. For what
    /// copies a whole log.
    /// </summary>
    /// <param name="afterId">The last id of the previous page, or empty for the first.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<DocumentRecord>> ListByIdAsync(string afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Documents that were deleted, by id. For what copies a whole log: nobody else sees them.
    /// </summary>
    /// <param name="afterId">The last id of the previous page, or empty for the first.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<DeletedDocument>> ListDeletedAsync(
        string afterId, int limit, CancellationToken cancellationToken);

    /// <summary>A document that was deleted; null if none of this id was. For what copies or delivers a whole log.</summary>
    async Task<DeletedDocument?> FindDeletedAsync(string documentId, CancellationToken cancellationToken)
    {
        if (documentId.Length == 0)
            return null;
        // What comes next after the last id before this one. No id holds a '~'.
        var before = documentId[..^1] + (char)(documentId[^1] - 1) + "~";
        return await ListDeletedAsync(before, 1, cancellationToken) is [var deleted] && deleted.Record.Id == documentId ? deleted : null;
    }

    /// <summary>Renames a document; false if there is none.</summary>
    Task<bool> RenameAsync(string documentId, string title, CancellationToken cancellationToken);

    /// <summary>
    /// Marks a document as deleted; false if there is none. Its operations stay in the log, but it is no longer found,
    /// listed, read or appended to, and its id is never given to another.
    /// </summary>
    Task<bool> DeleteAsync(string documentId, DateTimeOffset deletedAt, CancellationToken cancellationToken);

    /// <summary>
    /// Appends to many documents in one durable write. For each document it is a compare-and-set on its head: either
    /// the head was <see cref="DocumentAppend.ExpectedHead"/> and all its operations are written, or none of them is.
    /// Documents don't influence each other. When it returns, what it says was appended is on stable storage.
    /// </summary>
    /// <param name="appends">At most one for each document.</param>
    /// <param name="cancellationToken">Honoured only before anything was written.</param>
    /// <returns>One result for each append, in the same order.</returns>
    Task<IReadOnlyList<AppendResult>> AppendAsync(
        IReadOnlyList<DocumentAppend> appends, CancellationToken cancellationToken);

    /// <summary>
    /// Reads operations in order of version, beginning after <paramref name="afterVersion"/>. Returns fewer than asked
    /// for only at the head or at <paramref name="maxBytes"/> (never fewer than one if there is one).
    /// </summary>
    /// <param name="documentId">The document.</param>
    /// <param name="afterVersion">The version before the first operation returned.</param>
    /// <param name="maxCount">1 to 100,000.</param>
    /// <param name="maxBytes">Roughly how many bytes of operations are read at the most.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Empty at the head, and for a document that does not exist.</returns>
    Task<IReadOnlyList<LoggedOperation>> ReadAsync(
        string documentId, long afterVersion, int maxCount, int maxBytes, CancellationToken cancellationToken);

    /// <summary>
    /// Reads operations that the caller knows to exist: those after <paramref name="afterVersion"/> up to
    /// <paramref name="throughVersion"/>, which never change any more. So they may come from a copy of the log that is a
    /// little behind, as long as it has them all; and a document that was deleted since still has them. Returns fewer than there are only at <paramref name="maxBytes"/> (never
    /// fewer than one) and at 100,000.
    /// </summary>
    /// <param name="documentId">The document.</param>
    /// <param name="afterVersion">The version before the first operation returned.</param>
    /// <param name="throughVersion">The newest version asked for; at most the head as the caller knows it.</param>
    /// <param name="maxBytes">Roughly how many bytes of operations are read at the most.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<LoggedOperation>> ReadHistoryAsync(
        string documentId, long afterVersion, long throughVersion, int maxBytes, CancellationToken cancellationToken);

    /// <summary>
    /// Reads ranges of many documents at once that the caller knows to exist, those of deleted documents too: for what passes
    /// on everything that is committed. All operations of a range, or null if they aren't at hand: whoever wants them then
    /// asks <see cref="ReadHistoryAsync"/>, which also says why. A log may leave out ranges of more than 1,000.
    /// </summary>
    /// <param name="ranges">Not empty each; at most 10,000.</param>
    /// <param name="maxBytes">Roughly how many bytes of operations are read at the most; ranges beyond it are null.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>One for each range, in the same order.</returns>
    async Task<IReadOnlyList<LoggedRange?>> ReadRangesAsync(
        IReadOnlyList<VersionRange> ranges, int maxBytes, CancellationToken cancellationToken)
    {
        var read = new LoggedRange?[ranges.Count];
        for (var i = 0; i < read.Length && maxBytes > 0; i++)
        {
            var (id, first, last) = ranges[i];
            try
            {
                var operations = await ReadHistoryAsync(id, first - 1, last, maxBytes, cancellationToken);
                maxBytes -= operations.Sum(static operation => operation.Bytes.Length);
                if (operations.Count != last - first + 1
                    || (await FindAsync(id, cancellationToken) ?? (await FindDeletedAsync(id, cancellationToken))?.Record) is not { } record)
                    continue;
                read[i] = new(record.Type, operations, await FindAuditLinkAsync(id, last, cancellationToken));
            }
            catch (LogUnusableException exception) when (exception.DocumentId == id)
            {
                // Nor are the others at hand any less.
            }
        }

        return read;
    }

    /// <summary>
    /// The links of a document's audit chain (<see cref="AuditChain"/>) that the log keeps, in order of version, beginning
    /// after <paramref name="afterVersion"/>: one for each operation that is kept by itself, and one for the last of each
    /// segment. The last link of all is the head's. Empty at the head and for a document that does not exist; if the log was
    /// tampered with, whatever stands beyond the head.
    /// </summary>
    /// <param name="documentId">The document.</param>
    /// <param name="afterVersion">The version before the first link returned.</param>
    /// <param name="maxCount">1 to 100,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<AuditLink>> ReadAuditLinksAsync(
        string documentId, long afterVersion, int maxCount, CancellationToken cancellationToken);

    /// <summary>The link of one version, if the log keeps it by itself; null too if it is damaged, which an audit tells of.</summary>
    async Task<AuditLink?> FindAuditLinkAsync(string documentId, long version, CancellationToken cancellationToken)
    {
        try
        {
            var links = await ReadAuditLinksAsync(documentId, version - 1, 1, cancellationToken);
            return links is [var link] && link.Version == version ? link : null;
        }
        catch (LogUnusableException exception) when (exception.DocumentId == documentId)
        {
            return null;
        }
    }

    /// <summary>
    /// The heads of many documents at once, in the order of the ids; -1 for a document that does not exist. How a
    /// gateway that hears nothing notices what the fan-out lost (law 5).
    /// </summary>
    /// <param name="documentIds">At most 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    Task<IReadOnlyList<long>> ReadHeadsAsync(IReadOnlyList<string> documentIds, CancellationToken cancellationToken);

    /// <summary>
    /// The newest version committed at or before a moment; 0 if there was none yet; null if there is no such document.
    /// Like the times in the log, the moment is cut off to microseconds.
    /// </summary>
    Task<long?> FindVersionAsync(string documentId, DateTimeOffset moment, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps a snapshot. One that is there for the same version is left as it is; one of a version beyond the head, or of
    /// a document that does not exist, is not kept.
    /// </summary>
    Task SaveSnapshotAsync(
        string documentId, long version, ReadOnlyMemory<byte> state, CancellationToken cancellationToken);

    /// <summary>The newest snapshot at or before a version, or null if there is none.</summary>
    Task<LoggedSnapshot?> FindSnapshotAsync(
        string documentId, long atOrBeforeVersion, CancellationToken cancellationToken);

    /// <summary>
    /// Packs the oldest operations that are still kept one by one into a <see cref="HistorySegment"/>, and drops the
    /// snapshots that it makes superfluous. One call is one step, small enough not to hold up those who append; it is
    /// called again until it has nothing more to do.
    /// </summary>
    /// <remarks>
    /// No reader sees a difference: every operation is read as before, to the last byte. A step is one durable write, so
    /// that an operation is at any moment either in a segment or by itself, whatever happens. Several may pack the same
    /// document at the same time, in one process or in many: each step is done by one of them. Of the snapshots within one
    /// segment the newest is kept, and always a document's two newest.
    /// </remarks>
    /// <param name="documentId">The document.</param>
    /// <param name="throughVersion">The newest version to pack; the operations after it stay as they are.</param>
    /// <param name="minOperations">Does nothing if there are fewer to pack; at least 1.</param>
    /// <param name="cancellationToken">Honoured only before anything was written.</param>
    /// <returns>What this step did: nothing, for a document that does not exist.</returns>
    Task<PackResult> PackAsync(
        string documentId, long throughVersion, int minOperations, CancellationToken cancellationToken);
}

/// <summary>A document to create.</summary>
/// <param name="Id">1 to 64 characters of A–Z a–z 0–9 - _.</param>
/// <param name="Type">The name of its <see cref="Operations.DocumentType"/>.</param>
/// <param name="Title">Shown in lists; at most 200 characters.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="CreatedBy">The id of the user, or empty.</param>
public sealed record NewDocument(string Id, string Type, string Title, DateTimeOffset CreatedAt, string CreatedBy);

/// <summary>A document as the log knows it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">The name of its type.</param>
/// <param name="Title">Its title.</param>
/// <param name="Head">The newest version: the number of operations committed.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="CreatedBy">By whom.</param>
/// <param name="ChangedAt">When its newest operation was committed; <paramref name="CreatedAt"/> at version 0.</param>
public sealed record DocumentRecord(
    string Id, string Type, string Title, long Head, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset ChangedAt)
{
    /// <summary>The cursor that continues a list after this document.</summary>
    public DocumentCursor Cursor => new(ChangedAt, Id);
}

/// <summary>A document that was deleted. Its operations are still in the log.</summary>
/// <param name="Record">What it was.</param>
/// <param name="DeletedAt">When it was deleted.</param>
public sealed record DeletedDocument(DocumentRecord Record, DateTimeOffset DeletedAt);

/// <summary>A place in the list of documents.</summary>
/// <param name="ChangedAt">The <see cref="DocumentRecord.ChangedAt"/> of the last document seen.</param>
/// <param name="Id">Its id.</param>
public sealed record DocumentCursor(DateTimeOffset ChangedAt, string Id);

/// <summary>What is to be appended to one document.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="ExpectedHead">The head it must have: the first operation becomes version ExpectedHead + 1.</param>
/// <param name="Operations">One or more, in order.</param>
public sealed record DocumentAppend(
    string DocumentId, long ExpectedHead, IReadOnlyList<NewOperation> Operations);

/// <summary>An operation to append.</summary>
/// <param name="ClientId">The client that made it; with <paramref name="ClientSequence"/> its name.</param>
/// <param name="ClientSequence">The client's number for it, from 1.</param>
/// <param name="BaseVersion">The version the client made it on, before it was transformed.</param>
/// <param name="Author">The id of the user, or empty.</param>
/// <param name="CommittedAt">
/// When; in microseconds, anything finer is cut off. The log raises a time before its predecessor's to that one.
/// </param>
/// <param name="Bytes">The operation in its binary form, transformed to follow its predecessor.</param>
public readonly record struct NewOperation(
    ulong ClientId, ulong ClientSequence, long BaseVersion, string Author, DateTimeOffset CommittedAt,
    ReadOnlyMemory<byte> Bytes);

/// <summary>An operation in the log.</summary>
/// <param name="Version">The version it led to.</param>
/// <param name="ClientId">The client that made it.</param>
/// <param name="ClientSequence">The client's number for it.</param>
/// <param name="BaseVersion">The version the client made it on.</param>
/// <param name="Author">The id of the user, or empty.</param>
/// <param name="CommittedAt">When it was committed.</param>
/// <param name="Bytes">Its binary form.</param>
public readonly record struct LoggedOperation(
    long Version, ulong ClientId, ulong ClientSequence, long BaseVersion, string Author, DateTimeOffset CommittedAt,
    ReadOnlyMemory<byte> Bytes);

/// <summary>Operations of one document, by version.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="First">The version of the first.</param>
/// <param name="Last">The version of the last.</param>
public readonly record struct VersionRange(string DocumentId, long First, long Last);

/// <summary>All operations of a range.</summary>
/// <param name="DocumentType">The name of the document's type.</param>
/// <param name="Operations">In order of version.</param>
/// <param name="Link">The audit chain's link of the last one, if the log keeps that one by itself.</param>
public sealed record LoggedRange(string DocumentType, IReadOnlyList<LoggedOperation> Operations, AuditLink? Link);

/// <summary>A snapshot in the log.</summary>
/// <param name="Version">The version it shows.</param>
/// <param name="State">What <see cref="Operations.DocumentState.EncodeSnapshot"/> wrote.</param>
public sealed record LoggedSnapshot(long Version, ReadOnlyMemory<byte> State);

/// <summary>How an append to one document ended.</summary>
public enum AppendOutcome
{
    /// <summary>Its operations are on stable storage.</summary>
    Appended,

    /// <summary>The head was not the expected one; nothing of this document was written.</summary>
    Conflict,

    /// <summary>There is no such document, or it was deleted; nothing was written.</summary>
    NotFound,
}

/// <summary>The result of an append to one document.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Head">The document's head now; 0 if not found.</param>
public readonly record struct AppendResult(AppendOutcome Outcome, long Head);

/// <summary>What one step of packing did.</summary>
/// <param name="Operations">How many operations it packed; 0 if there was nothing to do, or another has done it.</param>
/// <param name="PackedThrough">All operations up to this version are in segments now.</param>
/// <param name="SnapshotsRemoved">How many snapshots it dropped.</param>
public readonly record struct PackResult(int Operations, long PackedThrough, int SnapshotsRemoved);
