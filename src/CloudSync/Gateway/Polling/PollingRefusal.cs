// Every refusal of the endpoint for polls, with its status; docs/protocol.md has the same table, and a test compares the two.

using Microsoft.AspNetCore.Http;

namespace CloudSync.Gateway.Polling;

/// <summary>Why a request was refused.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">Its name, for programs.</param>
/// <param name="Message">The same for people.</param>
internal sealed record PollingRefusal(int Status, string Code, string Message)
{
    public static readonly PollingRefusal NumberInvalid = new(
        StatusCodes.Status400BadRequest, "NUMBER_INVALID",
        "A frame needs its number in CloudSync-Frame, from 1; 'after' and CloudSync-Received are numbers from 0.");

    public static readonly PollingRefusal OriginNotAllowed = new(
        StatusCodes.Status403Forbidden, "ORIGIN_NOT_ALLOWED",
        "Pages of this origin may not use this server. Add it to CloudSync:AllowedOrigins.");

    public static readonly PollingRefusal NotFound = new(
        StatusCodes.Status404NotFound, "CONNECTION_NOT_FOUND",
        "There is no polled connection with this key on this gateway, or not of yours. Open another.");

    public static readonly PollingRefusal MethodNotAllowed = new(
        StatusCodes.Status405MethodNotAllowed, "METHOD_NOT_ALLOWED", "See docs/protocol.md, Without WebSockets.");

    public static readonly PollingRefusal TooSlow = new(
        StatusCodes.Status408RequestTimeout, "RECEIVE_TIMEOUT", "The frame did not arrive in time. Send it again.");

    public static readonly PollingRefusal Replaced = new(
        StatusCodes.Status409Conflict, "REPLACED", "A later request of this connection took the place of this one.");

    public static readonly PollingRefusal FrameOutOfOrder = new(
        StatusCodes.Status409Conflict, "FRAME_OUT_OF_ORDER", "A frame before this one was left out.");

    public static readonly PollingRefusal NeverSent = new(
        StatusCodes.Status409Conflict, "NEVER_SENT", "What is acknowledged was never sent.");

    public static readonly PollingRefusal Closed = new(
        StatusCodes.Status410Gone, "CONNECTION_CLOSED", "The connection is closed. A poll says why.");

    public static readonly PollingRefusal TooLarge = new(
        StatusCodes.Status413PayloadTooLarge, "MESSAGE_TOO_LARGE", "The frame is larger than Limits.message_bytes.");

    public static readonly PollingRefusal RateLimited = new(
        StatusCodes.Status429TooManyRequests, "RATE_LIMITED", "Too many requests with keys that are not there. Come back later.");

    public static readonly PollingRefusal GoingAway = new(
        StatusCodes.Status503ServiceUnavailable, "GOING_AWAY", "This gateway stops. Come back.");

    public static readonly PollingRefusal TooManyConnections = new(
        StatusCodes.Status503ServiceUnavailable, "TOO_MANY_CONNECTIONS", "Too many connections. Come back later.");

    public static IReadOnlyList<PollingRefusal> All { get; } =
    [
        NumberInvalid, OriginNotAllowed, NotFound, MethodNotAllowed, TooSlow, Replaced, FrameOutOfOrder, NeverSent, Closed,
        TooLarge, RateLimited, GoingAway, TooManyConnections,
    ];
}
