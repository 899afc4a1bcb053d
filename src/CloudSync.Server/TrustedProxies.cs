// Behind a proxy: the client's own address and scheme, as the proxy tells them, if it is one of ours. Limits for each address
// and links depend on it. The setting CloudSync:TrustedProxies lists addresses and networks: "127.0.0.1", "10.0.0.0/8".

using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;
using IPNetwork = System.Net.IPNetwork;

namespace CloudSync.Server;

internal static class TrustedProxies
{
    private const string Setting = "CloudSync:TrustedProxies";

    /// <summary>Adds what <see cref="UseTrustedProxies"/> needs.</summary>
    /// <exception cref="OptionsValidationException">An entry is neither an address nor a network.</exception>
    public static void AddTrustedProxies(this IServiceCollection services, IConfiguration configuration)
    {
        var proxies = Read(configuration);
        services.Configure<ForwardedHeadersOptions>(options =>
        {
            // Not X-Forwarded-Host: proxies pass Host itself on, and a browser's Origin is compared with that.
            options.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            foreach (var proxy in proxies)
                options.KnownIPNetworks.Add(proxy);
        });
    }

    /// <summary>Before everything that looks at the address or the scheme. Without trusted proxies, headers are ignored.</summary>
    public static void UseTrustedProxies(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<ForwardedHeadersOptions>>().Value.KnownIPNetworks.Count > 0)
            app.UseForwardedHeaders();
    }

    private static List<IPNetwork> Read(IConfiguration configuration)
    {
        var proxies = new List<IPNetwork>();
        if (configuration[Setting] is { Length: > 0 } alone)
        {
            throw new OptionsValidationException(
                Setting, typeof(ForwardedHeadersOptions), [$"{Setting} is '{alone}', but it is a list: set {Setting}:0."]);
        }

        foreach (var entry in configuration.GetSection(Setting).GetChildren())
        {
            if (IsWritten(entry.Value) && IPNetwork.TryParse(entry.Value, out var network))
                proxies.Add(network);
            else if (IsWritten(entry.Value) && IPAddress.TryParse(entry.Value, out var address))
                proxies.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else
            {
                throw new OptionsValidationException(
                    Setting, typeof(ForwardedHeadersOptions),
                    [$"{entry.Path} is '{entry.Value}'; a proxy is an address such as 10.0.0.5 or a network such as 10.0.0.0/8."]);
            }
        }

        return proxies;
    }

    // "1" would be read as 0.0.0.1, and "010.0.0.1" as 8.0.0.1: nobody means that.
    private static bool IsWritten(string? value)
    {
        var text = value?.Split('/')[0] ?? "";
        return text.Contains(':', StringComparison.Ordinal)
            || (IPAddress.TryParse(text, out var address) && address.ToString() == text);
    }
}
