// The request that turns an HTTP connection into a WebSocket, and what the server says to it.

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.Bench.Generator;

internal enum UpgradeState
{
    /// <summary>The connection is a WebSocket.</summary>
    Accepted,

    /// <summary>The answer is still on its way.</summary>
    Partial,

    /// <summary>The server wants none, or answers something else.</summary>
    Refused,
}

/// <summary>A key and what belongs to it: the same for all connections of a generator, since no server may care.</summary>
internal sealed class HttpUpgrade
{
    private const string AcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private const int AnswerBytesMax = 16 << 10;

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
    private readonly string _accept;

    public HttpUpgrade()
    {
#pragma warning disable CA5350 // RFC 6455 names SHA-1; nothing is kept secret by it.
        _accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(_key + AcceptSuffix)));
#pragma warning restore CA5350
    }

    /// <summary>Writes the request; returns how many bytes that took.</summary>
    public int Write(Span<byte> buffer, string host, string path, string moreHeaders) => Encoding.ASCII.GetBytes(
        $"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + $"Sec-WebSocket-Key: {_key}\r\n{moreHeaders}\r\n",
        buffer);

    /// <summary>Reads the answer.</summary>
    /// <param name="bytes">What has come.</param>
    /// <param name="length">Bytes of the answer, if it is accepted; frames may stand behind it.</param>
    /// <param name="refusal">
    /// What the server says, and after how long one may come back if it says that: exactly, or in whole seconds.
    /// </param>
    public UpgradeState Read(ReadOnlySpan<byte> bytes, out int length, out (string Reason, TimeSpan? RetryAfter, bool IsExact) refusal)
    {
        refusal = default;
        length = bytes.IndexOf("\r\n\r\n"u8) + 4;
        if (length < 4)
        {
            if (bytes.Length < AnswerBytesMax)
                return UpgradeState.Partial;
            refusal = ("The server's answer to the upgrade has no end.", null, false);
            return UpgradeState.Refused;
        }

        var lines = Encoding.ASCII.GetString(bytes[..length]).Split("\r\n");
        if (lines[0].StartsWith("HTTP/1.1 101", StringComparison.Ordinal) && HeaderOf("Sec-WebSocket-Accept") == _accept)
            return UpgradeState.Accepted;
        var exactly = SecondsIn("CloudSync-Retry-After-Ms", 0.001);
        refusal = ($"The server refused the upgrade: {lines[0]}", exactly ?? SecondsIn("Retry-After", 1), exactly is not null);
        return UpgradeState.Refused;

        TimeSpan? SecondsIn(string name, double unit) =>
            double.TryParse(HeaderOf(name), CultureInfo.InvariantCulture, out var number) && number * unit is >= 0 and < 3_600 and var seconds
                ? TimeSpan.FromSeconds(seconds)
                : null;

        string? HeaderOf(string name) => lines.FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
            ?[(name.Length + 1)..].Trim();
    }
}
