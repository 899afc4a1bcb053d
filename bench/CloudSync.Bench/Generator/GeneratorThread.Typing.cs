// A step: keys are pressed by the clock, and every screen on which a keystroke appears is counted and timed.

using System.Diagnostics;
using HdrHistogram;

namespace CloudSync.Bench.Generator;

/// <summary>What came of a step, on one thread or on all.</summary>
/// <param name="Latency">From the moment a keystroke was due to each screen; microseconds.</param>
/// <param name="Lateness">How late a keystroke was sent that had nothing to wait for but the generator; microseconds.</param>
internal sealed record StepFigures(LongHistogram Latency, LongHistogram Lateness)
{
    private const long LongestMicroseconds = 3_600_000_000;
    private const int Digits = 3;

    /// <summary>Keystrokes that were due.</summary>
    public long Offered { get; set; }

    /// <summary>Keystrokes that were sent: the others had to wait for acknowledgements until the end.</summary>
    public long Sent { get; set; }

    /// <summary>Operations that came back to their authors: fewer than keystrokes if some were composed.</summary>
    public long Operations { get; set; }

    /// <summary>Keystrokes that came back to their authors.</summary>
    public long Acknowledged { get; set; }

    /// <summary>Acknowledged keystrokes, each as often as there are screens with its document.</summary>
    public long Expected { get; set; }

    /// <summary>How often a keystroke appeared on a screen.</summary>
    public long Delivered { get; set; }

    /// <summary>When the last acknowledgement came, in ticks of the stopwatch.</summary>
    public long LastAcknowledgedAt { get; set; }

    /// <summary>Keystrokes that the server didn't take, by what it said.</summary>
    public Dictionary<string, long> Refused { get; } = [];

    /// <summary>Operations that came to their authors a second time, as another version.</summary>
    public long Duplicated { get; set; }

    /// <summary>The latencies by when keys were due: from each moment to the next.</summary>
    public List<(long From, LongHistogram Latency)> Phases { get; } = [];

    public static LongHistogram CreateHistogram() => new(LongestMicroseconds, Digits);

    public static StepFigures Create() => new(CreateHistogram(), CreateHistogram());

    /// <summary>Records a time in ticks of the stopwatch.</summary>
    public static void Record(LongHistogram histogram, long ticks) =>
        histogram.RecordValue(Math.Clamp(ticks / (Stopwatch.Frequency / 1_000_000), 1, LongestMicroseconds));

    /// <summary>Records how long a keystroke took that was due at a moment.</summary>
    public void RecordLatency(long dueAt, long seenAt)
    {
        Record(Latency, seenAt - dueAt);
        for (var phase = Phases.Count - 1; phase >= 0; phase--)
        {
            if (dueAt < Phases[phase].From)
                continue;
            Record(Phases[phase].Latency, seenAt - dueAt);
            return;
        }
    }

    public void Add(StepFigures other)
    {
        for (var phase = 0; phase < other.Phases.Count; phase++)
        {
            if (phase == Phases.Count)
                Phases.Add((other.Phases[phase].From, CreateHistogram()));
            Phases[phase].Latency.Add(other.Phases[phase].Latency);
        }

        Duplicated += other.Duplicated;
        Latency.Add(other.Latency);
        Lateness.Add(other.Lateness);
        Offered += other.Offered;
        Sent += other.Sent;
        Operations += other.Operations;
        Acknowledged += other.Acknowledged;
        Expected += other.Expected;
        Delivered += other.Delivered;
        LastAcknowledgedAt = Math.Max(LastAcknowledgedAt, other.LastAcknowledgedAt);
        foreach (var (reason, count) in other.Refused)
            Refused[reason] = Refused.GetValueOrDefault(reason) + count;
    }
}

internal sealed partial class GeneratorThread
{
    /// <summary>Keystrokes that are composed into one operation at the most.</summary>
    public const int ComposedMax = 256;

    private readonly PriorityQueue<LoadWriter, long> _due = new();
    private readonly List<LoadWriter> _released = [];
    private StepFigures? _step;
    private TaskCompletionSource<StepFigures>? _finished;
    private long _end;
    private long _sentBy;
    private int _unsentWriters;

    private void BeginStep(long start, long end, double interval, bool beginsAtOnce, TaskCompletionSource<StepFigures> finished)
    {
        _step = StepFigures.Create();
        (_finished, _end, _sentBy, _unsentWriters) = (finished, end, 0, 0);
        _due.Clear();
        foreach (var document in _documents)
            document.Begin();
        foreach (var client in _clients)
        {
            if (client.Writer is not { } writer)
                continue;
            writer.Begin(new KeystrokeSchedule(start, end, interval, _random.NextDouble(), beginsAtOnce), _composes);
            _step.Offered += writer.Count;
            if (writer.Count == 0 || client.State != ClientState.Live)
                continue;
            _unsentWriters++;
            _due.Enqueue(writer, writer.Schedule.DueAt(0));
        }
    }

    // Sooner than was said: no key is pressed any more, and what was is waited for.
    private void CutStep(long now)
    {
        if (_step is not { } step || now >= _end)
            return;
        (_end, _unsentWriters, step.Offered) = (now, 0, 0);
        _due.Clear();
        foreach (var client in _clients)
        {
            if (client.Writer is not { } writer)
                continue;
            writer.Cut(now);
            step.Offered += writer.Count;
            if (writer.Next == writer.Count || client.State == ClientState.Broken)
                continue;
            _unsentWriters++;
            if (!writer.IsHeldBack)
                _due.Enqueue(writer, writer.Schedule.DueAt(writer.Next));
        }
    }

