// The line of one device to the gateways, with everything that lines do: delay, narrowness, silence, and breaking off.

using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network;

/// <summary>Bytes come whole and in order, as TCP has it, or not at all.</summary>
internal sealed class Line(SimulatedWorld world, Random random)
{
    private readonly List<Action> _waiting = [];

    /// <summary>One way.</summary>
    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>At most so much is added to it.</summary>
    public TimeSpan Jitter { get; set; } = TimeSpan.FromMilliseconds(5);

    public double BytesPerSecond { get; set; } = 10_000_000;

    /// <summary>False: nothing can be connected, and what was connected has ended.</summary>
    public bool IsOnline { get; private set; } = true;

    /// <summary>Nothing gets through, and nobody is told: what is sent waits, as TCP lets it.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>Raised when all connections over it break off.</summary>
    public event Action? Broken;

    /// <summary>How long so many bytes take from one end to the other.</summary>
    public long Transit(int bytes) =>
        Latency.Ticks + (long)(random.NextDouble() * Jitter.Ticks) + (long)(bytes / BytesPerSecond * TimeSpan.TicksPerSecond);

    public void GoOffline()
    {
        IsOnline = false;
        Break();
    }

    public void GoOnline() => IsOnline = true;

    public void Break() => Broken?.Invoke();

    public void Silence() => IsSilent = true;

    public void Restore()
    {
        IsSilent = false;
        foreach (var act in _waiting)
            world.After(Latency, act);
        _waiting.Clear();
    }

    /// <summary>Does something when the line carries again.</summary>
    public void WhenRestored(Action act) => _waiting.Add(act);
}
