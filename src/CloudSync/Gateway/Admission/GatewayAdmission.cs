// Who gets in, and how fast: connections and documents at the pace that this process can take (Pace.cs), and from each address and
// each user no faster than the options say. A refusal costs next to nothing: nobody is authenticated for it and nothing is read.

using System.Net;
using CloudSync.Documents;
using CloudSync.Protocol.V1;

namespace CloudSync.Gateway;

/// <summary>Thread-safe.</summary>
internal sealed class GatewayAdmission
{
    // What an address or a user may do at once after a quiet time, in terms of what it may do in a second: an office that comes back from
    // lunch, or whose line was down.
    private static readonly TimeSpan _savedUp = TimeSpan.FromSeconds(10);

    // The same for what one connection sends.
    private static readonly TimeSpan _savedUpByConnection = TimeSpan.FromSeconds(2);

    private readonly CloudSyncLimits _limits;
    private readonly ConnectionTable _table;
    private readonly TimeProvider _time;
    private readonly GatewayMetrics _metrics;
    private readonly ProcessLag _lag;
    private readonly Action<TimeSpan> _measured;
    private readonly Pace _connections;
    private readonly Pace _loads;
    private readonly RateTable<IPAddress> _addresses;
    private readonly RateTable<string> _users;
    private readonly RateTable<IPAddress> _strangers;

    public GatewayAdmission(CloudSyncLimits limits, ConnectionTable table, TimeProvider time, GatewayMetrics metrics, ProcessLag lag)
    {
        (_limits, _table, _time, _metrics, _lag) = (limits, table, time, metrics, lag);
        _connections = new(limits.ConnectionsPerSecond, time.TimestampFrequency);
        _loads = new(limits.DocumentLoadsPerSecond, time.TimestampFrequency);
        _addresses = new(
            PerSecond(limits.ConnectionsPerSecondPerAddress, _savedUp), PerSecond(limits.OpensPerSecondPerAddress, _savedUp));
        _users = new(PerSecond(limits.ConnectionsPerSecondPerUser, _savedUp), PerSecond(limits.OpensPerSecondPerUser, _savedUp));
        var unknownKeys = PerSecond(limits.UnknownKeysPerSecondPerAddress, _savedUp);
        _strangers = new(unknownKeys, unknownKeys);
        Messages = PerSecond(limits.MessagesPerSecond, _savedUpByConnection);
        Bytes = PerSecond(limits.BytesPerSecond, _savedUpByConnection);
        metrics.ObservePace(() => _connections.PerSecond, () => _loads.PerSecond);
        _measured = OnMeasured;
    }

    /// <summary>Of one connection.</summary>
    public Rate Messages { get; }

    /// <summary>Of one connection.</summary>
    public Rate Bytes { get; }

    /// <summary>
    /// Counts a connection in, or says what stands in its way: it is told so over a socket that is closed at once, or, if so many
    /// are being told so or it can read that, with HTTP 503. <see cref="ConnectionTable.Leave"/> counts it out.
    /// </summary>
    /// <param name="address">From where.</param>
    /// <param name="readsHttp">It reads an HTTP answer, which costs less. A page in a browser doesn't.</param>
    /// <param name="refusal">What stands in its way.</param>
    public Admission Enter(IPAddress address, bool readsHttp, out ConnectionRefusal? refusal)
    {
        refusal = CheckConnection(address);
        if (refusal is null)
        {
            var admission = _table.Enter(address, _limits, out var limit, out var value);
            if (admission == Admission.Admitted)
                return admission;
            refusal = new(GatewayRefusals.TooManyConnections(limit, value), CloseCode.TooManyConnections);
            _metrics.NotAdmitted(limit);
            return admission;
        }

        _metrics.NotAdmitted(refusal.Refusal.Limit!);
        // In a storm there are thousands of these.
        return readsHttp && refusal.Code == CloseCode.GatewayBusy ? Admission.TurnedAway : _table.EnterRefused();
    }

    /// <summary>
    /// What stands in anybody's way just now, so that there is no need to find out who it is; null if nothing does. For programs:
    /// they read an answer in HTTP.
    /// </summary>
    public ConnectionRefusal? RefuseAnybody()
    {
        _lag.Measure(_measured);
        if (!_connections.TryRefuse(Now, out var wait))
            return null;
        _metrics.NotAdmitted(nameof(_limits.ConnectionsPerSecond));
        return Busy(wait);
    }

    /// <summary>Null if a user, whom the host has authenticated, may make another connection.</summary>
    public ConnectionRefusal? EnterUser(string userId)
    {
        if (userId.Length == 0 || _users.Connect(userId, Now) is not (var ticks and > 0))
            return null;
        var limit = _limits.ConnectionsPerSecondPerUser;
        _metrics.NotAdmitted(nameof(_limits.ConnectionsPerSecondPerUser));
        return new(
            GatewayRefusals.RateLimited("connections of this user", nameof(_limits.ConnectionsPerSecondPerUser), limit, Wait(ticks)),
            CloseCode.RateLimited);
    }

