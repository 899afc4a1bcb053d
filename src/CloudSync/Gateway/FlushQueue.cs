// Where flushes run: the thread pool, or the simulator's single thread.

namespace CloudSync.Gateway;

internal abstract class FlushQueue
{
    public static FlushQueue OfThreadPool { get; } = new ThreadPoolQueue();

    /// <summary>Runs a flush soon, never before this returns.</summary>
    public abstract void Enqueue(IThreadPoolWorkItem flush);

    private sealed class ThreadPoolQueue : FlushQueue
    {
        public override void Enqueue(IThreadPoolWorkItem flush) =>
            ThreadPool.UnsafeQueueUserWorkItem(flush, preferLocal: false);
    }
}
