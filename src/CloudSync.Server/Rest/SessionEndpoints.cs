// /api/documents/{id}/sessions: who has a document open, on which gateway, since when.

using System.ComponentModel;
using CloudSync.Documents;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudSync.Server.Rest;

internal static class SessionEndpoints
{
    public static void MapSessions(this IEndpointRouteBuilder documents) =>
        documents.MapGet("{id}/sessions", ListAsync)
            .WithName("listSessions")
            .WithSummary("Lists who has a document open, on which gateway, since when")
            .WithDescription("What other gateways have said, which may be a second or two old.")
            .Problems(400, 404);

    private static async Task<Ok<SessionList>> ListAsync(
        [Description("The document.")] string id,
        [Description("1 to 1,000; 100 if left out.")] int? limit,
        DocumentService documents, ISessionRecords records, HttpContext context, CancellationToken cancellationToken)
    {
        var most = Checks.Limit(limit, 100, DocumentSessions.MaxRecords);
        await documents.GetAsync(id, cancellationToken).ConfigureAwait(false);
        var sessions = await records.ListAsync(id, most, cancellationToken).ConfigureAwait(false);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new SessionList(
            sessions.Count, sessions.IsComplete,
            [.. sessions.Sessions.Select(static session => new SessionResource(
                session.GatewayId, session.ClientId.ToString(), session.UserId, session.UserName, session.Since.UtcDateTime))]));
    }
}

[Description("Who has a document open.")]
internal sealed record SessionList(
    [property: Description("How many sessions there are.")] int Count,
    [property: Description("False if others may be missing just now.")] bool Complete,
    [property: Description("Those that have been there longest first.")] IReadOnlyList<SessionResource> Sessions);

[Description("One client's use of a document.")]
internal sealed record SessionResource(
    [property: Description("The gateway that it is connected to.")] string Gateway,
    [property: Description("The client: an unsigned 64-bit number in decimal.")] string ClientId,
    [property: Description("The id of the user, or empty.")] string UserId,
    [property: Description("The name that the others are shown, or empty.")] string UserName,
    [property: Description("When it opened the document.")] DateTime Since);
