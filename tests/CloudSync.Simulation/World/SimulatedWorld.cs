// The simulated world: one clock, an agenda of what happens when, and what is ready to run now. Everything runs on one thread,
// and every choice comes from the seed, so that a seed gives the same run to the last byte.

namespace CloudSync.Simulation.World;

/// <summary>Times are in ticks of 100 ns since the world began.</summary>
internal sealed class SimulatedWorld
{
    // Not 0: in production code a timestamp of 0 says that something is not so.
    public static readonly long Start = TimeSpan.TicksPerHour;

    // Whatever is ready may be held up for a moment, as by a busy machine: one in so many, by at most so long.
    private const int HeldUpOneIn = 64;
    private static readonly long _heldUpMax = TimeSpan.FromMilliseconds(4).Ticks;

    private readonly PriorityQueue<Happening, (long At, long Order)> _agenda = new();
    private readonly List<Work> _ready = [];
    private readonly Random _order;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly long _stepsMax;
    private long _happenings;
    private long _steps;

    /// <param name="seed">Decides in which order what is ready runs.</param>
    /// <param name="stepsMax">More steps than this are taken for a loop without end.</param>
    public SimulatedWorld(int seed, long stepsMax)
    {
        _order = new Random(seed);
        _stepsMax = stepsMax;
    }

    public long Now { get; private set; } = Start;

    /// <summary>Since the world began.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Now - Start);

    public long Steps => _steps;

    /// <summary>What went wrong first; null as long as nothing has.</summary>
    public Violation? Violation { get; private set; }

    /// <summary>Told what happens, for people; null if nobody listens, which is much quicker.</summary>
    public Action<string>? Listener { get; set; }

    /// <summary>A hash of all that has happened.</summary>
    public RunHash Hash { get; } = new();

    /// <summary>The rare paths that were taken.</summary>
    public Reached Reached { get; } = new();

    private readonly record struct Happening(Action<object?, long> Do, object? State);

    private readonly record struct Work(SimulatedProcess Process, SendOrPostCallback Do, object? State);

    public void Tell(string text) => Listener?.Invoke($"{Elapsed.TotalSeconds,9:0.000} {text}");

    /// <summary>A promise is broken. Only the first counts: the run ends.</summary>
    public void Fail(string kind, string message)
    {
        if (Violation is not null)
            return;
        Violation = new(kind, message, Elapsed);
        Tell($"VIOLATION {kind}: {message}");
    }

    /// <summary>Puts something on the agenda.</summary>
    /// <returns>A number that is given to it when it happens.</returns>
    public long At(long time, Action<object?, long> act, object? state)
    {
        var order = ++_happenings;
        _agenda.Enqueue(new(act, state), (Math.Max(time, Now), order));
        return order;
    }

    public void At(long time, Action act) => At(time, static (act, _) => ((Action)act!)(), act);

    public void After(TimeSpan delay, Action act) => At(Now + delay.Ticks, act);

    /// <summary>Something is ready to run in a process.</summary>
    public void Enqueue(SimulatedProcess process, SendOrPostCallback act, object? state)
    {
        // Anything else would let the machine's threads decide what comes first.
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Environment.FailFast($"The code of {process.Name} has left the simulated thread: {Environment.StackTrace}");
        }

        _ready.Add(new(process, act, state));
    }

    /// <summary>Runs until a time, or until something is wrong.</summary>
    public void RunUntil(long time)
    {
        while (Violation is null)
        {
            if (_ready.Count > 0)
            {
                RunOne();
            }
            else if (_agenda.TryPeek(out _, out var next) && next.At <= time)
            {
                var happening = _agenda.Dequeue();
                Now = next.At;
                happening.Do(happening.State, next.Order);
            }
            else
            {
                Now = Math.Max(Now, time);
                return;
            }

            if (++_steps > _stepsMax)
                Fail("livelock", $"After {_stepsMax} steps it is still busy.");
        }
    }

    private void RunOne()
    {
        var i = _ready.Count == 1 ? 0 : _order.Next(_ready.Count);
        var work = _ready[i];
        // What waits longest moves into its place, so that nothing waits for ever.
        _ready[i] = _ready[^1];
        _ready.RemoveAt(_ready.Count - 1);
        if (!work.Process.IsAlive)
            return;
        if (work.Process.PausedUntil > Now)
            Later(work, work.Process.PausedUntil);
        else if (_order.Next(HeldUpOneIn) == 0)
            Later(work, Now + _order.NextInt64(_heldUpMax));
        else
            work.Process.Run(work.Do, work.State);
    }

    private void Later(Work work, long time) =>
        At(time, static (work, _) => ((Work)work!).Process.Resume(((Work)work).Do, ((Work)work).State), work);
}
