// Documents for code that runs in the server: create, list, read at any version or moment, edit, rename, delete.
// REST is made of this; a host application uses it too.

using System.Buffers;
using System.Text;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Documents;

/// <summary>
/// The documents of this server, for its own code. Registered by AddCloudSync(). Thread-safe.
/// </summary>
/// <remarks>Every method throws <see cref="RefusedException"/> with the reason when it can't do what was asked.</remarks>
public abstract class DocumentService
{
    /// <summary>Creates a document, empty or with content, which becomes version 1.</summary>
    /// <param name="id">1 to 64 characters of A–Z a–z 0–9 - _; null for a random one.</param>
    /// <param name="type">"rich-text", "text" or "json".</param>
    /// <param name="title">At most 200 characters, trimmed.</param>
    /// <param name="author">The id of the user, or empty.</param>
    /// <param name="content">The content as a snapshot of the type; empty for none.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <exception cref="DocumentExistsException">The id is taken.</exception>
    public abstract Task<DocumentRecord> CreateAsync(
        string? id, string type, string title, string author, ReadOnlyMemory<byte> content,
        CancellationToken cancellationToken);

    /// <summary>The document's record, as the log has it.</summary>
    public abstract Task<DocumentRecord> GetAsync(string documentId, CancellationToken cancellationToken);

    /// <summary>Documents, the most recently changed first.</summary>
    /// <param name="after">Where the previous page ended, or null.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public abstract Task<IReadOnlyList<DocumentRecord>> ListAsync(
        DocumentCursor? after, int limit, CancellationToken cancellationToken);

    /// <summary>Gives a document another title.</summary>
    public abstract Task<DocumentRecord> RenameAsync(
        string documentId, string title, CancellationToken cancellationToken);

    /// <summary>Deletes a document: those who have it open hear Closed(DELETED). Its id is never used again.</summary>
    public abstract Task DeleteAsync(string documentId, CancellationToken cancellationToken);

    /// <summary>The content at the head (<paramref name="version"/> null) or at any version there was.</summary>
    public abstract Task<DocumentContent> ReadAsync(
        string documentId, long? version, CancellationToken cancellationToken);

    /// <summary>The content as it was at a moment.</summary>
    public abstract Task<DocumentContent> ReadAtAsync(
        string documentId, DateTimeOffset moment, CancellationToken cancellationToken);

    /// <summary>Operations in order of version, beginning after <paramref name="afterVersion"/>.</summary>
    /// <param name="documentId">The document.</param>
    /// <param name="afterVersion">0 for the first.</param>
    /// <param name="limit">1 to 1,000.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public abstract Task<IReadOnlyList<LoggedOperation>> ReadOperationsAsync(
        string documentId, long afterVersion, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Edits a document as a client would: the operation is transformed over what was committed since its base.
    /// </summary>
    /// <param name="documentId">The document.</param>
    /// <param name="edit">The operation.</param>
    /// <param name="cancellationToken">Cancels the wait, not the edit.</param>
    /// <returns>The operation as it was committed; when it was resent, as it had been committed then.</returns>
    public abstract Task<LoggedOperation> AppendAsync(
        string documentId, DocumentEdit edit, CancellationToken cancellationToken);
}

/// <summary>The content of a document at a version.</summary>
/// <param name="Record">The document.</param>
/// <param name="Version">The version.</param>
/// <param name="State">Its content; the reader's own.</param>
public sealed record DocumentContent(DocumentRecord Record, long Version, DocumentState State)
{
    /// <summary>Text: the content as a delta of inserts, which also gives its JSON and its plain text.</summary>
    /// <exception cref="InvalidOperationException">The document is JSON: use <see cref="ToJson"/>.</exception>
    public Delta ToDelta() => State.Type == DocumentType.Json
        ? throw new InvalidOperationException("A JSON document is no delta.")
        : Delta.FromBytes(EncodeSnapshot());

    /// <summary>The content as JSON: a JSON document itself, of text the delta.</summary>
    public string ToJson() => State.Type == DocumentType.Json
        ? Encoding.UTF8.GetString(EncodeSnapshot().Span)
        : ToDelta().ToJson();

    private ReadOnlyMemory<byte> EncodeSnapshot()
    {
        var bytes = new ArrayBufferWriter<byte>();
        State.EncodeSnapshot(bytes);
        return bytes.WrittenMemory;
    }
}

/// <summary>An edit made by the server's own code.</summary>
/// <param name="Operation">Its binary form.</param>
/// <param name="BaseVersion">The version it was made on; null for the head, whatever that is.</param>
/// <param name="Author">The id of the user, or empty.</param>
/// <param name="ClientId">With <paramref name="ClientSequence"/> a name under which it is applied once; 0 for a random one.</param>
/// <param name="ClientSequence">From 1; 0 with a random client id.</param>
public sealed record DocumentEdit(
    ReadOnlyMemory<byte> Operation, long? BaseVersion = null, string Author = "", ulong ClientId = 0,
    ulong ClientSequence = 0);
