// MapCloudSync(): the WebSocket endpoint, and the one for networks that break WebSockets.

using CloudSync.Gateway;
using CloudSync.Gateway.Polling;
using CloudSync.Gateway.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps CloudSync's endpoint.</summary>
public static class CloudSyncEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps the WebSocket endpoint that docs/protocol.md describes, and below it, at "polling", the one for clients whose network
    /// has no WebSockets. Needs <c>AddCloudSync()</c>; does not need <c>UseWebSockets()</c>.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="pattern">Its path.</param>
    /// <returns>To add conventions to both, such as <c>RequireAuthorization()</c>.</returns>
    public static IEndpointConventionBuilder MapCloudSync(this IEndpointRouteBuilder endpoints, string pattern = "/sync")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var pipeline = endpoints.CreateApplicationBuilder();
        // No keep-alive interval: it would cost a Timer for each socket. The protocol has a heartbeat of its own.
        pipeline.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero });
        // Asked for at a connection and not here: it needs the log, which is opened when the host starts.
        var services = endpoints.ServiceProvider;
        pipeline.Run(context => services.GetRequiredService<GatewayEndpoint>().HandleAsync(context));
        RequestDelegate poll = context => services.GetRequiredService<PollingEndpoint>().HandleAsync(context);
        var polling = $"{pattern.TrimEnd('/')}/{PollingEndpoint.Path}";
        // A browser asks without credentials whether a page of another site may; who is who is asked after that.
        endpoints.MapMethods(polling, [HttpMethods.Options], poll).WithDisplayName("CloudSync polling").AllowAnonymous();
        var group = endpoints.MapGroup("");
        group.Map(pattern, pipeline.Build()).WithDisplayName("CloudSync").WithMetadata(SocketEndpoint.Instance);
        group.Map(polling, poll).WithDisplayName("CloudSync polling");
        return group;
    }
}
