// What the server's close codes tell a client: come back, or don't. The table stands in docs/protocol.md.

using CloudSync.Protocol.V1;

namespace CloudSync.Client;

internal static class CloseCodes
{
    // 4500 to 4999: what was done will be answered in the same way again.
    private const int FirstRefusal = 4500;
    private const int LastRefusal = 4999;

    public static TransportClosure Describe(int code, string? description)
    {
        var message = $"The server closed the connection: {code} {description}".TrimEnd();
        return code is >= FirstRefusal and <= LastRefusal
            ? new(message, new Refusal(ErrorCode.Unspecified, message))
            : new(message);
    }
}
