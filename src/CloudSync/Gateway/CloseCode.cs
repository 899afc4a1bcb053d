// Every code with which a gateway closes a connection. 4000–4099: come back. 4100–4199: do not, the same client would be
// refused again. docs/protocol.md has the same table, and a test compares the two.

using System.Net.WebSockets;

namespace CloudSync.Gateway;

/// <summary>Why a connection is closed, as the client hears it.</summary>
/// <param name="Value">The code in the WebSocket close frame.</param>
/// <param name="Name">For logs, metrics and the table in docs/protocol.md.</param>
/// <param name="Reason">The reason in the close frame; at most 123 bytes.</param>
internal sealed record CloseCode(int Value, string Name, string Reason)
{
    // A client that closes with one of these comes back, as it is to when it is closed with one.
    public const int FirstComeBack = 4000;
    public const int LastComeBack = 4099;

    // The client closed, or went away.
    public static readonly CloseCode Normal = new(1000, "NORMAL", "");

    // Broken below the protocol of this table; by the WebSocket itself where that is not ours.
    public static readonly CloseCode WebSocketBroken =
        new(1002, "WEBSOCKET", "The client broke the WebSocket protocol.");
    public static readonly CloseCode WebSocketFlooded =
        new(1008, "WEBSOCKET_FLOODED", "Too many pings between two messages, or pieces of one.");

    // Come back.
    public static readonly CloseCode GoingAway =
        new(4000, "GOING_AWAY", "This gateway stops. Come back as GoingAway said.");
    public static readonly CloseCode TooManyConnections =
        new(4001, "TOO_MANY_CONNECTIONS", "Too many connections. Come back later.");
    public static readonly CloseCode HeartbeatTimeout =
        new(4002, "HEARTBEAT_TIMEOUT", "Nothing was heard for too long. Send Ping when there is nothing else to send.");
    public static readonly CloseCode ReceiveTimeout =
        new(4003, "RECEIVE_TIMEOUT", "Hello, or a message that was begun, did not arrive whole in time.");
    public static readonly CloseCode SendTimeout =
        new(4004, "SEND_TIMEOUT", "What was sent was not read in time.");
    public static readonly CloseCode Internal =
        new(4005, "INTERNAL", "Something broke in the gateway.");
    public static readonly CloseCode TokenExpired =
        new(4006, "TOKEN_EXPIRED", "The token has ended. Come back with another.");

    public static readonly CloseCode GatewayBusy =
        new(4007, "GATEWAY_BUSY", "Others come too. Come back when the error says.");
    public static readonly CloseCode RateLimited =
        new(4008, "RATE_LIMITED", "Too fast. Come back when the error says.");

    // Do not come back.
    public const int FirstRefusal = 4100;

    public static readonly CloseCode MalformedFrame =
        new(4100, "MALFORMED_FRAME", "The message is not a ClientFrame.");
    public static readonly CloseCode TextMessage =
        new(4101, "TEXT_MESSAGE", "Messages are binary.");
    public static readonly CloseCode MessageTooLarge =
        new(4102, "MESSAGE_TOO_LARGE", "The message is larger than Limits.message_bytes.");
    public static readonly CloseCode UnsupportedProtocolVersion =
        new(4103, "UNSUPPORTED_PROTOCOL_VERSION", "This gateway speaks protocol version 1.");
    public static readonly CloseCode HelloExpected =
        new(4104, "HELLO_EXPECTED", "The first message is Hello.");
    public static readonly CloseCode HelloInvalid =
        new(4105, "HELLO_INVALID", "The Hello is not valid; the Error says why.");
    public static readonly CloseCode Unauthorized =
        new(4106, "UNAUTHORIZED", "The token is not valid.");

    public static IReadOnlyList<CloseCode> All { get; } =
    [
        Normal, GoingAway, TooManyConnections, HeartbeatTimeout, ReceiveTimeout, SendTimeout, Internal,
        TokenExpired, GatewayBusy, RateLimited,
        MalformedFrame, TextMessage, MessageTooLarge, UnsupportedProtocolVersion, HelloExpected, HelloInvalid,
        Unauthorized,
    ];

    public bool ComeBack => Value is >= FirstComeBack and <= LastComeBack;

    public WebSocketCloseStatus Status => (WebSocketCloseStatus)Value;
}
