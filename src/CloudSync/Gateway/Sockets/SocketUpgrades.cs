// What the listener that looks at connections and the server that runs the application share: for which paths connections are
// taken over, and how their requests go through the application.

using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Gateway.Sockets;

internal sealed class SocketUpgrades(IServiceProvider services)
{
    private static readonly byte[] _method = "GET "u8.ToArray();

    private Func<IFeatureCollection, Task>? _application;
    private byte[][] _beginnings = [];
    private GatewayEnvironment? _gateway;

    public GatewayEnvironment Gateway => _gateway!;

    /// <summary>How many bytes of a request tell whose it is.</summary>
    public int DecidingBytes { get; private set; }

    /// <summary>From here on connections come.</summary>
    public void Start<TContext>(IHttpApplication<TContext> application)
        where TContext : notnull
    {
        _gateway = services.GetRequiredService<GatewayEnvironment>();
        // A path with parameters, or one that an application maps only by a rule of its own, is served the ordinary way.
        _beginnings =
        [
            .. services.GetServices<EndpointDataSource>().SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>()
                .Where(static endpoint => endpoint.Metadata.GetMetadata<SocketEndpoint>() is not null
                    && endpoint.RoutePattern.Parameters.Count == 0 && endpoint.RoutePattern.RawText is not null)
                .Select(static endpoint => (byte[])
                    [.. _method, .. Encoding.ASCII.GetBytes('/' + endpoint.RoutePattern.RawText!.Trim('/'))]),
        ];
        DecidingBytes = _beginnings.Length == 0 ? 0 : _beginnings.Max(static beginning => beginning.Length) + 1;
        _application = features => RunAsync(application, features);
    }

    /// <summary>Whether a request that begins like this is for CloudSync's endpoint.</summary>
    public bool IsOurs(ReadOnlySpan<byte> beginning)
    {
        foreach (var ours in _beginnings)
        {
            if (beginning.Length > ours.Length && beginning.StartsWith(ours) && beginning[ours.Length] is (byte)' ' or (byte)'?')
                return true;
        }

        return false;
    }

    /// <summary>Sends a request through the whole of the application, as the web server does.</summary>
    public Task RunAsync(IFeatureCollection features) => _application!(features);

    private static async Task RunAsync<TContext>(IHttpApplication<TContext> application, IFeatureCollection features)
        where TContext : notnull
    {
        var context = application.CreateContext(features);
        try
        {
            await application.ProcessRequestAsync(context);
        }
        catch (Exception exception)
        {
            application.DisposeContext(context, exception);
            throw;
        }

        application.DisposeContext(context, null);
    }
}

/// <summary>Marks the endpoint whose connections may be taken over.</summary>
internal sealed class SocketEndpoint
{
    public static SocketEndpoint Instance { get; } = new();
}
