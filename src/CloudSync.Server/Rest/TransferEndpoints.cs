// /api/documents/{id}/export and /api/documents/import: documents as files in the formats that others know.

using System.ComponentModel;
using System.Text;
using CloudSync.Documents;
using CloudSync.Operations;
using CloudSync.Server.Formats;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace CloudSync.Server.Rest;

internal static class TransferEndpoints
{
    private const string FormatNames = "\"text\", \"markdown\", \"html\" or \"delta\"; of a JSON document \"json\".";

    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static void MapTransfers(this IEndpointRouteBuilder documents)
    {
        documents.MapGet("{id}/export", ExportAsync)
            .WithName("exportDocument")
            .WithSummary("Reads a document as a file: text, Markdown, HTML, a Quill delta, or JSON")
            .WithDescription("At the head, or at any version or moment there was. docs/rest.md says what each format keeps.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain", "text/markdown", "text/html", "application/json")
            .Problems(400, 404);
        documents.MapPost("import", ImportAsync)
            .WithName("importDocument")
            .WithSummary("Creates a document from text, Markdown, HTML, a Quill delta, or JSON")
            .WithDescription("The body is the content, in UTF-8, whatever its Content-Type says. HTML is sanitised.")
            .Accepts<string>("text/plain", "text/markdown", "text/html", "application/json", "*/*")
            .Problems(400, 409, 413, 422);
    }

    private static async Task<FileContentHttpResult> ExportAsync(
        [Description("The document.")] string id,
        [Description(FormatNames)] string format,
        [Description("A version from 0 to the head.")] long? version,
        [Description("A moment, for example 2026-01-31T12:30:00Z: the newest version committed until then.")] string? at,
        HttpContext context, DocumentService documents, CancellationToken cancellationToken)
    {
        var to = format == JsonFile.Name ? null : FindFormat(format);
        var content = await SnapshotEndpoints.ReadAsync(documents, id, version, at, cancellationToken)
            .ConfigureAwait(false);
        var isJson = content.Record.Type == DocumentType.Json.Name;
        if (isJson != to is null)
        {
            throw new BadRequestException(isJson
                ? $"A document of type 'json' is exported as 'json', and not as '{format}'."
                : "Only a document of type 'json' is exported as 'json'; a text is exported as JSON with 'delta'.");
        }

        var headers = context.Response.Headers;
        headers[SnapshotEndpoints.VersionHeader] = content.Version.ToString();
        headers.CacheControl = "no-cache";
        // A document shown by itself runs nothing and loads nothing but images, whatever is in it.
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'";
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(FileName(content, to?.FileExtension ?? JsonFile.FileExtension));
        headers.ContentDisposition = disposition.ToString();
        return to is null
            ? TypedResults.Bytes(JsonFile.Write(content), JsonFile.ContentType)
            : TypedResults.Bytes(
                Encoding.UTF8.GetBytes(to.Write(content.ToDelta(), content.Record.Title)), to.ContentType);
    }

    private static async Task<Created<DocumentResource>> ImportAsync(
        [Description(FormatNames)] string format,
        [Description("At most 200 characters.")] string? title,
        [Description("1 to 64 characters of A–Z a–z 0–9 - _; a random one if left out.")] string? id,
        [Description(
            "\"rich-text\" (the default), \"text\", which takes the formats text and delta, or \"json\", which takes json and is "
            + "what json makes if this is left out.")] string? type,
        [Description("The id of the user who creates it; at most 64 characters.")] string? author,
        HttpContext context, DocumentService documents, CancellationToken cancellationToken)
    {
        var from = format == JsonFile.Name ? null : FindFormat(format);
        type = Checks.Type(type ?? (from is null ? DocumentType.Json.Name : null));
        title = Checks.Title(title);
        author = Checks.Author(author);
        if (from is null != (type == DocumentType.Json.Name))
        {
            throw new BadRequestException(from is null
                ? $"A file of format 'json' makes a document of type 'json', and not '{type}'; a delta is imported as 'delta'."
                : $"A document of type 'json' is made from a file of format 'json', and not from {format}.");
        }

        if (type == DocumentType.Text.Name && !from!.CanHoldPlainText)
            throw new BadRequestException($"A document of type 'text' can't be made from {from.Name}; import it as 'rich-text'.");

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, cancellationToken).ConfigureAwait(false);
        ReadOnlyMemory<byte> content;
        try
        {
            var text = _strictUtf8.GetString(body.GetBuffer(), 0, (int)body.Length);
            text = text.StartsWith('\uFEFF') ? text[1..] : text;
            if (from is null && text.Length == 0)
                throw new FormatException("The file is empty; a JSON document that holds nothing is null.");
            content = from?.Read(text, type).Bytes ?? new RawJson(text).ToContent(type);
        }
        catch (DecoderFallbackException)
        {
            throw new BadRequestException("The body is not valid UTF-8.");
        }
        catch (FormatException exception)
        {
            throw new BadRequestException(exception.Message, StatusCodes.Status422UnprocessableEntity);
        }

        var record = await documents.CreateAsync(id, type, title, author, content, cancellationToken)
            .ConfigureAwait(false);
        return TypedResults.Created($"/api/documents/{record.Id}", DocumentResource.Of(record));
    }

    private static DocumentFormat FindFormat(string format) =>
        DocumentFormat.Find(format) ?? throw new BadRequestException($"'format' is {FormatNames}");

    private static string FileName(DocumentContent content, string extension)
    {
        var title = new string([.. content.Record.Title.Where(static c => !char.IsControl(c) && !"/\\:*?\"<>|".Contains(c))]);
        title = title.Trim(' ', '.');
        return (title.Length > 0 ? title : content.Record.Id) + extension;
    }
}
