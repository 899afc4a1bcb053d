// What is said to people, in words.

using System.Globalization;

namespace CloudSync.Cluster;

internal static class Words
{
    /// <summary>"1 gateway", "2 gateways".</summary>
    public static string Count(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
