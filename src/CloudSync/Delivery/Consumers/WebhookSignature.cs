// How a webhook's receiver knows that a request is ours, whole, and not an old one sent again.

using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.Delivery.Consumers;

/// <summary>The header CloudSync-Signature: "t=&lt;unix seconds&gt;,v1=&lt;HMAC-SHA256 in hex of "&lt;t&gt;." and the body&gt;".</summary>
public static class WebhookSignature
{
    /// <summary>The header's name.</summary>
    public const string Header = "CloudSync-Signature";

    /// <summary>The header's value for a body.</summary>
    public static string Sign(string secret, DateTimeOffset time, ReadOnlySpan<byte> body)
    {
        var seconds = time.ToUnixTimeSeconds();
        return string.Create(CultureInfo.InvariantCulture, $"t={seconds},v1={Convert.ToHexStringLower(Hash(secret, seconds, body))}");
    }

    /// <summary>Whether a body was signed with this secret, within this time before or after now.</summary>
    public static bool Verify(string secret, string header, ReadOnlySpan<byte> body, DateTimeOffset now, TimeSpan tolerance)
    {
        ArgumentNullException.ThrowIfNull(header);
        var comma = header.IndexOf(",v1=", StringComparison.Ordinal);
        if (comma < 0 || !header.StartsWith("t=", StringComparison.Ordinal)
            || !long.TryParse(header.AsSpan(2, comma - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || Math.Abs((decimal)now.ToUnixTimeSeconds() - seconds) > (decimal)tolerance.TotalSeconds)
            return false;
        var expected = Convert.ToHexStringLower(Hash(secret, seconds, body));
        return CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(expected), Encoding.UTF8.GetBytes(header[(comma + 4)..]));
    }

    private static byte[] Hash(string secret, long seconds, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.ASCII.GetBytes(seconds.ToString(CultureInfo.InvariantCulture) + "."));
        hmac.AppendData(body);
        return hmac.GetHashAndReset();
    }
}
