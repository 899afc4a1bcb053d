// /api/documents: create, list, read, rename and delete documents.

using System.ComponentModel;
using CloudSync.Documents;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudSync.Server.Rest;

internal static class DocumentEndpoints
{
    public static void MapDocuments(this IEndpointRouteBuilder documents)
    {
        documents.MapPost("", CreateAsync)
            .WithName("createDocument")
            .WithSummary("Creates a document")
            .WithDescription("A document has to be created before it can be opened. An id, once used, is never given again.")
            .Problems(400, 409, 413, 415, 422);
        documents.MapGet("", ListAsync)
            .WithName("listDocuments")
            .WithSummary("Lists documents, the most recently changed first")
            .Problems(400);
        documents.MapGet("{id}", GetAsync)
            .WithName("getDocument")
            .WithSummary("Reads what is known of a document, without its content")
            .Problems(400, 404);
        documents.MapPatch("{id}", RenameAsync)
            .WithName("renameDocument")
            .WithSummary("Gives a document another title")
            .Problems(400, 404, 413, 415);
        documents.MapDelete("{id}", DeleteAsync)
            .WithName("deleteDocument")
            .WithSummary("Deletes a document")
            .WithDescription("Those who have it open are told so. Its id can't be used again.")
            .Problems(400, 404);
    }

    private static async Task<Created<DocumentResource>> CreateAsync(
        CreateDocumentRequest request, DocumentService documents, CancellationToken cancellationToken)
    {
        var type = Checks.Type(request.Type);
        var record = await documents.CreateAsync(
            request.Id, type, Checks.Title(request.Title), Checks.Author(request.Author),
            request.Content?.ToContent(type) ?? default, cancellationToken).ConfigureAwait(false);
        return TypedResults.Created($"/api/documents/{record.Id}", DocumentResource.Of(record));
    }

    private static async Task<Ok<DocumentPage>> ListAsync(
        DocumentService documents,
        [Description("1 to 200; 50 if left out.")] int? limit,
        [Description("'next' of the previous page; the first page if left out.")] string? after,
        CancellationToken cancellationToken)
    {
        var count = Checks.Limit(limit, RestOptions.PageSize, RestOptions.PageSizeMax);
        // One more than is shown, to know whether there is another page.
        var records = await documents.ListAsync(Checks.Cursor(after), count + 1, cancellationToken)
            .ConfigureAwait(false);
        var page = records.Take(count).ToList();
        return TypedResults.Ok(new DocumentPage(
            page.ConvertAll(DocumentResource.Of), records.Count > count ? Checks.Encode(page[^1].Cursor) : null));
    }

    private static async Task<Ok<DocumentResource>> GetAsync(
        [Description("The document.")] string id, DocumentService documents, CancellationToken cancellationToken) =>
        TypedResults.Ok(DocumentResource.Of(await documents.GetAsync(id, cancellationToken).ConfigureAwait(false)));

    private static async Task<Ok<DocumentResource>> RenameAsync(
        [Description("The document.")] string id, RenameDocumentRequest request, DocumentService documents,
        CancellationToken cancellationToken)
    {
        var title = Checks.Title(request.Title);
        var record = await documents.RenameAsync(id, title, cancellationToken).ConfigureAwait(false);
        return TypedResults.Ok(DocumentResource.Of(record));
    }

    private static async Task<NoContent> DeleteAsync(
        [Description("The document.")] string id, DocumentService documents, CancellationToken cancellationToken)
    {
        await documents.DeleteAsync(id, cancellationToken).ConfigureAwait(false);
        return TypedResults.NoContent();
    }
}
