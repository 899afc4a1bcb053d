// A process's clocks and timers. The time of day may be wrong and may jump; the other clock runs a little too fast or too slow,
// as they do.

namespace CloudSync.Simulation.World;

internal sealed class SimulatedClock(SimulatedProcess process) : TimeProvider
{
    private static readonly DateTimeOffset _epoch = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>By how much the time of day is wrong.</summary>
    public TimeSpan Error { get; set; }

    /// <summary>How fast the other clock runs; 1 is right.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>Timers that are set.</summary>
    public int ArmedTimers { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long GetTimestamp() => (long)(process.World.Now * Rate);

    public override DateTimeOffset GetUtcNow() => _epoch + TimeSpan.FromTicks(process.World.Now) + Error;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimulatedTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(SimulatedClock clock, TimerCallback callback, object? state) : ITimer
    {
        private readonly SimulatedProcess _process = clock.Process;
        private TimeSpan _period;
        private long _armed;
        private bool _due;
        private bool _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_disposed)
                return false;
            _period = period;
            Disarm();
            if (dueTime != Timeout.InfiniteTimeSpan)
                Arm(dueTime);
            return true;
        }

        public void Dispose()
        {
            Disarm();
            _disposed = true;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan wait)
        {
            clock.ArmedTimers++;
            // Real ones have milliseconds, and are rather late than early.
            var ticks = Math.Max(wait.Ticks, 0) / clock.Rate;
            _armed = _process.World.At(_process.World.Now + (long)ticks, static (timer, order) => ((SimulatedTimer)timer!).Ring(order), this);
        }

        private void Disarm()
        {
            if (_armed == 0)
                return;
            _armed = 0;
            clock.ArmedTimers--;
        }

        private void Ring(long order)
        {
            if (order != _armed || !_process.IsAlive)
                return;
            Disarm();
            if (_period > TimeSpan.Zero)
                Arm(_period);
            // A process that stands still hears once of all that it has missed.
            if (_due)
                return;
            _due = true;
            _process.World.Enqueue(_process, static timer => ((SimulatedTimer)timer!).Call(), this);
        }

        private void Call()
        {
            _due = false;
            if (!_disposed)
                callback(state);
        }
    }

    private SimulatedProcess Process => process;
}
