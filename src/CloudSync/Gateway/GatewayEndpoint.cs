// Turns an HTTP request into a connection, or says why not.

using System.Net;
using CloudSync.Gateway.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CloudSync.Gateway;

internal sealed class GatewayEndpoint(GatewayEnvironment gateway)
{
    public Task HandleAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket";
            return AnswerAsync(
                context, StatusCodes.Status426UpgradeRequired, "This is CloudSync's WebSocket endpoint; see docs/protocol.md.");
        }

        // A browser lets any page open a WebSocket to anywhere, the cookies of that place included.
        if (!RequestOrigin.IsAllowed(context.Request, gateway.Options))
            return AnswerAsync(context, StatusCodes.Status403Forbidden, RequestOrigin.Refusal(context.Request));

        if (gateway.Draining)
        {
            context.Response.Headers.RetryAfter = "1";
            return AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, "This gateway stops. Come back.");
        }

        var address = AddressOf(context);
        // Pages say where they are from, and programs don't; see above.
        var admission = gateway.Admission.Enter(address, readsHttp: context.Request.Headers.Origin.Count == 0, out var refusal);
        if (admission == Admission.TurnedAway)
        {
            context.Response.Headers.RetryAfter = refusal!.RetryAfterSeconds;
            context.Response.Headers[ConnectionRefusal.RetryAfterMsHeader] = refusal.RetryAfterMs;
            return AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, refusal.Refusal.Message);
        }

        return AcceptAsync(context, address, admission, refusal);
    }

    private async Task AcceptAsync(HttpContext context, IPAddress address, Admission admission, ConnectionRefusal? refusal)
    {
        var leaves = true;
        try
        {
            var host = Identity.FromHost(context.User);
            var upgrade = context.Features.Get<IHttpWebSocketFeature>() as SocketUpgrade;
            var lifetime = upgrade is null ? context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>() : null;
            // No keep-alive here either, whatever the host has set for its own sockets; and no compression, which would
            // keep two deflate windows for each connection.
            var socket = await context.WebSockets.AcceptWebSocketAsync(
                new WebSocketAcceptContext { KeepAliveInterval = TimeSpan.Zero, DangerousEnableCompression = false });
            var connection = new Connection(gateway, socket, lifetime, host) { Address = address };
            if (refusal is not null)
                connection.Refuse(refusal.Refusal, refusal.Code);
            // It may have come in while the drain was going through the others.
            if (gateway.Draining)
                connection.CloseWhenRead(CloseCode.GoingAway);
            leaves = upgrade is null;
            if (upgrade is null)
                await connection.RunAsync();
            else
                upgrade.ServeWhenForgotten(() => _ = ServeAsync(connection, address, admission));
        }
        finally
        {
            if (leaves)
                gateway.Connections.Leave(address, admission);
        }
    }

    private async Task ServeAsync(Connection connection, IPAddress address, Admission admission)
    {
        await connection.RunAsync();
        gateway.Connections.Leave(address, admission);
    }

    /// <summary>Whose limit counts.</summary>
    public static IPAddress AddressOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }
}
