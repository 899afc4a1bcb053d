// A process of the simulated world: where production code runs. What it awaits comes back through its context, what it starts goes
// through its scheduler, its timers and clocks are its own. When it dies, none of it runs any more, wherever it was.

namespace CloudSync.Simulation.World;

internal sealed class SimulatedProcess : IDisposable
{
    private readonly ProcessContext _context;

    public SimulatedProcess(SimulatedWorld world, string name, TimeSpan clockError = default, double clockRate = 1)
    {
        World = world;
        Name = name;
        _context = new(this);
        Scheduler = new ProcessScheduler(this);
        Clock = new(this) { Error = clockError, Rate = clockRate };
    }

    public SimulatedWorld World { get; }

    public string Name { get; }

    public bool IsAlive { get; private set; } = true;

    /// <summary>It stands still until then, as by a full disk cache, a long garbage collection or SIGSTOP.</summary>
    public long PausedUntil { get; private set; }

    public TaskScheduler Scheduler { get; }

    public SimulatedClock Clock { get; }

    /// <summary>Raised when it dies.</summary>
    public event Action? Died;

    /// <summary>Dies, in the midst of whatever it is doing.</summary>
    public void Kill()
    {
        if (!IsAlive)
            return;
        IsAlive = false;
        Died?.Invoke();
    }

    public void Pause(TimeSpan time) => PausedUntil = Math.Max(PausedUntil, World.Now + time.Ticks);

    public void Dispose() => Kill();

    /// <summary>Runs something in this process soon.</summary>
    public void Post(Action act) => World.Enqueue(this, static act => ((Action)act!)(), act);

    /// <summary>Runs something in this process, now.</summary>
    public void Run(SendOrPostCallback act, object? state)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            act(state);
        }
        catch (Exception exception)
        {
            World.Fail("unhandled", $"An exception ended {Name}: {exception}");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs something that was held up.</summary>
    public void Resume(SendOrPostCallback act, object? state)
    {
        if (!IsAlive)
            return;
        if (PausedUntil > World.Now)
            World.Enqueue(this, act, state);
        else
            Run(act, state);
    }

    private sealed class ProcessContext(SimulatedProcess process) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => process.World.Enqueue(process, d, state);

        public override void Send(SendOrPostCallback d, object? state) =>
            throw new NotSupportedException("Nothing in the simulated world waits for another thread.");

        public override SynchronizationContext CreateCopy() => this;
    }

    private sealed class ProcessScheduler(SimulatedProcess process) : TaskScheduler
    {
        protected override void QueueTask(Task task) => process.World.Enqueue(process, Execute, task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];

        private void Execute(object? task) => TryExecuteTask((Task)task!);
    }
}
