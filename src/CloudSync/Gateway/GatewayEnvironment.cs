// What all connections of this process share, so that a connection holds one reference and not a dozen.

using CloudSync.Documents;
using CloudSync.Protocol.V1;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Gateway;

internal sealed class GatewayEnvironment : IDisposable
{
    /// <summary>The version of the protocol that this gateway speaks.</summary>
    public const int ProtocolVersion = 1;

    private readonly CancellationTokenSource _stopped = new();
    private long _connections;
    private bool _draining;

    public GatewayEnvironment(
        IOptions<CloudSyncOptions> options, DocumentRegistry documents, ConnectionTable connections, TimeProvider time,
        GatewayMetrics metrics, ILogger<GatewayEnvironment> log, IEnumerable<ICloudSyncAuthenticator> authenticators,
        FlushQueue? flushes = null, ProcessLag? lag = null)
    {
        Flushes = flushes ?? FlushQueue.OfThreadPool;
        Options = options.Value;
        Documents = documents;
        Connections = connections;
        Time = time;
        Metrics = metrics;
        Log = log;
        Authenticator = authenticators.LastOrDefault();
        HeartbeatTimeout = Ticks(Options.HeartbeatTimeout);
        ReceiveTimeout = Ticks(Options.ReceiveTimeout);
        SendTimeout = Ticks(Options.SendTimeout);
        CloseTimeout = Ticks(TimeSpan.FromSeconds(5));
        ThrottleTimeout = Ticks(Options.ThrottleTimeout);
        Admission = new(Options.Limits, connections, time, metrics, lag ?? ProcessLag.None);
    }

    public CloudSyncOptions Options { get; }

    public DocumentRegistry Documents { get; }

    public ConnectionTable Connections { get; }

    /// <summary>Who gets in, and how fast.</summary>
    public GatewayAdmission Admission { get; }

    public TimeProvider Time { get; }

    public GatewayMetrics Metrics { get; }

    public ILogger Log { get; }

    /// <summary>Where connections that have something to send wait for their turn.</summary>
    public FlushQueue Flushes { get; }

    public ICloudSyncAuthenticator? Authenticator { get; }

    /// <summary>No new connections and no new documents: the gateway stops.</summary>
    public bool Draining
    {
        get => Volatile.Read(ref _draining);
        set => Volatile.Write(ref _draining, value);
    }

    /// <summary>Cancelled when the drain is over: whoever still waits for the log on a connection's behalf gives up.</summary>
    public CancellationToken Stopped => _stopped.Token;

    // Timeouts, in the units of TimeProvider.GetTimestamp.
    public long HeartbeatTimeout { get; }

    public long ReceiveTimeout { get; }

    public long SendTimeout { get; }

    /// <summary>How long the other side may take to answer a close frame.</summary>
    public long CloseTimeout { get; }

    public long ThrottleTimeout { get; }

    public long NextConnection() => Interlocked.Increment(ref _connections);

    public void Stop() => _stopped.Cancel();

    public void Dispose() => _stopped.Dispose();

    public ServerMessage Welcome(string connectionId, ulong tokenValidForMs) => new()
    {
        Welcome = new Welcome
        {
            ProtocolVersion = ProtocolVersion,
            GatewayId = Options.GatewayId,
            ConnectionId = connectionId,
            Limits = new Limits
            {
                MessageBytes = (uint)Options.Limits.MessageBytes,
                OperationBytes = (uint)Options.Limits.OperationBytes,
                DocumentLength = (uint)Options.Limits.DocumentLength,
                DocumentsPerConnection = (uint)Options.Limits.DocumentsPerConnection,
                PresenceBytes = (uint)Options.Limits.PresenceBytes,
            },
            HeartbeatIntervalMs = (uint)Options.HeartbeatInterval.TotalMilliseconds,
            HeartbeatTimeoutMs = (uint)Options.HeartbeatTimeout.TotalMilliseconds,
            ServerTimeMs = Time.GetUtcNow().ToUnixTimeMilliseconds(),
            TokenValidForMs = tokenValidForMs,
        },
    };

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Time.TimestampFrequency);
}
