// The line of one device to the gateways, with everything that lines do: delay, narrowness, silence, and breaking off.

using CloudSync.Simulation.Network.Http;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network;

/// <summary>Bytes come whole and in order, as TCP has it, or not at all.</summary>
internal sealed class Line(SimulatedWorld world, Random random, WebSocketBlock usualBlock)
{
    /// <summary>So many bytes may be under way; then whoever sends waits.</summary>
    public const int UsualWindow = 64 << 10;

    // A device that reads nothing has a buffer all the same.
    private const int WindowUnread = 600;

    private static readonly RequestFault[] _faults = [.. Enum.GetValues<RequestFault>().Where(static fault => fault != RequestFault.None)];

    private readonly List<Action> _waiting = [];
    private readonly List<Action> _unread = [];

    /// <summary>One way.</summary>
    public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>At most so much is added to it.</summary>
    public TimeSpan Jitter { get; set; } = TimeSpan.FromMilliseconds(5);

    public double BytesPerSecond { get; set; } = 10_000_000;

    /// <summary>False: nothing can be connected, and what was connected has ended.</summary>
    public bool IsOnline { get; private set; } = true;

    /// <summary>Nothing gets through, and nobody is told: what is sent waits, as TCP lets it.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>False: the device takes nothing from it, so that what is sent waits at the other end.</summary>
    public bool IsRead { get; private set; } = true;

    /// <summary>When the device began to read again.</summary>
    public long ReadAgainAt { get; private set; }

    /// <summary>So many bytes may be under way to the device.</summary>
    public int WindowBytes { get; private set; } = UsualWindow;

    /// <summary>How many of the requests over it something on the way makes a mess of.</summary>
    public double RequestFaultRate { get; set; }

    /// <summary>Something on the way gives answers on when it has all of them, so that no stream gets through.</summary>
    public bool HoldsAnswers { get; set; }

    /// <summary>What something on the way does to WebSockets just now.</summary>
    public WebSocketBlock Block { get; set; } = usualBlock;

    /// <summary>What it always does to them.</summary>
    public WebSocketBlock UsualBlock { get; } = usualBlock;

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

    public void StopReading() => (IsRead, WindowBytes) = (false, WindowUnread);

    public void ReadAgain()
    {
        if (IsRead)
            return;
        (IsRead, WindowBytes, ReadAgainAt) = (true, UsualWindow, world.Now);
        foreach (var act in _unread)
            world.After(Latency, act);
        _unread.Clear();
    }

    /// <summary>Does something when the device reads again.</summary>
    public void WhenRead(Action act) => _unread.Add(act);

    /// <summary>What becomes of the next request.</summary>
    public RequestFault DrawRequestFault() =>
        RequestFaultRate > 0 && random.NextDouble() < RequestFaultRate ? _faults[random.Next(_faults.Length)] : RequestFault.None;

    /// <summary>A random part of a time.</summary>
    public TimeSpan Some(TimeSpan most) => most * random.NextDouble();

    /// <summary>After how many bytes an answer is cut off: after few, mostly.</summary>
    public int SomeBytes() => random.Next(1 << random.Next(4, 13));

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

/// <summary>What a network does to WebSockets that it doesn't like.</summary>
internal enum WebSocketBlock
{
    None,

    /// <summary>They are answered with a refusal of its own.</summary>
    Denied,

    /// <summary>They are cut off when they have just been made.</summary>
    Cut,

    /// <summary>They are cut off when they have carried a message or two.</summary>
    CutLater,

    /// <summary>They never come to be.</summary>
    Swallowed,
}
