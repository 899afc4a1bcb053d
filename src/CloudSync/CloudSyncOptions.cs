// Everything about CloudSync that can be set, with what it is when nobody sets it.

namespace CloudSync;

/// <summary>How a CloudSync gateway behaves. Bound from the configuration section "CloudSync".</summary>
public sealed class CloudSyncOptions
{
    /// <summary>Names this process among the gateways; random if empty.</summary>
    public string GatewayId { get; set; } = "";

    /// <summary>What is accepted, and what is refused with an error that names the limit.</summary>
    public CloudSyncLimits Limits { get; } = new();

    /// <summary>
    /// Whose pages may connect besides those of this server itself: origins such as "https://app.example.org", or "*" for
    /// any. Programs, which send no Origin, are not concerned.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>A client that has sent nothing for this long sends a Ping.</summary>
    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>Either side that has heard nothing for this long gives the connection up.</summary>
    public TimeSpan HeartbeatTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a new connection may take to say Hello, and each 16 KiB of a started message to arrive.</summary>
    public TimeSpan ReceiveTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one send to a client that reads slowly, or not at all, may take.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>At shutdown, clients are told to come back elsewhere within this window, and edits in flight are committed.</summary>
    public TimeSpan DrainWindow { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a document stays in memory after the last session left it.</summary>
    public TimeSpan DocumentIdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a gateway compares the heads of its open documents with the log's.</summary>
    public TimeSpan HeadCheckInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often a gateway reads up to 1,000 heads from the log while the fan-out of their documents is ill.
    /// </summary>
    public TimeSpan HeadPollInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A snapshot is made after this many operations at the most.</summary>
    public int SnapshotOperations { get; set; } = 1_000;

    /// <summary>A snapshot is made after this many bytes of operations at the most.</summary>
    public int SnapshotBytes { get; set; } = 1 << 20;

    /// <summary>Of an open document, this many operations before the newest snapshot are left unpacked.</summary>
    public int HistoryTailOperations { get; set; } = 2_048;

    /// <summary>Of an open document, older operations are packed when there are so many of them.</summary>
    public int HistoryPackOperations { get; set; } = 4_096;

    /// <summary>
    /// A connection that has sent faster than <see cref="CloudSyncLimits.MessagesPerSecond"/> or
    /// <see cref="CloudSyncLimits.BytesPerSecond"/> for so long, without a break, is closed.
    /// </summary>
    public TimeSpan ThrottleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A gateway whose lease is older than this is gone, and its presence with it.</summary>
    public TimeSpan PresenceLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Whoever loses the connection and is back within this is not seen to leave; 0: everybody is.</summary>
    public TimeSpan ResumeWindow { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>What a gateway accepts. Each refusal names the limit that it is about.</summary>
public sealed class CloudSyncLimits
{
    /// <summary>Connections to this gateway.</summary>
    public int Connections { get; set; } = 18_000;

    /// <summary>Connections to this gateway from one address.</summary>
    public int ConnectionsPerAddress { get; set; } = 18_000;

    /// <summary>
    /// Connections that this gateway takes in a second at the most; fewer when the process is busy, down to a fiftieth of it, and at
    /// first, half of it. Who comes beyond that is told when to come back.
    /// </summary>
    public int ConnectionsPerSecond { get; set; } = 5_000;

    /// <summary>
    /// Documents that this gateway reads from the log in a second, for clients that open them, at the most; fewer when the process is
    /// busy, down to a fiftieth of it.
    /// </summary>
    public int DocumentLoadsPerSecond { get; set; } = 2_000;

    /// <summary>
    /// Connections in a second from one address, and ten seconds' worth of them at once; loopback is not counted. Behind a proxy the
    /// address is the client's own only if the proxy is among CloudSync:TrustedProxies.
    /// </summary>
    public int ConnectionsPerSecondPerAddress { get; set; } = 500;

    /// <summary>Connections in a second of one user whom the host has authenticated, and ten seconds' worth of them at once.</summary>
    public int ConnectionsPerSecondPerUser { get; set; } = 50;

    /// <summary>Documents opened in a second from one address, and ten seconds' worth of them at once; loopback is not counted.</summary>
    public int OpensPerSecondPerAddress { get; set; } = 2_000;

    /// <summary>Documents opened in a second by one user whom the host has authenticated, and ten seconds' worth of them at once.</summary>
    public int OpensPerSecondPerUser { get; set; } = 200;

    /// <summary>
    /// Polls and posts in a second from one address with keys that aren't there, and ten seconds' worth of them at once; loopback is
    /// not counted. More than some of them is somebody who tries keys.
    /// </summary>
    public int UnknownKeysPerSecondPerAddress { get; set; } = 100;

    /// <summary>
    /// Messages in a second on one connection, and two seconds' worth of them at once; who sends more is read from more slowly.
    /// </summary>
    public int MessagesPerSecond { get; set; } = 5_000;

    /// <summary>Bytes in a second on one connection, likewise.</summary>
    public int BytesPerSecond { get; set; } = 16 << 20;

    /// <summary>Tokens that one connection may give in a minute, after that of its Hello.</summary>
    public int TokensPerMinute { get; set; } = 10;

    /// <summary>Bytes in one WebSocket message from a client.</summary>
    public int MessageBytes { get; set; } = (1 << 20) + 4096;

    /// <summary>Bytes of one encoded operation.</summary>
    public int OperationBytes { get; set; } = 1 << 20;

    /// <summary>UTF-16 code units (an embed counts one) in one document.</summary>
    public int DocumentLength { get; set; } = 16 << 20;

    /// <summary>Bytes of text, attributes and embeds in one document.</summary>
    public int DocumentBytes { get; set; } = 64 << 20;

    /// <summary>Documents open at the same time on one connection.</summary>
    public int DocumentsPerConnection { get; set; } = 256;

    /// <summary>Documents in the memory of this process.</summary>
    public int OpenDocuments { get; set; } = 100_000;

    /// <summary>Bytes of old versions that the embedded cache keeps in memory.</summary>
    public int VersionCacheBytes { get; set; } = 64 << 20;

    /// <summary>Sessions in one document on this gateway.</summary>
    public int SessionsPerDocument { get; set; } = 18_000;

    /// <summary>Bytes of one presence state.</summary>
    public int PresenceBytes { get; set; } = 4096;

    /// <summary>Sessions of one document that are shown to the others; those beyond it edit unseen.</summary>
    public int PresencePerDocument { get; set; } = 1_000;

    /// <summary>Operations of one session that are not yet committed.</summary>
    public int PendingPerSession { get; set; } = 16;

    /// <summary>Operations of one document that are not yet committed.</summary>
    public int PendingPerDocument { get; set; } = 4096;

    /// <summary>Bytes of the operations of one document that are not yet committed; one of them is always taken.</summary>
    public int PendingBytesPerDocument { get; set; } = 64 << 20;
}
