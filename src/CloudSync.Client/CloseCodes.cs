// What the server's close codes tell a client: come back, or don't. The table stands in docs/protocol.md.

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

internal static class CloseCodes
{
    // In this range: the same client would be refused again.
    private const int FirstRefusal = 4100;
    private const int LastRefusal = 4199;

    public static TransportClosure Describe(int code, string? description)
    {
        var message = $"The server closed the connection: {code} {description}".TrimEnd();
        return code is >= FirstRefusal and <= LastRefusal
            ? new(message, new Refusal(ErrorCode.Unspecified, message))
            : new(message);
    }
}