    private void AddPhase(long from) => _step?.Phases.Add((from, StepFigures.CreateHistogram()));

    private void TypeWhatIsDue(long now)
    {
        while (_due.TryPeek(out var writer, out var due) && due <= now)
        {
            _due.Dequeue();
            // Held back by nothing: how late it is, is the generator's fault.
            StepFigures.Record(_step!.Lateness, now - due);
            Type(writer, now);
        }
    }

    private void TypeWhatWasHeldBack()
    {
        if (_released.Count == 0)
            return;
        var now = Stopwatch.GetTimestamp();
        foreach (var writer in _released)
            Type(writer, now);
        _released.Clear();
    }

    // Everything of a writer that is due by now, as far as it may, in one message.
    private void Type(LoadWriter writer, long now)
    {
        var client = writer.Client;
        if (_sentBy != 0 || writer.Next == writer.Count)
            return;
        if (client.State != ClientState.Live || client.Comeback is { IsCatchingUp: true })
        {
            // Who comes back goes on then.
            writer.IsHeldBack = client.Comeback is not null;
            return;
        }

        var length = 0;
        while (writer.Outstanding < _protocol.InFlightMax && writer.CountDue(now, _composes ? ComposedMax : 1) is > 0 and var keystrokes)
        {
            writer.Take(keystrokes);
            length += _protocol.Type(client, keystrokes, Payload[length..]);
            _step!.Sent += keystrokes;
            Counts.AddSent(keystrokes);
            if (_protocol.JoinsOperations)
                continue;
            Send(client, length);
            length = 0;
        }

        // It is known where the next one goes before anything can come back.
        if (writer.Next == writer.Count)
            _unsentWriters--;
        else if (writer.Schedule.DueAt(writer.Next) is var due && due > now)
            _due.Enqueue(writer, due);
        else
            writer.IsHeldBack = true;
        Send(client, length);
    }

    private void Answered(LoadWriter writer)
    {
        writer.Answered();
        if (!writer.IsHeldBack)
            return;
        writer.IsHeldBack = false;
        _released.Add(writer);
    }

    void ILoadEvents.Delivered(LoadClient client, long author, ulong sequence, long version)
    {
        if (author >= 0 && author < _clients.Length && _clients[author].Writer is { } writer)
            Deliver(client, writer, sequence, version);
        GoOnIfCaughtUp(client);
    }

    private void Deliver(LoadClient client, LoadWriter writer, ulong sequence, long version)
    {
        client.Document.Learn(version, writer, sequence);
        var count = Seen(writer, sequence, _receivedAt);
        if (writer.Client != client)
            return;
        // Whoever sends something again is to see it once.
        if (client.Comeback is not null && sequence <= writer.LastAnswered)
        {
            if (_step is not null)
                _step.Duplicated++;
            return;
        }

        writer.LastAnswered = sequence;
        if (count > 0 && _step is { } step)
        {
            step.Operations++;
            step.Acknowledged += count;
            step.Expected += count * client.Document.Screens;
            step.LastAcknowledgedAt = _receivedAt;
            Counts.AddAcknowledged(count);
        }

        Answered(writer);
    }

    void ILoadEvents.DeliveredRun(LoadClient client, long firstVersion, long count)
    {
        for (var version = firstVersion; version < firstVersion + count; version++)
        {
            if (client.Document.SeeInRun(version, _receivedAt) is ({ } author, var sequence))
                Seen(author, sequence, _receivedAt);
        }

        GoOnIfCaughtUp(client);
    }

    void ILoadEvents.Refused(LoadClient client, ulong sequence, string reason, bool maySendAgain)
    {
        if (client.Writer is not { } writer)
            return;
        if (maySendAgain && client.Comeback is not null)
        {
            // It is sent again as after any lost connection.
            Failed(client, $"The server did not take an edit just now: {reason}");
            return;
        }

        if (_step is { } step && writer.KeystrokesOf(sequence).Count is > 0 and var count)
            step.Refused[reason] = step.Refused.GetValueOrDefault(reason) + count;
        Answered(writer);
    }

    // An operation is on a screen: all keystrokes in it are. Returns how many of this step that is.
    private long Seen(LoadWriter author, ulong sequence, long seenAt)
    {
        var (first, count) = author.KeystrokesOf(sequence);
        if (count == 0 || _step is not { } step)
            return 0;
        for (var keystroke = first; keystroke < first + count; keystroke++)
            step.RecordLatency(author.Schedule.DueAt(keystroke), seenAt);
        step.Delivered += count;
        Counts.AddDelivered(count);
        return count;
    }

    private void FinishStep(long now)
    {
        if (_finished is not { } finished || _step is not { } step || now < _end)
            return;
        foreach (var document in _documents)
        {
            while (document.TryResolve(out var author, out var sequence, out var seenAt))
                Seen(author, sequence, seenAt);
        }

        var patience = (long)(_plan.Patience.TotalSeconds * Stopwatch.Frequency);
        // Not a keystroke more after the patience for sending: then the step is over, however much was due.
        if (_sentBy == 0 && (_unsentWriters == 0 || now - _end > patience))
        {
            _sentBy = now;
            _due.Clear();
        }

        var answered = step.Acknowledged + step.Refused.Values.Sum();
        var isComplete = answered == step.Sent && step.Delivered >= step.Expected;
        if (_sentBy == 0 || (!isComplete && now - _sentBy <= patience))
            return;
        (_finished, _step) = (null, null);
        finished.TrySetResult(step);
    }
}
