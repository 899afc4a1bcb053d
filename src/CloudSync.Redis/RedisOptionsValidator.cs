// Refuses options that can't work, at start, each with the name of the setting to change.

using System.Buffers;
using System.Net;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal sealed class RedisOptionsValidator : IValidateOptions<RedisOptions>
{
    private static readonly SearchValues<char> _notInPrefixes = SearchValues.Create("{}*?[]\\ \r\n");

    private const int MaxServers = 64;
    private const int MaxPrefixLength = 64;
    private const int MaxNameLength = 256;
    private static readonly TimeSpan _longestTime = TimeSpan.FromDays(1);
    private static readonly TimeSpan _longestTimeToLive = TimeSpan.FromDays(365);

    public ValidateOptionsResult Validate(string? name, RedisOptions options)
    {
        var failures = new List<string>();
        if (options.Servers.Count is 0 or > MaxServers)
            failures.Add($"CloudSync:Redis:Servers names {options.Servers.Count} servers; it must name 1 to {MaxServers}.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < options.Servers.Count; i++)
        {
            if (Parse(options.Servers[i]) is not { } server)
                failures.Add($"{SettingOf(i)} is no Redis configuration; one looks like redis-1:6379,password=….");
            else if (!names.Add(NameOf(server)))
                failures.Add($"{SettingOf(i)} names the same server as another entry: {NameOf(server)}.");
        }

        Names(options);
        if (options.Prefix.Length > MaxPrefixLength || options.Prefix.AsSpan().ContainsAny(_notInPrefixes))
            failures.Add($"CloudSync:Redis:Prefix must have at most {MaxPrefixLength} characters, and none of {{}}*?[]\\ or space.");
        Time(nameof(options.CacheTimeToLive), options.CacheTimeToLive, _longestTimeToLive);
        Time(nameof(options.CacheTimeout), options.CacheTimeout, _longestTime);
        Time(nameof(options.ProbeInterval), options.ProbeInterval, _longestTime);
        Time(nameof(options.ProbeTimeout), options.ProbeTimeout, _longestTime);
        if (options.ProbeTimeout <= options.ProbeInterval)
            failures.Add(
                $"CloudSync:Redis:ProbeTimeout ({options.ProbeTimeout}) must be longer than "
                + $"CloudSync:Redis:ProbeInterval ({options.ProbeInterval}).");
        Count(nameof(options.CacheEntryBytes), options.CacheEntryBytes);
        Count(nameof(options.QueuedMessages), options.QueuedMessages);
        Count(nameof(options.QueuedBytes), options.QueuedBytes);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Names(RedisOptions options)
        {
            if (options.Names.Count == 0)
                return;
            if (options.Names.Count != options.Servers.Count)
                failures.Add($"CloudSync:Redis:Names has {options.Names.Count} names for {options.Servers.Count} servers; it must have one for each, or none.");
            if (options.Names.Any(static name => string.IsNullOrEmpty(name) || name.Length > MaxNameLength))
                failures.Add($"CloudSync:Redis:Names: a name must have 1 to {MaxNameLength} characters.");
            if (options.Names.Distinct(StringComparer.Ordinal).Count() < options.Names.Count)
                failures.Add("CloudSync:Redis:Names has one name twice.");
        }

        void Time(string setting, TimeSpan value, TimeSpan longest)
        {
            if (value <= TimeSpan.Zero || value > longest)
                failures.Add($"CloudSync:Redis:{setting} is {value}; it must be more than 0 and at most {longest}.");
        }

        void Count(string setting, int value)
        {
            if (value < 1)
                failures.Add($"CloudSync:Redis:{setting} is {value}; it must be at least 1.");
        }
    }

    public static string SettingOf(int index) => $"CloudSync:Redis:Servers:{index}";

    /// <summary>What names a server among the others if nothing else does: where it is, and not how it is spoken to.</summary>
    public static string NameOf(ConfigurationOptions server) => string.Join(
        ',', server.EndPoints.Select(AddressOf).Order(StringComparer.Ordinal));

    private static string AddressOf(EndPoint endPoint) =>
        endPoint is DnsEndPoint named ? $"{named.Host}:{named.Port}" : endPoint.ToString()!;

    /// <summary>Null if it can't be read, or names no server.</summary>
    public static ConfigurationOptions? Parse(string server)
    {
        try
        {
            var parsed = ConfigurationOptions.Parse(server);
            parsed.SetDefaultPorts();
            return parsed.EndPoints.Count > 0 ? parsed : null;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            return null;
        }
    }
}
