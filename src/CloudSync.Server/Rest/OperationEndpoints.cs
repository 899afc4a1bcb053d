// /api/documents/{id}/operations: what was committed, and edits by programs.

using System.ComponentModel;
using System.Text;
using CloudSync.Documents;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudSync.Server.Rest;

internal static class OperationEndpoints
{
    public static void MapOperations(this IEndpointRouteBuilder documents)
    {
        documents.MapGet("{id}/operations", ListAsync)
            .WithName("listOperations")
            .WithSummary("Lists what was committed to a document, in order")
            .Problems(400, 404);
        documents.MapPost("{id}/operations", AppendAsync)
            .WithName("appendOperation")
            .WithSummary("Edits a document")
            .WithDescription(
                "As a client would: the operation is transformed over what was committed since its base version, and "
                + "everybody who has the document open sees it. Sent again with the same 'clientId' and "
                + "'clientSequence', it is not committed again: the answer is the same.")
            .Problems(400, 404, 409, 413, 415, 422);
    }

    private static async Task<Ok<OperationPage>> ListAsync(
        [Description("The document.")] string id,
        [Description("The version before the first operation of the page; 0 if left out.")] long? after,
        [Description("1 to 1,000; 100 if left out. A page of large operations may end earlier.")] int? limit,
        DocumentService documents, CancellationToken cancellationToken)
    {
        var afterVersion = Checks.Version(after ?? 0, nameof(after));
        var count = Checks.Limit(limit, RestOptions.OperationsPageSize, RestOptions.OperationsPageSizeMax);
        // The head first: what is committed in between belongs to a later page, not to none.
        var record = await documents.GetAsync(id, cancellationToken).ConfigureAwait(false);
        var operations = await documents.ReadOperationsAsync(id, afterVersion, count, cancellationToken)
            .ConfigureAwait(false);
        var last = operations.Count > 0 ? operations[^1].Version : afterVersion;
        return TypedResults.Ok(new OperationPage(
            [.. operations.Select(operation => OperationResource.Of(record, operation))],
            last < record.Head ? last : null));
    }

    private static async Task<Created<OperationResource>> AppendAsync(
        [Description("The document.")] string id, AppendOperationRequest request, DocumentService documents,
        CancellationToken cancellationToken)
    {
        var (clientId, clientSequence) = Checks.OperationName(
            request.ClientId, request.ClientSequence, request.BaseVersion);
        if (request.BaseVersion is { } baseVersion)
            Checks.Version(baseVersion, nameof(baseVersion));
        var author = Checks.Author(request.Author);
        var record = await documents.GetAsync(id, cancellationToken).ConfigureAwait(false);
        var edit = new DocumentEdit(
            Operation(request, record), request.BaseVersion, author, clientId, clientSequence);
        var committed = await documents.AppendAsync(id, edit, cancellationToken).ConfigureAwait(false);
        return TypedResults.Created(
            $"/api/documents/{id}/operations?after={committed.Version - 1}&limit=1", OperationResource.Of(record, committed));
    }

    // Each kind of document has its own, and takes no other.
    private static ReadOnlyMemory<byte> Operation(AppendOperationRequest request, DocumentRecord record)
    {
        var isJson = record.Type == DocumentType.Json.Name;
        if (isJson ? request.Operation is null : request.Delta is null)
            throw new BadRequestException(
                $"The body lacks '{(isJson ? "operation" : "delta")}', which an edit of a document of type '{record.Type}' has.");
        if (isJson ? request.Delta is not null : request.Operation is not null)
            throw new BadRequestException(
                $"An edit of a document of type '{record.Type}' has no '{(isJson ? "delta" : "operation")}'.");
        return isJson ? Encoding.UTF8.GetBytes(request.Operation!.Text) : request.Delta!.Bytes;
    }
}
