// Where polled connections get their sockets and keys: a seam for the simulator, in which nothing is random that its seed doesn't
// choose, and both ends of a connection are compared.

using System.Security.Cryptography;

namespace CloudSync.Gateway.Polling;

internal class PolledSockets
{
    private const int KeyBytes = 16;

    /// <summary>A key that nobody guesses.</summary>
    public virtual string NewKey()
    {
        Span<byte> bytes = stackalloc byte[KeyBytes];
        RandomNumberGenerator.Fill(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>The socket of the connection with this key.</summary>
    public virtual PolledSocket NewSocket(string key) => new();
}
