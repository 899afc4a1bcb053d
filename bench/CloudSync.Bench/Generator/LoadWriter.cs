// What a client that writes has besides: its keystrokes of the step, which operations they went out in, and those that are
// not acknowledged.

namespace CloudSync.Bench.Generator;

internal sealed class LoadWriter(LoadClient client)
{
    // Where the keystrokes of each operation begin. Empty while each has one of its own.
    private readonly List<long> _firstOf = [];
    private bool _composes;

    public LoadClient Client => client;

    public KeystrokeSchedule Schedule { get; private set; }

    /// <summary>The keystroke that is to be sent next, counted from 0 in this step.</summary>
    public long Next { get; private set; }

    /// <summary>How many there are in this step.</summary>
    public long Count { get; private set; }

    /// <summary>The client's number of the last operation before this step.</summary>
    public ulong Before { get; private set; }

    /// <summary>The client's number of the last operation that came back to it.</summary>
    public ulong LastAnswered { get; set; }

    /// <summary>Operations that were sent and are neither acknowledged nor refused.</summary>
    public int Outstanding { get; private set; }

    /// <summary>A keystroke is due and waits for an acknowledgement.</summary>
    public bool IsHeldBack { get; set; }

    /// <summary>Begins a step.</summary>
    /// <param name="schedule">When keys are pressed.</param>
    /// <param name="composes">Whether what has to wait goes out in one operation.</param>
    public void Begin(KeystrokeSchedule schedule, bool composes)
    {
        (Schedule, Next, Count, Before) = (schedule, 0, schedule.Count, client.Sequence);
        _composes = composes;
        _firstOf.Clear();
        IsHeldBack = false;
    }

    /// <summary>Takes the next keystrokes into an operation, whose number is the client's Sequence from now on.</summary>
    public void Take(int keystrokes)
    {
        if (_composes)
            _firstOf.Add(Next);
        client.Sequence++;
        Next += keystrokes;
        Outstanding++;
    }

    /// <summary>The step ends sooner: no key is pressed from now on.</summary>
    public void Cut(long now)
    {
        Schedule = Schedule with { End = Math.Min(Schedule.End, now) };
        Count = Math.Max(Next, Math.Min(Count, Schedule.Count));
    }

    /// <summary>How many keystrokes are in the operation that was sent last.</summary>
    public int KeystrokesOfLast => (int)Math.Max(1, KeystrokesOf(client.Sequence).Count);

    /// <summary>One has been answered.</summary>
    public void Answered() => Outstanding = Math.Max(0, Outstanding - 1);

    /// <summary>How many keystrokes are due by now and not sent, of so many at the most.</summary>
    public int CountDue(long now, int most)
    {
        var count = 0;
        while (count < most && Next + count < Count && Schedule.DueAt(Next + count) <= now)
            count++;
        return count;
    }

    /// <summary>The keystrokes of an operation: the first, and how many; none if it isn't one of this step.</summary>
    public (long First, long Count) KeystrokesOf(ulong sequence)
    {
        if (sequence <= Before || sequence > client.Sequence)
            return (0, 0);
        var index = (long)(sequence - Before) - 1;
        if (!_composes)
            return (index, 1);
        var first = _firstOf[(int)index];
        return (first, (index + 1 < _firstOf.Count ? _firstOf[(int)index + 1] : Next) - first);
    }
}
