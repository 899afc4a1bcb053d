// The bounds of what comes in through REST, each with its sentence.

using System.Globalization;
using CloudSync.Log;
using Microsoft.AspNetCore.WebUtilities;

namespace CloudSync.Server.Rest;

internal static class Checks
{
    private static readonly string[] _momentFormats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd",
    ];

    public static string Title(string? title)
    {
        title = title?.Trim() ?? "";
        if (title.Length > RestOptions.TitleLength)
            throw new BadRequestException($"A title has at most {RestOptions.TitleLength} characters; this has {title.Length}.");
        if (title.Any(char.IsControl))
            throw new BadRequestException("A title has no control characters.");
        return title;
    }

    public static string Author(string? author)
    {
        author ??= "";
        if (author.Length > RestOptions.AuthorLength)
            throw new BadRequestException(
                $"An author has at most {RestOptions.AuthorLength} characters; this has {author.Length}.");
        if (author.Any(char.IsControl))
            throw new BadRequestException("An author has no control characters.");
        return author;
    }

    public static string Type(string? type) => type is null
        ? "rich-text"
        : Operations.DocumentType.Find(type)?.Name
            ?? throw new BadRequestException($"There is no type '{Cut(type)}'. There are 'rich-text', 'text' and 'json'.");

    public static int Limit(int? limit, int normal, int most) => limit switch
    {
        null => normal,
        < 1 => throw new BadRequestException($"'limit' is from 1 to {most}."),
        _ when limit > most => throw new BadRequestException($"'limit' is from 1 to {most}."),
        _ => limit.Value,
    };

    public static long Version(long version, string name) =>
        version >= 0 ? version : throw new BadRequestException($"'{name}' is a version, from 0.");

    public static DateTimeOffset? Moment(string? at)
    {
        if (at is null)
            return null;
        return DateTimeOffset.TryParseExact(
            at, _momentFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment.ToUniversalTime()
            : throw new BadRequestException(
                $"'at' is a moment as in 2026-01-31T12:30:00Z (a + is written %2B in an address); this is '{Cut(at)}'.");
    }

    /// <summary>The name under which an operation is committed once: both parts or neither.</summary>
    public static (ulong ClientId, ulong ClientSequence) OperationName(
        string? clientId, ulong? clientSequence, long? baseVersion)
    {
        if (clientId is null && clientSequence is null)
            return (0, 0);
        if (clientId is null || clientSequence is null)
            throw new BadRequestException("'clientId' and 'clientSequence' go together: give both or neither.");
        if (!ulong.TryParse(clientId, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id == 0)
            throw new BadRequestException("'clientId' is an unsigned 64-bit number in decimal, not 0, in a string.");
        if (clientSequence == 0)
            throw new BadRequestException("'clientSequence' counts from 1.");
        if (baseVersion is null)
            throw new BadRequestException(
                "'clientId' needs 'baseVersion': an operation sent again is looked for from there on.");
        return (id, clientSequence.Value);
    }

    public static string Encode(DocumentCursor cursor) =>
        WebEncoders.Base64UrlEncode(System.Text.Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{cursor.ChangedAt.UtcTicks} {cursor.Id}")));

    public static DocumentCursor? Cursor(string? cursor)
    {
        if (string.IsNullOrEmpty(cursor))
            return null;
        try
        {
            var parts = cursor.Length <= 256
                ? System.Text.Encoding.UTF8.GetString(WebEncoders.Base64UrlDecode(cursor)).Split(' ')
                : [];
            if (parts.Length == 2
                && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
                && ticks <= DateTimeOffset.MaxValue.UtcTicks)
                return new DocumentCursor(new DateTimeOffset(ticks, TimeSpan.Zero), parts[1]);
        }
        catch (FormatException)
        {
            // Said below.
        }

        throw new BadRequestException("'after' is not what 'next' of another page said.");
    }

    // A message repeats what came in, but not all of it.
    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
