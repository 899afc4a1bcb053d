// How Redis is reached, and how much of what is kept there or waits for it.

namespace CloudSync.Redis;

/// <summary>Bound from the configuration section "CloudSync:Redis".</summary>
public sealed class RedisOptions
{
    /// <summary>
    /// StackExchange.Redis configuration strings: one for each server that documents are spread over, or a single one that
    /// names nodes of a Redis Cluster. All gateways name the same ones; their order is of no matter.
    /// </summary>
    public IList<string> Servers { get; } = [];

    /// <summary>
    /// What the servers are called, one name for each entry of <see cref="Servers"/>; by it documents are spread over them, so each
    /// has the same name at all gateways. Needed only where gateways reach a server by different addresses; if empty, the addresses
    /// are the names.
    /// </summary>
    public IList<string> Names { get; } = [];

    /// <summary>Stands before every key and channel: what uses the same servers for something else uses another.</summary>
    public string Prefix { get; set; } = "cloudsync:";

    /// <summary>How long what is cached is kept.</summary>
    public TimeSpan CacheTimeToLive { get; set; } = TimeSpan.FromSeconds(3_600);

    /// <summary>The largest content that is cached, in bytes.</summary>
    public int CacheEntryBytes { get; set; } = 8 << 20;

    /// <summary>How long a read of the cache may take before it is given up for the log.</summary>
    public TimeSpan CacheTimeout { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How often each gateway tries whether messages come through a server.</summary>
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A server that has let no message through for this long counts as down.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// A gateway that was silent for so long without a goodbye has died, rather than lost its way to Redis; until then what
    /// it may have committed is looked for in the log.
    /// </summary>
    internal TimeSpan SilencePatience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Messages that may wait for one server; beyond it the oldest are dropped.</summary>
    public int QueuedMessages { get; set; } = 16_384;

    /// <summary>Bytes of the messages that may wait for one server; beyond it the oldest are dropped.</summary>
    public int QueuedBytes { get; set; } = 32 << 20;
}
