// How late a process is with its work: how long what is put into the thread pool's queue waits for its turn. It is measured only while
// somebody wants to get in, so it costs nothing at other times.

namespace CloudSync.Gateway;

/// <summary>Measures now and then, if it is asked to.</summary>
internal abstract class ProcessLag
{
    /// <summary>Work is never late, for the simulator and for tests that don't say otherwise.</summary>
    public static ProcessLag None { get; } = new Never();

    /// <summary>That of the thread pool.</summary>
    public static ProcessLag OfThreadPool(TimeProvider time) => new ThreadPoolLag(time);

    /// <summary>Measures, unless it does so already or has just done it; never blocks.</summary>
    /// <param name="measured">Told how late work was, once.</param>
    public abstract void Measure(Action<TimeSpan> measured);

    private sealed class Never : ProcessLag
    {
        public override void Measure(Action<TimeSpan> measured) => measured(TimeSpan.Zero);
    }

    private sealed class ThreadPoolLag(TimeProvider time) : ProcessLag, IThreadPoolWorkItem
    {
        private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(10);

        private Action<TimeSpan>? _measured;
        private long _startedTimestamp;
        private int _measuring;

        public override void Measure(Action<TimeSpan> measured)
        {
            if (Volatile.Read(ref _measuring) == 1 || time.GetElapsedTime(Volatile.Read(ref _startedTimestamp)) < _interval
                || Interlocked.Exchange(ref _measuring, 1) == 1)
                return;
            Volatile.Write(ref _startedTimestamp, time.GetTimestamp());
            _measured = measured;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        public void Execute()
        {
            var (measured, lag) = (_measured!, time.GetElapsedTime(_startedTimestamp));
            Volatile.Write(ref _measuring, 0);
            measured(lag);
        }
    }
}
