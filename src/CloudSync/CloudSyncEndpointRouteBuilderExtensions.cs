// MapCloudSync(): the WebSocket endpoint.

using CloudSync.Gateway;
using CloudSync.Gateway.Sockets;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps CloudSync's endpoint.</summary>
public static class CloudSyncEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps the WebSocket endpoint that docs/protocol.md describes. Needs <c>AddCloudSync()</c>; does not need
    /// <c>UseWebSockets()</c>.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">Its path.</param>
    /// <returns>To add conventions to it, such as <c>RequireAuthorization()</c>.</returns>
    public static IEndpointConventionBuilder MapCloudSync(this IEndpointRouteBuilder endpoints, string pattern = "/sync")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var pipeline = endpoints.CreateApplicationBuilder();
        // No keep-alive interval: it would cost a Timer for each socket. The protocol has a heartbeat of its own.
        pipeline.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero });
        // Asked for at a connection and not here: it needs the log, which is opened when the host starts.
        var services = endpoints.ServiceProvider;
        pipeline.Run(context => services.GetRequiredService<GatewayEndpoint>().HandleAsync(context));
        return endpoints.Map(pattern, pipeline.Build()).WithDisplayName("CloudSync").WithMetadata(SocketEndpoint.Instance);
    }
}
