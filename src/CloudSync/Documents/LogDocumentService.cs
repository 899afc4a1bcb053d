// The service for the server's own code, on the log and the open documents.

using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Documents;

internal sealed class LogDocumentService(
    IOperationLog log, OpenDocuments documents, VersionReader versions, CloudSyncOptions options, TimeProvider time,
    Func<ulong> newClientId)
    : DocumentService
{
    private const int MaxTitleLength = 200;
    private const int MaxReadBytes = 16 << 20;

    public override async Task<DocumentRecord> CreateAsync(
        string? id, string type, string title, string author, ReadOnlyMemory<byte> content,
        CancellationToken cancellationToken)
    {
        id ??= RandomId();
        if (!DocumentIds.IsValid(id))
            throw new RefusedException(Refusals.InvalidDocumentId);
        var documentType = DocumentType.Find(type) ?? throw new RefusedException(Refusals.UnknownType(type));
        title = CheckTitle(title);
        content = CheckContent(documentType, content);
        var document = new NewDocument(id, type, title, CommitClock.Now(time), author);
        await Reach(CreateAsync(document, cancellationToken));
        if (content.Length > 0)
            await AppendAsync(id, new DocumentEdit(content, BaseVersion: 0, Author: author), cancellationToken);
        return await GetAsync(id, cancellationToken);
    }

    private async Task<bool> CreateAsync(NewDocument document, CancellationToken cancellationToken)
    {
        await log.CreateAsync(document, cancellationToken);
        return true;
    }

    // Before anything is created: content that can't be written must not leave an empty document behind.
    // Returns the operation that makes the content.
    private ReadOnlyMemory<byte> CheckContent(DocumentType type, ReadOnlyMemory<byte> content)
    {
        if (content.Length == 0)
            return content;
        try
        {
            if (content.Length > options.Limits.OperationBytes)
                throw new RefusedException(Refusals.OperationTooLarge(content.Length, options.Limits.OperationBytes));
            var state = type.DecodeSnapshot(content.Span);
            if (state.Length > options.Limits.DocumentLength)
                throw new RefusedException(Refusals.DocumentTooLarge(state.Length, options.Limits.DocumentLength));
            if (state.Bytes > options.Limits.DocumentBytes)
                throw new RefusedException(Refusals.DocumentTooLargeInBytes(options.Limits.DocumentBytes));
            var snapshot = new ArrayBufferWriter<byte>(content.Length + 16);
            state.EncodeSnapshot(snapshot);
            var creation = new ArrayBufferWriter<byte>(snapshot.WrittenCount + 16);
            type.EncodeCreation(snapshot.WrittenSpan, creation);
            if (creation.WrittenCount > options.Limits.OperationBytes)
                throw new RefusedException(Refusals.OperationTooLarge(creation.WrittenCount, options.Limits.OperationBytes));
            return creation.WrittenMemory;
        }
        catch (OperationException exception)
        {
            throw new RefusedException(Refusals.OperationRefused(exception), exception);
        }
    }

    public override async Task<DocumentRecord> GetAsync(string documentId, CancellationToken cancellationToken)
    {
        if (!DocumentIds.IsValid(documentId))
            throw new RefusedException(Refusals.InvalidDocumentId);
        return await Reach(log.FindAsync(documentId, cancellationToken))
            ?? throw new RefusedException(Refusals.DocumentNotFound(documentId));
    }

    public override Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        return Reach(log.ListAsync(after, limit, cancellationToken));
    }

    public override async Task<DocumentRecord> RenameAsync(
        string documentId, string title, CancellationToken cancellationToken)
    {
        await GetAsync(documentId, cancellationToken);
        title = CheckTitle(title);
        if (!await Reach(log.RenameAsync(documentId, title, cancellationToken)))
            throw new RefusedException(Refusals.DocumentNotFound(documentId));
        if (documents.Find(documentId) is { } document)
            document.Rename(title);
        documents.PublishRecordChanged(documentId);
        return await GetAsync(documentId, cancellationToken);
    }

    public override async Task DeleteAsync(string documentId, CancellationToken cancellationToken)
    {
        await GetAsync(documentId, cancellationToken);
        if (!await Reach(log.DeleteAsync(documentId, CommitClock.Now(time), cancellationToken)))
            throw new RefusedException(Refusals.DocumentNotFound(documentId));
        documents.Find(documentId)?.EndDeleted();
        documents.PublishRecordChanged(documentId);
    }

    public override async Task<DocumentContent> ReadAsync(
        string documentId, long? version, CancellationToken cancellationToken)
    {
        var record = await GetAsync(documentId, cancellationToken);
        if (version is < 0 || version > record.Head)
            throw new RefusedException(Refusals.VersionUnknown(version.Value, record.Head));
        // What is open is at hand; if it is behind the log (another gateway writes), the log is read.
        if (version is null && documents.Find(documentId)?.ReadHead() is var (head, state) && head >= record.Head)
            return new(record, head, state);

        return await FoldAsync(record, version ?? record.Head, cancellationToken);
    }

    public override async Task<DocumentContent> ReadAtAsync(
        string documentId, DateTimeOffset moment, CancellationToken cancellationToken)
    {
        var record = await GetAsync(documentId, cancellationToken);
        var version = await Reach(log.FindVersionAsync(documentId, moment, cancellationToken))
            ?? throw new RefusedException(Refusals.DocumentNotFound(documentId));
        return await FoldAsync(record, version, cancellationToken);
    }

    private async Task<DocumentContent> FoldAsync(
        DocumentRecord record, long version, CancellationToken cancellationToken)
    {
        // The record comes from the log, whatever the cache holds: what was deleted is not read.
        return new(record, version, await Reach(versions.ReadAsync(record, version, cancellationToken)));
    }

    public override async Task<IReadOnlyList<LoggedOperation>> ReadOperationsAsync(
        string documentId, long afterVersion, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000);
        var record = await GetAsync(documentId, cancellationToken);
        if (afterVersion < 0 || afterVersion > record.Head)
            throw new RefusedException(Refusals.VersionUnknown(afterVersion, record.Head));
        return await Reach(log.ReadAsync(documentId, afterVersion, limit, MaxReadBytes, cancellationToken));
    }

    public override async Task<LoggedOperation> AppendAsync(
        string documentId, DocumentEdit edit, CancellationToken cancellationToken)
    {
        if (edit.ClientId != 0 && edit.BaseVersion is null)
            throw new RefusedException(Refusals.VersionRequired);
        var document = await documents.AcquireAsync(documentId, cancellationToken);
        try
        {
            var (clientId, sequence) = edit.ClientId == 0
                ? (newClientId(), 1UL)
                : (edit.ClientId, edit.ClientSequence);
            if (document.CheckOperation(edit.Operation.Span, sequence) is { } refusal)
                throw new RefusedException(refusal);
            var submission = new ServerEdit(clientId, sequence, edit.BaseVersion, edit.Author, edit.Operation.ToArray());
            document.Submit(submission);
            var (version, committed) = await submission.Outcome.WaitAsync(cancellationToken);
            if (committed is { } operation)
                return operation;
            // It was sent again and found; the document may have been deleted since.
            return await Reach(log.ReadAsync(documentId, version - 1, 1, MaxReadBytes, cancellationToken)) is [var found, ..]
                ? found
                : throw new RefusedException(Refusals.DocumentNotFound(documentId));
        }
        finally
        {
            document.Release();
        }
    }

    private static string CheckTitle(string title)
    {
        title = title.Trim();
        // Not every log can hold a character of code 0.
        return title.Length <= MaxTitleLength && !title.Contains('\0', StringComparison.Ordinal)
            ? title
            : throw new RefusedException(Refusals.TitleInvalid);
    }

    // 96 bits: nobody guesses it, and no two are ever the same.
    private static string RandomId() =>
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(12)).Replace('+', '-').Replace('/', '_');

    /// <summary>A name for a program that gives none.</summary>
    public static ulong RandomClientId()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) | 1;
    }

    private static async Task<T> Reach<T>(Task<T> reading)
    {
        try
        {
            return await reading;
        }
        catch (LogUnavailableException exception)
        {
            throw new RefusedException(Refusals.LogUnavailable, exception);
        }
        catch (LogUnusableException exception)
        {
            throw new RefusedException(Refusals.LogDamaged, exception);
        }
    }
}
