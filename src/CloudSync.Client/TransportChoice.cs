// Which way the client connects: over a WebSocket, or over plain requests where the network breaks WebSockets.
//
// A WebSocket is tried first. When two in a row have ended before the server said anything, or one has brought nothing within
// its time or was denied, plain requests are tried at once, so that a server which is merely down isn't taken for a broken
// network: it would have to come up between the two. The same when three in a row were cut off within ten seconds after the
// server's welcome: some let a WebSocket begin and look at it then. What has worked is kept to for a minute; then a WebSocket is
// tried beside the connection, and if it holds the client moves. If not, it is tried again after twice the time, an hour at the
// most.

namespace CloudSync.Client;

/// <summary>How a connection came to its end.</summary>
internal enum ConnectionEnd
{
    /// <summary>Cut off, by whatever there is on the way.</summary>
    Cut,

    /// <summary>It took too long, or was denied.</summary>
    Decisive,

    /// <summary>The server has said so, or there was nothing to connect with.</summary>
    Told,
}

/// <param name="kind">Which ways there are.</param>
/// <param name="retryFirst">After how long over plain requests a WebSocket is tried for the first time, if it isn't a minute.</param>
internal sealed class TransportChoice(TransportKind kind, TimeSpan? retryFirst = null)
{
    /// <summary>How long a trial may take to connect.</summary>
    public static readonly TimeSpan TrialPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long one that has connected must hold: some are cut off after the handshake.</summary>
    public static readonly TimeSpan TrialHolds = TimeSpan.FromSeconds(2);

    /// <summary>A WebSocket that has lasted as long after the welcome works.</summary>
    public static readonly TimeSpan Holds = TimeSpan.FromSeconds(10);

    private const int FailuresMax = 2;
    private const int CutsMax = 3;

    private static readonly TimeSpan _retryUsually = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _retryMax = TimeSpan.FromHours(1);

    // Of the connection there is.
    private bool _isPolled;
    private bool _heard;
    private TimeSpan? _welcomedAt;

    // WebSockets in a row that have failed, those that were cut off too soon, and connections over plain requests that have failed.
    private int _failures;
    private int _cuts;
    private int _failuresPolled;
    private bool _usePolled;

    // Until then plain requests are what works.
    private TimeSpan _polledUntil = TimeSpan.MinValue;
    private readonly TimeSpan _retryFirst = retryFirst ?? _retryUsually;
    private TimeSpan _retry = retryFirst ?? _retryUsually;

    /// <summary>When to try a WebSocket beside the connection, if at all.</summary>
    public TimeSpan? TrialAt { get; private set; }

    /// <summary>Decides about a connection that begins: true if it is one over plain requests.</summary>
    public bool Begin(TimeSpan now)
    {
        _heard = false;
        _welcomedAt = null;
        _isPolled = kind switch
        {
            TransportKind.Auto => _usePolled || now < _polledUntil,
            var other => other != TransportKind.WebSocket,
        };
        return _isPolled;
    }

    /// <summary>The server has said something on the connection there is.</summary>
    public void Heard() => _heard = true;

    /// <summary>The connection there is works.</summary>
    public void Welcomed(TimeSpan now)
    {
        _welcomedAt = now;
        if (kind != TransportKind.Auto)
            return;
        _failures = _failuresPolled = 0;
        _usePolled = false;
        if (!_isPolled)
        {
            _polledUntil = TimeSpan.MinValue;
            return;
        }

        // One more that fails is enough.
        (_failures, _cuts) = (FailuresMax - 1, CutsMax - 1);
        _polledUntil = _polledUntil > now + _retry ? _polledUntil : now + _retry;
        TrialAt = _polledUntil;
    }

    /// <summary>The connection there is has ended. True: the other way is to be tried at once.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="end">How; a decisive one is enough.</param>
    public bool Ended(TimeSpan now, ConnectionEnd end)
    {
        TrialAt = null;
        if (kind != TransportKind.Auto)
            return false;
        if (_isPolled)
        {
            if (_welcomedAt is not null)
                return false;
            _usePolled = false;
            if (++_failuresPolled >= FailuresMax)
                _polledUntil = TimeSpan.MinValue;
            return false;
        }

        if (_welcomedAt is { } since)
            return EndedOpen(now - since, end);
        if (_heard || end == ConnectionEnd.Told)
            return false;
        _failures++;
        _usePolled = end == ConnectionEnd.Decisive || _failures >= FailuresMax;
        if (_usePolled)
            _failures = FailuresMax;
        return _usePolled;
    }

    /// <summary>A trial begins; the next only when it has ended.</summary>
    public void TrialBegun() => TrialAt = null;

    /// <summary>A trial has ended.</summary>
    public void TrialEnded(TimeSpan now, bool held)
    {
        // Should it fail all the same when the client has moved, that was one try more.
        _retry = _retry * 2 < _retryMax ? _retry * 2 : _retryMax;
        _polledUntil = held ? TimeSpan.MinValue : now + _retry;
        TrialAt = held ? null : _polledUntil;
    }

    private bool EndedOpen(TimeSpan lasted, ConnectionEnd end)
    {
        if (lasted >= Holds)
            (_cuts, _retry) = (0, _retryFirst);
        else if (end != ConnectionEnd.Told)
            _usePolled = ++_cuts >= CutsMax;
        return _usePolled;
    }
}
