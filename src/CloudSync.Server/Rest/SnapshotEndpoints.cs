// /api/documents/{id}/snapshot: the content at the head, at a version, or at a moment.

using System.ComponentModel;
using CloudSync.Documents;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace CloudSync.Server.Rest;

internal static class SnapshotEndpoints
{
    /// <summary>The header that tells the version of a snapshot or an export.</summary>
    public const string VersionHeader = "CloudSync-Version";

    public static void MapSnapshots(this IEndpointRouteBuilder documents) =>
        documents.MapGet("{id}/snapshot", GetAsync)
            .WithName("getSnapshot")
            .WithSummary("Reads the content of a document: a Quill delta, or JSON")
            .WithDescription(
                "At the head, or at any version or moment there was. The header CloudSync-Version and the ETag tell the "
                + "version. A version never changes, so an answer to 'version' may be cached for ever.")
            .Produces(StatusCodes.Status304NotModified)
            .Problems(400, 404);

    private static async Task<Results<Ok<SnapshotResource>, StatusCodeHttpResult>> GetAsync(
        [Description("The document.")] string id,
        [Description("A version from 0 to the head.")] long? version,
        [Description("A moment, for example 2026-01-31T12:30:00Z: the newest version committed until then.")] string? at,
        HttpContext context, DocumentService documents, CancellationToken cancellationToken)
    {
        // What the client has for a version is what we would send: a version never changes.
        if (version is not null && context.Request.Headers.IfNoneMatch.Count > 0)
        {
            var record = await documents.GetAsync(id, cancellationToken).ConfigureAwait(false);
            if (version >= 0 && version <= record.Head && IsCached(context, version.Value))
            {
                Describe(context, version.Value, immutable: true);
                return TypedResults.StatusCode(StatusCodes.Status304NotModified);
            }
        }

        var content = await ReadAsync(documents, id, version, at, cancellationToken).ConfigureAwait(false);
        Describe(context, content.Version, immutable: version is not null);
        if (IsCached(context, content.Version))
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        return TypedResults.Ok(new SnapshotResource(
            content.Record.Id, content.Record.Type, content.Version, RawJson.OfContent(content)));
    }

    /// <summary>The content that 'version' and 'at' ask for.</summary>
    public static Task<DocumentContent> ReadAsync(
        DocumentService documents, string id, long? version, string? at, CancellationToken cancellationToken)
    {
        if (version is not null && at is not null)
            throw new BadRequestException("Give 'version' or 'at', not both.");
        if (version is not null)
            Checks.Version(version.Value, nameof(version));
        return Checks.Moment(at) is { } moment
            ? documents.ReadAtAsync(id, moment, cancellationToken)
            : documents.ReadAsync(id, version, cancellationToken);
    }

    private static void Describe(HttpContext context, long version, bool immutable)
    {
        var headers = context.Response.Headers;
        headers[VersionHeader] = version.ToString();
        headers.ETag = Tag(version).ToString();
        // For ever in the browser of somebody who has read it; for a minute in caches that many share, so that a document
        // which was deleted is gone from there too.
        headers.CacheControl = immutable ? "public, max-age=31536000, s-maxage=60, immutable" : "no-cache";
    }

    private static bool IsCached(HttpContext context, long version) =>
        EntityTagHeaderValue.TryParseList(context.Request.Headers.IfNoneMatch, out var tags)
        && tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(Tag(version), useStrongComparison: false));

    private static EntityTagHeaderValue Tag(long version) => new($"\"{version}\"");
}
