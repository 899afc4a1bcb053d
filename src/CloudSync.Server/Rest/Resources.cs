// What the REST interface takes and gives, as JSON. The descriptions go into the OpenAPI document.

using System.ComponentModel;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Server.Rest;

[Description("A document, without its content.")]
internal sealed record DocumentResource(
    [property: Description("Its id: 1 to 64 characters of A–Z a–z 0–9 - _.")] string Id,
    [property: Description("\"rich-text\", \"text\" or \"json\".")] string Type,
    [property: Description("Shown in lists; may be empty.")] string Title,
    [property: Description("The newest version: the number of operations committed.")] long Version,
    [property: Description("When it was created.")] DateTime CreatedAt,
    [property: Description("The id of the user who created it, or empty.")] string CreatedBy,
    [property: Description("When its newest operation was committed.")] DateTime ChangedAt)
{
    public static DocumentResource Of(DocumentRecord record) => new(
        record.Id, record.Type, record.Title, record.Head, record.CreatedAt.UtcDateTime, record.CreatedBy,
        record.ChangedAt.UtcDateTime);
}

[Description("A page of documents.")]
internal sealed record DocumentPage(
    [property: Description("The most recently changed first.")] IReadOnlyList<DocumentResource> Documents,
    [property: Description("Pass it as 'after' to get the next page; not there on the last one.")] string? Next);

[Description("A document to create.")]
internal sealed record CreateDocumentRequest(
    [property: Description("1 to 64 characters of A–Z a–z 0–9 - _; a random one if left out.")] string? Id = null,
    [property: Description("\"rich-text\" (the default), \"text\" or \"json\".")] string Type = "rich-text",
    [property: Description("At most 200 characters.")] string Title = "",
    [property: Description("The id of the user who creates it; at most 64 characters.")] string Author = "",
    [property: Description(
        "What it begins with, which becomes version 1: a delta of inserts only, or, in a JSON document, any JSON. Empty "
        + "(JSON: null) if left out.")]
    RawJson? Content = null);

[Description("A new title.")]
internal sealed record RenameDocumentRequest(
    [property: Description("At most 200 characters.")] string Title);

[Description("The content of a document at one version.")]
internal sealed record SnapshotResource(
    [property: Description("The document.")] string Id,
    [property: Description("\"rich-text\", \"text\" or \"json\".")] string Type,
    [property: Description("The version this is.")] long Version,
    [property: Description("The content: a delta of inserts, or, of a JSON document, the document.")]
    RawJson Content);

[Description("An operation as it was committed.")]
internal sealed record OperationResource(
    [property: Description("The version it led to.")] long Version,
    [property: Description("The version its client made it on, before it was transformed.")] long BaseVersion,
    [property: Description("The id of the user, or empty.")] string Author,
    [property: Description("When it was committed.")] DateTime CommittedAt,
    [property: Description("The client that made it: an unsigned 64-bit number in decimal.")] string ClientId,
    [property: Description("The client's number for it, from 1.")] ulong ClientSequence,
    [property: Description("Text: the operation, transformed to follow its predecessor.")] Delta? Delta,
    [property: Description("JSON: the same, as json0 has it.")] RawJson? Operation)
{
    public static OperationResource Of(DocumentRecord document, in LoggedOperation operation)
    {
        var json = RawJson.OfOperation(document, operation);
        return new(
            operation.Version, operation.BaseVersion, operation.Author, operation.CommittedAt.UtcDateTime,
            operation.ClientId.ToString(), operation.ClientSequence,
            json is null ? Delta.FromBytes(operation.Bytes) : null, json);
    }
}

[Description("A page of operations.")]
internal sealed record OperationPage(
    [property: Description("In order of version.")] IReadOnlyList<OperationResource> Operations,
    [property: Description("Pass it as 'after' to get the next page; not there at the head.")] long? Next);

[Description("An edit made by the server's own code or another program.")]
internal sealed record AppendOperationRequest(
    [property: Description("Text: the operation: inserts, retains and deletes.")] Delta? Delta = null,
    [property: Description("JSON: the operation, a list of components as json0 has them.")] RawJson? Operation = null,
    [property: Description("The version it was made on; the head, whatever that is, if left out.")]
    long? BaseVersion = null,
    [property: Description("The id of the user; at most 64 characters.")] string Author = "",
    [property: Description(
        "An unsigned 64-bit number in decimal, not 0. With 'clientSequence' a name under which the operation is "
        + "committed once, however often it is sent with the same 'baseVersion'.")]
    string? ClientId = null,
    [property: Description("From 1, one more for each operation of this client in this document.")]
    ulong? ClientSequence = null);
