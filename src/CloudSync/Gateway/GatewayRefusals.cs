// Every refusal that the gateway itself can give, with its words in one place; and how a refusal becomes an Error.

using System.Globalization;
using CloudSync.Documents;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

internal static class GatewayRefusals
{
    // An id that is refused is echoed so far that a client finds its request again, and no farther.
    private const int EchoedIdLength = 64;

    public static Refusal MalformedFrame { get; } = new(
        ErrorCode.MalformedFrame, "The message is not a ClientFrame of protocol version 1. None of it was done.");

    public static Refusal TextMessage { get; } = new(
        ErrorCode.MalformedFrame, "A text message was received; messages are binary.");

    public static Refusal UnknownMessage { get; } = new(
        ErrorCode.UnknownMessage, "A ClientMessage has no body that protocol version 1 knows. It was left out.");

    public static Refusal HelloExpected { get; } = new(
        ErrorCode.HelloExpected, "The first message on a connection is Hello.");

    public static Refusal HelloTwice { get; } = new(
        ErrorCode.HelloInvalid, "Hello was said before; it is said once on a connection.");

    public static Refusal Unauthorized { get; } = new(
        ErrorCode.Unauthorized, "The token is not valid. Get another before you come back.");

    public static Refusal AuthenticatorBroke { get; } = new(
        ErrorCode.Internal, "The token could not be checked just now.", Retry.Later, TimeSpan.FromSeconds(5));

    public static Refusal TokenInvalid { get; } = new(
        ErrorCode.TokenInvalid, "The new token is not valid. The connection goes on with the one it had.");

    public static Refusal TokenOfAnotherUser { get; } = new(
        ErrorCode.TokenOfAnotherUser,
        "The new token is another user's. The connection goes on with the one it had; another user needs another connection.");

    public static Refusal TokenNotChecked { get; } = new(
        ErrorCode.TokenNotChecked, "The new token could not be checked just now. The connection goes on with the one it had.",
        Retry.Later, TimeSpan.FromSeconds(5));

    public static Refusal TokenExpired { get; } = new(
        ErrorCode.TokenExpired, "The token has ended. Come back with another.", Retry.Later);

    public static Refusal Internal { get; } = new(
        ErrorCode.Internal, "Something broke in the gateway. The server's log says what.", Retry.Later,
        TimeSpan.FromSeconds(5));

    public static Refusal DocumentNotOpen { get; } = new(
        ErrorCode.DocumentNotOpen, "The document is not open on this connection. Open it first.", Retry.Reopen);

    public static Refusal DocumentAlreadyOpen { get; } = new(
        ErrorCode.DocumentAlreadyOpen, "The document is open on this connection already.");

    public static Refusal UnsupportedProtocolVersion(uint version) => new(
        ErrorCode.UnsupportedProtocolVersion,
        Invariant($"Protocol version {version} is not spoken here; version {GatewayEnvironment.ProtocolVersion} is."),
        Limit: "protocol_version", LimitValue: GatewayEnvironment.ProtocolVersion);

    public static Refusal MessageTooLarge(int limit) => new(
        ErrorCode.MessageTooLarge, Invariant($"The message is over {limit:N0} bytes, which is all one may have."),
        Limit: nameof(CloudSyncLimits.MessageBytes), LimitValue: limit);

    public static Refusal TooManyConnections(string limit, int value) => new(
        ErrorCode.TooManyConnections, Invariant($"There are {value:N0} connections, which is all there may be."),
        Retry.Later, TimeSpan.FromSeconds(5), limit, value);

    /// <summary>Others are before it: come back when they are in.</summary>
    public static Refusal Busy(string what, string limit, int value, TimeSpan wait) => new(
        ErrorCode.GatewayBusy,
        Invariant($"This gateway takes at most {value:N0} {what} a second, fewer when it is busy, and others were before you."),
        Retry.Later, wait, limit, value);

    public static Refusal RateLimited(string what, string limit, int value, TimeSpan wait) => new(
        ErrorCode.RateLimited, Invariant($"There are more than {value:N0} {what} a second, which is all there may be."),
        Retry.Later, wait, limit, value);

    public static Refusal TooManyTokens(int limit, TimeSpan wait) => new(
        ErrorCode.TooManyTokens, Invariant($"{limit:N0} tokens were given within a minute, which is all there may be."),
        Retry.Later, wait, nameof(CloudSyncLimits.TokensPerMinute), limit);

    public static Refusal TooManyDocuments(int limit) => new(
        ErrorCode.TooManyDocuments,
        Invariant($"This connection has {limit:N0} documents open, which is all it may have. Close one first."),
        Limit: nameof(CloudSyncLimits.DocumentsPerConnection), LimitValue: limit);

    public static Refusal VersionUnknown(ulong version) => new(
        ErrorCode.VersionUnknown, Invariant($"Version {version} does not exist."));

    public static ServerMessage ToMessage(this Refusal refusal, string documentId = "", ulong clientSequence = 0) => new()
    {
        Error = new Error
        {
            Code = refusal.Code,
            Message = refusal.Message,
            DocumentId = documentId.Length <= EchoedIdLength ? documentId : documentId[..EchoedIdLength],
            ClientSeq = clientSequence,
            Retry = refusal.Retry,
            RetryAfterMs = (uint)Math.Clamp(refusal.RetryAfter.TotalMilliseconds, 0, uint.MaxValue),
            Limit = refusal.Limit ?? "",
            LimitValue = (ulong)Math.Max(0, refusal.LimitValue),
        },
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
