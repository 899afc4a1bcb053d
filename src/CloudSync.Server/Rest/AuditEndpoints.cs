// /api/documents/{id}/audit and /authors: what the log proves about a document's past.

using System.ComponentModel;
using CloudSync.Audit;
using CloudSync.Log;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudSync.Server.Rest;

internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder documents)
    {
        documents.MapGet("{id}/audit", VerifyAsync)
            .WithName("verifyAudit")
            .WithSummary("Verifies a document's audit chain from its first operation on")
            .WithDescription(
                "Tells whether anything was changed, removed or inserted since it was committed. Keep 'link' with its 'version' "
                + "somewhere else, and give both here later: then not even who can write to the database can change the past unseen.")
            .Problems(400, 404);
        documents.MapGet("{id}/authors", FindAuthorsAsync)
            .WithName("findAuthors")
            .WithSummary("Tells who wrote each part of a document, and when")
            .Problems(400, 404, 422);
    }

    private static async Task<Ok<AuditResource>> VerifyAsync(
        [Description("The document.")] string id,
        [Description("A version whose link was kept elsewhere.")] long? version,
        [Description("That link: 64 hexadecimal digits.")] string? link,
        AuditTrail audit, HttpContext context, CancellationToken cancellationToken)
    {
        var kept = KeptLink(version, link);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(AuditResource.Of(await audit.VerifyAsync(id, kept, cancellationToken).ConfigureAwait(false)));
    }

    private static AuditLink? KeptLink(long? version, string? link)
    {
        if (version is null && link is null)
            return null;
        if (version is null || link is null)
            throw new BadRequestException("'version' and 'link' go together: give both or neither.");
        if (version < 1)
            throw new BadRequestException("'version' is a version that has a link, from 1.");
        if (link.Length != 2 * AuditChain.HashBytes || !link.All(char.IsAsciiHexDigit))
            throw new BadRequestException($"'link' has {2 * AuditChain.HashBytes} hexadecimal digits.");
        return new AuditLink(version.Value, Convert.FromHexString(link));
    }

    private static async Task<Ok<AuthorsPage>> FindAuthorsAsync(
        [Description("The document.")] string id,
        [Description("Of which version; the newest if left out.")] long? version,
        [Description("Where the stretch begins, in UTF-16 code units; 0 if left out.")] int? from,
        [Description("Where it ends; the document's end if left out.")] int? to,
        AuditTrail audit, HttpContext context, CancellationToken cancellationToken)
    {
        if (version is not null)
            Checks.Version(version.Value, nameof(version));
        if (from < 0 || to < (from ?? 0))
            throw new BadRequestException("'from' is from 0, and 'to' not before it.");
        var found = await audit.FindAuthorsAsync(id, version, from ?? 0, to, cancellationToken).ConfigureAwait(false);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(AuthorsPage.Of(found));
    }
}

[Description("Whether a document's past is as it was written.")]
internal sealed record AuditResource(
    [property: Description("The document.")] string Id,
    [property: Description("Nothing was changed, removed or inserted.")] bool Sound,
    [property: Description("The newest version.")] long Version,
    [property: Description("Up to this version everything is as it was written.")] long SoundThrough,
    [property: Description("The newest version's link, in hexadecimal; not there if there is a fault or no operation.")] string? Link,
    [property: Description("What is wrong first; not there if nothing is.")] AuditFaultResource? Fault)
{
    public static AuditResource Of(AuditVerification verification) => new(
        verification.DocumentId, verification.Fault is null, verification.Head, verification.SoundThrough,
        verification.Fault is null && verification.Head > 0 ? Convert.ToHexStringLower(verification.Link.Hash.Span) : null,
        verification.Fault is { } fault ? new AuditFaultResource(fault.FirstVersion, fault.LastVersion, fault.Message) : null);
}

[Description("Something was changed, removed or inserted.")]
internal sealed record AuditFaultResource(
    [property: Description("Between this version")] long FirstVersion,
    [property: Description("and this one.")] long LastVersion,
    [property: Description("What doesn't fit.")] string Message);

[Description("Who wrote a stretch of a document.")]
internal sealed record AuthorsPage(
    [property: Description("The document.")] string Id,
    [property: Description("Of which version.")] long Version,
    [property: Description("Its length at that version, in UTF-16 code units.")] int Length,
    [property: Description("From left to right, without gaps.")] IReadOnlyList<AuthoredRunResource> Runs,
    [property: Description("Pass it as 'from' to get what follows; not there at the end.")] int? Next)
{
    /// <summary>Runs in one answer.</summary>
    public const int RunsMax = 10_000;

    public static AuthorsPage Of(Authorship found, int runsMax = RunsMax) => new(
        found.DocumentId, found.Version, found.Length,
        [.. found.Runs.Take(runsMax).Select(static run => new AuthoredRunResource(
            run.Position, run.Length, run.Author, run.ClientId.ToString(), run.CommittedAt.UtcDateTime, run.Version,
            run.BaseVersion))],
        found.Runs.Count > runsMax ? found.Runs[runsMax].Position : null);
}

[Description("A stretch that was written with one operation.")]
internal sealed record AuthoredRunResource(
    [property: Description("Where it begins, in UTF-16 code units.")] int Position,
    [property: Description("How long it is.")] int Length,
    [property: Description("The id of the user, or empty.")] string Author,
    [property: Description("His session: the client, an unsigned 64-bit number in decimal.")] string ClientId,
    [property: Description("When it was committed.")] DateTime CommittedAt,
    [property: Description("The version that the operation led to.")] long Version,
    [property: Description("The version that he saw when he wrote it.")] long BaseVersion);
