// Which pages may speak to this server. A browser sends the page's origin along and leaves the decision to us.

using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;

namespace CloudSync;

/// <summary>Checks the Origin header of a request against <see cref="CloudSyncOptions.AllowedOrigins"/>.</summary>
public static class RequestOrigin
{
    internal const string Any = "*";

    /// <summary>
    /// True if the request comes from no page (no Origin), from a page of this server (the origin's host and port are the
    /// request's Host), or from a page whose origin is allowed.
    /// </summary>
    public static bool IsAllowed(HttpRequest request, CloudSyncOptions options)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(options);
        var header = request.Headers.Origin;
        if (header.Count == 0)
            return true;
        if (options.AllowedOrigins.Contains(Any))
            return true;
        if (header.Count > 1 || !TryParse(header[0], out var origin))
            return false;
        // The scheme is left out: in front of us somebody may have ended TLS.
        var ownPort = request.Host.Port ?? origin.Port;
        if (string.Equals(origin.IdnHost, request.Host.Host, StringComparison.OrdinalIgnoreCase) && origin.Port == ownPort)
            return true;
        foreach (var allowed in options.AllowedOrigins)
        {
            if (TryParse(allowed, out var other) && Uri.Compare(
                origin, other, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What is answered with 403, in a sentence that names the setting.</summary>
    public static string Refusal(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return $"Pages of '{request.Headers.Origin}' may not use this server. Add the origin to CloudSync:AllowedOrigins.";
    }

    internal static bool TryParse(string? origin, [NotNullWhen(true)] out Uri? uri) =>
        Uri.TryCreate(origin, UriKind.Absolute, out uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0;
}
