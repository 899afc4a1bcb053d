// The endpoint for networks that break WebSockets: a connection over plain HTTP requests. docs/protocol.md says how a client
// uses it.

using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Primitives;

namespace CloudSync.Gateway.Polling;

internal sealed class PollingEndpoint(GatewayEnvironment gateway, PolledConnections connections, PollingMetrics metrics)
{
    /// <summary>Its path below that of the WebSocket.</summary>
    public const string Path = "polling/{" + KeyValue + "?}";

    public const string FrameHeader = "CloudSync-Frame";
    public const string ReceivedHeader = "CloudSync-Received";

    private const string KeyValue = "key";
    private const string EventStreamType = "text/event-stream";

    public Task HandleAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store, no-transform";
        if (!RequestOrigin.IsAllowed(context.Request, gateway.Options))
            return RefuseAsync(context, PollingRefusal.OriginNotAllowed);
        AllowOrigin(context);
        var key = context.GetRouteValue(KeyValue) as string;
        var method = context.Request.Method;
        if (HttpMethods.IsOptions(method))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }

        if (key is null)
            return HttpMethods.IsPost(method) ? OpenAsync(context) : RefuseAsync(context, PollingRefusal.MethodNotAllowed);
        if (connections.Find(key, Identity.FromHost(context.User)) is not { } polled)
            return RefuseUnknownAsync(context);
        if (HttpMethods.IsGet(method))
            return PollAsync(context, polled);
        if (HttpMethods.IsPost(method))
            return PostAsync(context, polled);
        if (!HttpMethods.IsDelete(method))
            return RefuseAsync(context, PollingRefusal.MethodNotAllowed);
        if (!TryRead(context.Request.Query["code"], out var code))
            return RefuseAsync(context, PollingRefusal.NumberInvalid);
        polled.Close((int)Math.Clamp(code ?? CloseCode.Normal.Value, 0, ushort.MaxValue));
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    // A WebSocket needs no such permission; here a browser asks for it before it lets a page of another site do the same.
    private static void AllowOrigin(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.Append("Vary", "Origin");
        if (context.Request.Headers.Origin is not [{ } origin])
            return;
        headers.AccessControlAllowOrigin = origin;
        headers.AccessControlAllowCredentials = "true";
        headers.AccessControlExposeHeaders = $"Retry-After, {ConnectionRefusal.RetryAfterMsHeader}";
        if (!HttpMethods.IsOptions(context.Request.Method))
            return;
        headers.AccessControlAllowMethods = "GET, POST, DELETE";
        headers.AccessControlAllowHeaders = $"Content-Type, {FrameHeader}, {ReceivedHeader}";
        headers.AccessControlMaxAge = "7200";
    }

    private Task OpenAsync(HttpContext context)
    {
        if (gateway.Draining)
        {
            context.Response.Headers.RetryAfter = "1";
            return RefuseAsync(context, PollingRefusal.GoingAway);
        }

        var address = GatewayEndpoint.AddressOf(context);
        var admission = gateway.Admission.Enter(address, readsHttp: true, out var refusal);
        if (admission == Admission.TurnedAway)
            return RefuseAsync(context, PollingRefusal.TooManyConnections, refusal!);
        var polled = connections.Open(Identity.FromHost(context.User), address, admission);
        if (refusal is not null)
            polled.Connection.Refuse(refusal.Refusal, refusal.Code);
        // It may have come in while the drain was going through the others.
        if (gateway.Draining)
            polled.Connection.CloseWhenRead(CloseCode.GoingAway);
        return AnswerAsync(context, StatusCodes.Status201Created, $$"""{"key":"{{polled.Key}}"}""");
    }

    private async Task PollAsync(HttpContext context, PolledConnection polled)
    {
        var query = context.Request.Query["after"];
        // What a browser's EventSource says when it comes back by itself.
        if (context.Request.Headers["Last-Event-ID"] is [{ Length: > 0 }] last)
            query = last;
        if (!TryRead(query, out var received))
        {
            await RefuseAsync(context, PollingRefusal.NumberInvalid);
            return;
        }

        if (received is { } number && !polled.Socket.Output.Acknowledge(number))
        {
            await RefuseAsync(context, PollingRefusal.NeverSent);
            return;
        }

        var streams = context.Request.Headers.Accept.ToString().Contains(EventStreamType, StringComparison.OrdinalIgnoreCase);
        metrics.Polled(streams);
        var poll = polled.Socket.Output.BeginPoll(gateway.Time.GetTimestamp());
        await using var gone = context.RequestAborted.UnsafeRegister(static poll => ((PolledOutput.Poll)poll!).End(), poll);
        try
        {
            await (streams ? StreamAsync(context, polled, poll) : AnswerAsync(context, polled, poll));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // Its client has gone in the midst of it, and asks again for what it has not acknowledged.
        }
        finally
        {
            poll.End();
        }
    }

    private async Task StreamAsync(HttpContext context, PolledConnection polled, PolledOutput.Poll poll)
    {
        var response = context.Response;
        response.ContentType = EventStreamType;
        // NGINX and others would wait for more.
        response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        response.BodyWriter.Write(EventStream.SignOfLife);
        await response.BodyWriter.FlushAsync();
        while (true)
        {
            switch (await poll.NextAsync())
            {
                case PollFind.Piece:
                    EventStream.WritePiece(response.BodyWriter, poll.Current!);
                    await response.BodyWriter.FlushAsync();
                    poll.Told(gateway.Time.GetTimestamp());
                    break;
                case PollFind.Quiet:
                    response.BodyWriter.Write(EventStream.SignOfLife);
                    await response.BodyWriter.FlushAsync();
                    break;
                case PollFind.Closed:
                    await TellClosedAsync(response, polled, poll);
                    return;
                default:
                    return;
            }
        }
    }

    private async Task AnswerAsync(HttpContext context, PolledConnection polled, PolledOutput.Poll poll)
    {
        var response = context.Response;
        response.ContentType = "text/plain; charset=utf-8";
        do
        {
            switch (await poll.NextAsync())
            {
                case PollFind.Piece:
                    EventStream.WritePiece(response.BodyWriter, poll.Current!);
                    await response.BodyWriter.FlushAsync();
                    poll.Told(gateway.Time.GetTimestamp());
                    break;
                case PollFind.Closed:
                    await TellClosedAsync(response, polled, poll);
                    return;
                case PollFind.Quiet:
                    if (!response.HasStarted)
                        response.StatusCode = StatusCodes.Status204NoContent;
                    return;
                case PollFind.Aborted:
                    if (!response.HasStarted)
                        await RefuseAsync(context, PollingRefusal.NotFound);
                    return;
                default:
                    if (!response.HasStarted && !context.RequestAborted.IsCancellationRequested)
                        await RefuseAsync(context, PollingRefusal.Replaced);
                    return;
            }
        }
        while (poll.HasMore);
    }

    private static async Task TellClosedAsync(HttpResponse response, PolledConnection polled, PolledOutput.Poll poll)
    {
        EventStream.WriteClose(response.BodyWriter, poll.Closure.Code, poll.Closure.Reason);
        await response.BodyWriter.FlushAsync();
        polled.Socket.CloseReceived();
    }

    private async Task PostAsync(HttpContext context, PolledConnection polled)
    {
        metrics.Posted();
        var headers = context.Request.Headers;
        PollingRefusal? refusal = null;
        if (!TryRead(headers[ReceivedHeader], out var received) || !TryRead(headers[FrameHeader], out var number) || number == 0)
            refusal = PollingRefusal.NumberInvalid;
        else if (received is { } acknowledged && !polled.Socket.Output.Acknowledge(acknowledged))
            refusal = PollingRefusal.NeverSent;
        else if (number is { } frame)
            refusal = await PostAsync(context, polled, frame);
        // Without a number it acknowledges, and there is no frame.
        else if (received is null)
            refusal = PollingRefusal.NumberInvalid;
        if (context.RequestAborted.IsCancellationRequested)
            return;
        if (refusal is not null)
            await RefuseAsync(context, refusal);
        else
            context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task<PollingRefusal?> PostAsync(HttpContext context, PolledConnection polled, long number)
    {
        var limit = gateway.Options.Limits.MessageBytes;
        using var timeout = new CancellationTokenSource(gateway.Options.ReceiveTimeout, gateway.Time);
        using var replaced = new CancellationTokenSource();
        polled.BeginPost(replaced);
        try
        {
            if (context.Request.ContentLength > limit)
                return RefuseTooLarge(polled, limit);
            using var reading = CancellationTokenSource.CreateLinkedTokenSource(
                timeout.Token, replaced.Token, context.RequestAborted);
            var progress = () => timeout.CancelAfter(gateway.Options.ReceiveTimeout);
            if (await FrameBody.ReadAsync(context.Request.Body, limit, progress, reading.Token) is not { } frame)
                return RefuseTooLarge(polled, limit);
            // It is answered when it was taken, however long that may take: the client waits, as at a socket that is full.
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(replaced.Token, context.RequestAborted);
            return await polled.Socket.Input.HandInAsync(number, frame, waiting.Token) switch
            {
                HandedIn.OutOfOrder => PollingRefusal.FrameOutOfOrder,
                HandedIn.TooLate => PollingRefusal.Closed,
                _ => null,
            };
        }
        catch (OperationCanceledException)
        {
            return replaced.IsCancellationRequested ? PollingRefusal.Replaced : PollingRefusal.TooSlow;
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            // The host's own limit is lower than ours.
            return RefuseTooLarge(polled, limit);
        }
        catch (IOException)
        {
            // Cut off, or too slow for the host: it comes again.
            return PollingRefusal.TooSlow;
        }
        finally
        {
            polled.EndPost(replaced);
        }
    }

    private static PollingRefusal RefuseTooLarge(PolledConnection polled, int limit)
    {
        if (!polled.Socket.Input.IsOver)
            polled.Connection.Refuse(GatewayRefusals.MessageTooLarge(limit), CloseCode.MessageTooLarge);
        return PollingRefusal.TooLarge;
    }

    // Null if it is absent; false if it is no number.
    private static bool TryRead(StringValues text, out long? number)
    {
        number = null;
        if (text.Count == 0)
            return true;
        var isNumber = long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var value);
        number = value;
        return isNumber;
    }

    private Task RefuseUnknownAsync(HttpContext context)
    {
        if (gateway.Admission.CheckUnknownKey(GatewayEndpoint.AddressOf(context)) is not { } refusal)
            return RefuseAsync(context, PollingRefusal.NotFound);
        // It takes another connection to go on, which are limited too.
        context.Response.Headers.Connection = "close";
        return RefuseAsync(context, PollingRefusal.RateLimited, refusal);
    }

    private Task RefuseAsync(HttpContext context, PollingRefusal refusal, ConnectionRefusal why)
    {
        context.Response.Headers.RetryAfter = why.RetryAfterSeconds;
        context.Response.Headers[ConnectionRefusal.RetryAfterMsHeader] = why.RetryAfterMs;
        return RefuseAsync(context, refusal with { Message = why.Refusal.Message });
    }

    private Task RefuseAsync(HttpContext context, PollingRefusal refusal)
    {
        metrics.Refused(refusal);
        return AnswerAsync(
            context, refusal.Status, $$"""{"code":"{{refusal.Code}}","message":"{{JsonEncodedText.Encode(refusal.Message)}}"}""");
    }

    private static Task AnswerAsync(HttpContext context, int status, string json)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json + "\n", context.RequestAborted);
    }
}
