// What the command line says about this process. How CloudSync behaves is CloudSyncOptions.

using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace CloudSync.Server;

/// <param name="Port">0 for any that is free.</param>
/// <param name="Host">"localhost", an IP address, or "*".</param>
/// <param name="Data">Where the documents are kept, if in a file; need not exist.</param>
/// <param name="Web">The built web app; need not exist.</param>
internal sealed record ServerSettings(int Port, string Host, DirectoryInfo Data, DirectoryInfo Web);

/// <summary>What --host means.</summary>
/// <param name="IsLocalhost">Both loopback addresses.</param>
/// <param name="Address">One address otherwise, or any.</param>
internal sealed record ListenAddress(bool IsLocalhost, IPAddress Address)
{
    public static bool TryParse(string host, [NotNullWhen(true)] out ListenAddress? listen)
    {
        listen = host switch
        {
            "localhost" => new ListenAddress(true, IPAddress.Loopback),
            "*" => new ListenAddress(false, IPAddress.IPv6Any),
            _ when IPAddress.TryParse(host, out var address) => new ListenAddress(false, address),
            _ => null,
        };
        return listen is not null;
    }
}