    /// <summary>Null if a document may be opened.</summary>
    /// <param name="address">From where.</param>
    /// <param name="userId">By whom, if the host has authenticated somebody; or null.</param>
    /// <param name="isInMemory">It needn't be read from the log.</param>
    public Refusal? CheckOpen(IPAddress address, string? userId, bool isInMemory)
    {
        var now = Now;
        Refusal? refusal = null;
        if (!IsExempt(address) && _addresses.Open(address, now) is var ofAddress and > 0)
        {
            refusal = GatewayRefusals.RateLimited(
                "documents opened from this address", nameof(_limits.OpensPerSecondPerAddress), _limits.OpensPerSecondPerAddress,
                Wait(ofAddress));
        }
        else if (!string.IsNullOrEmpty(userId) && _users.Open(userId, now) is var ofUser and > 0)
        {
            refusal = GatewayRefusals.RateLimited(
                "documents opened by this user", nameof(_limits.OpensPerSecondPerUser), _limits.OpensPerSecondPerUser, Wait(ofUser));
        }
        else if (!isInMemory)
        {
            _lag.Measure(_measured);
            if (!_loads.TryTake(now, out var wait))
            {
                refusal = GatewayRefusals.Busy(
                    "documents that have to be read", nameof(_limits.DocumentLoadsPerSecond), _limits.DocumentLoadsPerSecond, wait);
            }
        }

        if (refusal is not null)
            _metrics.NotAdmitted(refusal.Limit!);
        return refusal;
    }

    /// <summary>
    /// After a request of a polled connection that isn't there: null if it may be told so, else how long this address is to stay away.
    /// </summary>
    public ConnectionRefusal? CheckUnknownKey(IPAddress address)
    {
        if (IsExempt(address) || _strangers.Connect(address, Now) is not (var ticks and > 0))
            return null;
        var limit = _limits.UnknownKeysPerSecondPerAddress;
        _metrics.NotAdmitted(nameof(_limits.UnknownKeysPerSecondPerAddress));
        return new(
            GatewayRefusals.RateLimited("unknown keys from this address", nameof(_limits.UnknownKeysPerSecondPerAddress), limit, Wait(ticks)),
            CloseCode.RateLimited);
    }

    private long Now => _time.GetTimestamp();

    private ConnectionRefusal? CheckConnection(IPAddress address)
    {
        var now = Now;
        if (!IsExempt(address) && _addresses.Connect(address, now) is var ticks and > 0)
        {
            return new(
                GatewayRefusals.RateLimited(
                    "connections from this address", nameof(_limits.ConnectionsPerSecondPerAddress),
                    _limits.ConnectionsPerSecondPerAddress, Wait(ticks)),
                CloseCode.RateLimited);
        }

        _lag.Measure(_measured);
        return _connections.TryTake(now, out var wait) ? null : Busy(wait);
    }

    private ConnectionRefusal Busy(TimeSpan wait) => new(
        GatewayRefusals.Busy("connections", nameof(_limits.ConnectionsPerSecond), _limits.ConnectionsPerSecond, wait),
        CloseCode.GatewayBusy);

    // Who is on this machine is a proxy that isn't among the trusted ones, behind which is everybody, or the operator's own tool.
    private static bool IsExempt(IPAddress address) => IPAddress.IsLoopback(address);

    private void OnMeasured(TimeSpan lag)
    {
        _connections.Measured(lag, Now);
        _loads.Measured(lag, Now);
        _metrics.Lagged(lag);
    }

    private Rate PerSecond(int count, TimeSpan savedUp) => new(count, savedUp, _time.TimestampFrequency);

    private TimeSpan Wait(long ticks) => TimeSpan.FromSeconds(Math.Max(0.001, ticks / (double)_time.TimestampFrequency));
}

/// <summary>Why somebody doesn't get in.</summary>
/// <param name="Refusal">In words, with a time to come back.</param>
/// <param name="Code">What the connection is closed with.</param>
internal sealed record ConnectionRefusal(Refusal Refusal, CloseCode Code)
{
    /// <summary>The header that says it exactly, for clients that know it.</summary>
    public const string RetryAfterMsHeader = "CloudSync-Retry-After-Ms";

    public string RetryAfterMs => Math.Ceiling(Refusal.RetryAfter.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>For HTTP: whole seconds, at least 1.</summary>
    public string RetryAfterSeconds =>
        Math.Max(1, Math.Ceiling(Refusal.RetryAfter.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
