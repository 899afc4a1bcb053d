// The pace at which a process takes on new work, so that those it serves already don't notice: as much as it has to spare, and no more
// than an option says. Who is refused is told when to come back: each at a time of its own, one after another behind those who were
// told before.

namespace CloudSync.Gateway;

/// <summary>Thread-safe.</summary>
/// <param name="ceiling">So many a second at the most.</param>
/// <param name="frequency">Ticks of the clock in a second.</param>
internal sealed class Pace(int ceiling, long frequency)
{
    // Work that waits so long for its turn shows that there is nothing to spare: an edit takes three or four turns, and all of them
    // together are to stay below 100 ms.
    private static readonly TimeSpan _lagMax = TimeSpan.FromMilliseconds(20);

    // However busy the process is: somebody gets in.
    private const int FloorShare = 50;

    // From nothing to the ceiling, when there is no lag.
    private static readonly TimeSpan _recovery = TimeSpan.FromSeconds(5);

    // After a quiet time it isn't known how much can be taken: it begins with half of the ceiling.
    private static readonly TimeSpan _quiet = TimeSpan.FromSeconds(1);
    private const int BeginShare = 2;

    // What comes at once after a quiet time; at a slow pace, so many.
    private static readonly TimeSpan _atOnce = TimeSpan.FromMilliseconds(20);
    private const int AtOnceMin = 100;

    // What was taken on average so lately is what is promised: at the pace of a single moment, which may be the slowest of all, the last
    // would wait long after the storm is over; at one that isn't kept, everybody would be told again and again.
    private static readonly TimeSpan _usually = TimeSpan.FromSeconds(2);

    // Some of the pace is left for those who come unannounced.
    private const double PromisedShare = 0.8;

    private static readonly TimeSpan _waitMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _waitMax = TimeSpan.FromSeconds(60);

    // Multiples of it, taken modulo 1, lie as evenly as can be, however many there are.
    private const double GoldenRatio = 0.6180339887498949;

    private readonly Lock _gate = new();
    private double _perSecond = Math.Max(1, ceiling / (double)BeginShare);
    private double _usual = Math.Max(1, ceiling / (double)BeginShare);
    private double _saved = AtOnce(ceiling, ceiling);
    private long _savedAt;
    private long _measuredAt;
    private long _promisedUntil;
    private double _spread;

    /// <summary>So many a second just now.</summary>
    public double PerSecond
    {
        get
        {
            lock (_gate)
                return _perSecond;
        }
    }

    /// <summary>Takes one on; or says after how long it may come again.</summary>
    /// <param name="now">A timestamp.</param>
    /// <param name="wait">How long, if it is false; at least 100 ms and at most 60 s.</param>
    public bool TryTake(long now, out TimeSpan wait)
    {
        lock (_gate)
        {
            Save_NeedsGate(now);
            wait = default;
            if (_saved >= 1)
            {
                _saved--;
                return true;
            }

            wait = Promise_NeedsGate(now);
            return false;
        }
    }

    /// <summary>Whether nobody can be taken on just now, and after how long to come again; takes nothing if somebody can.</summary>
    /// <param name="now">A timestamp.</param>
    /// <param name="wait">As of <see cref="TryTake"/>, if it is true.</param>
    public bool TryRefuse(long now, out TimeSpan wait)
    {
        lock (_gate)
        {
            Save_NeedsGate(now);
            var refuses = _saved < 1;
            wait = refuses ? Promise_NeedsGate(now) : default;
            return refuses;
        }
    }

    /// <summary>How late work is in this process just now.</summary>
    public void Measured(TimeSpan lag, long now)
    {
        lock (_gate)
        {
            var passed = TimeSpan.FromSeconds(Math.Max(0, now - _measuredAt) / (double)frequency);
            _measuredAt = Math.Max(_measuredAt, now);
            if (passed > _quiet)
            {
                _usual = Math.Max(1, ceiling / (double)BeginShare);
                (_perSecond, passed) = (Math.Min(_perSecond, _usual), TimeSpan.Zero);
            }

            // Where everything is late by a multiple, so is the pace too high by as much; but one measurement proves little.
            _perSecond = lag > _lagMax
                ? Math.Max(Math.Max(1, ceiling / (double)FloorShare), _perSecond * Math.Max(0.5, _lagMax / lag))
                : Math.Min(ceiling, _perSecond + (ceiling * (passed / _recovery)));
            _usual += (_perSecond - _usual) * Math.Min(1, passed / _usually);
        }
    }

    private static double AtOnce(double perSecond, int ceiling) =>
        Math.Max(Math.Min(AtOnceMin, ceiling), perSecond * _atOnce.TotalSeconds);

    private void Save_NeedsGate(long now)
    {
        var passed = Math.Max(0, now - _savedAt) / (double)frequency;
        _savedAt = Math.Max(_savedAt, now);
        _saved = Math.Min(AtOnce(_perSecond, ceiling), _saved + (passed * _perSecond));
    }

    private TimeSpan Promise_NeedsGate(long now)
    {
        var nextToken = (long)((1 - _saved) / _perSecond * frequency);
        var next = Math.Max(_promisedUntil, now + Math.Max(nextToken, Ticks(_waitMin)));
        if (next - now > Ticks(_waitMax))
        {
            // As many as are waited for are promised already: somewhere in the second half.
            _spread = (_spread + GoldenRatio) % 1;
            return _waitMax * (0.5 + (_spread / 2));
        }

        var perSecond = Math.Max(_perSecond, _usual);
        _promisedUntil = next + Math.Max(1, (long)(frequency / (perSecond * PromisedShare)));
        return TimeSpan.FromSeconds((next - now) / (double)frequency);
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * frequency);
}
