// Which addresses may stand in a link or an image: none that a browser would run.

namespace CloudSync.Server.Formats;

internal static class Links
{
    private static readonly string[] _linkSchemes = ["http", "https", "mailto", "tel", "sms"];

    // SVG is left out: it can hold scripts.
    private static readonly string[] _imageTypes =
        ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"];

    /// <summary>The address to link to: of a harmless scheme, or relative. Null if it is neither.</summary>
    public static string? Safe(string? address)
    {
        address = Clean(address);
        if (address is null)
            return null;
        return SchemeOf(address) is { } scheme && !_linkSchemes.Contains(scheme) ? null : address;
    }

    /// <summary>The address of an image: http, https, or the data of a picture. Null if it is anything else.</summary>
    public static string? SafeImage(string? address)
    {
        address = Clean(address);
        return address is not null && SchemeOf(address) switch
        {
            "http" or "https" => true,
            "data" => Array.Exists(_imageTypes, type =>
                address.AsSpan(5).StartsWith(type, StringComparison.OrdinalIgnoreCase)
                && address.Length > 5 + type.Length && address[5 + type.Length] is ';' or ','),
            _ => false,
        } ? address : null;
    }

    // Browsers ignore control characters anywhere in an address, "java\nscript:" included; so they go before looking.
    private static string? Clean(string? address)
    {
        if (address is null)
            return null;
        if (address.Any(char.IsControl))
            address = string.Concat(address.Where(static c => !char.IsControl(c)));
        address = address.Trim();
        return address.Length == 0 ? null : address;
    }

    // What stands before the first colon, if a path can't begin before it. Anything odd there counts as a scheme too.
    private static string? SchemeOf(string address)
    {
        var end = address.AsSpan().IndexOfAny(":/?#");
        return end >= 0 && address[end] == ':' ? address[..end].ToLowerInvariant() : null;
    }
}
