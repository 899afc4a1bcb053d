// What the server's close codes tell a client: come back, or don't. The table stands in docs/protocol.md.

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

internal static class CloseCodes
{
    // What a client closes with that doesn't.
    public const int Normal = 1000;

    // What a client closes with that comes back, to a server that goes away for example; without it the others see it leave.
    public const int GoingAway = 4000;

    // In this range: the same client would be refused again.
    private const int FirstRefusal = 4100;
    private const int LastRefusal = 4199;

    public static TransportClosure Describe(int code, string? description)
    {
        var message = $"The server closed the connection: {code} {description}".TrimEnd();
        return code is >= FirstRefusal and <= LastRefusal
            ? new(message, new Refusal(ErrorCode.Unspecified, message), ByServer: true)
            : new(message, ByServer: code is >= GoingAway and < FirstRefusal);
    }
}
