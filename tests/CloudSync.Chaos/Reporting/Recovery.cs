// How long it took until edits flowed again after each fault, and how many seconds were good ones: out of the history.

using CloudSync.Chaos.History;

namespace CloudSync.Chaos.Reporting;

/// <summary>What one fault, or two at once, meant to those who write. In milliseconds.</summary>
/// <param name="Kind">The kind of fault; <see cref="TwoAtOnce"/>.</param>
/// <param name="FromInjection">From the fault to the first acknowledgement of an edit begun after it: of the last of all writers.</param>
/// <param name="FromHealing">The same from when it was healed; 0 if it came before.</param>
/// <param name="LongestWait">The longest that an edit begun during it waited to be acknowledged.</param>
/// <param name="Absences">How long each of the crowd was without a connection that lost it meanwhile.</param>
internal sealed record FaultImpact(string Kind, double FromInjection, double FromHealing, double LongestWait, IReadOnlyList<double> Absences)
{
    public const string TwoAtOnce = "two-at-once";
}

/// <summary>Seconds of writers.</summary>
/// <param name="Seconds">In which a writer has begun an edit.</param>
/// <param name="Within1S">Those in which every edit was acknowledged within a second.</param>
/// <param name="Within5S">Those in which every edit was acknowledged within five.</param>
internal readonly record struct Availability(int Seconds, int Within1S, int Within5S);

internal sealed class Recovery
{
    private const double MicrosecondsPerMs = 1_000;
    private const long Second = 1_000_000;

    private readonly Dictionary<string, List<(long Began, long Acknowledged)>> _writers = [];
    private readonly List<Period> _faults = [];
    private readonly List<(long Began, long Ended)> _absences = [];

    /// <summary>Gathers what it needs from the events.</summary>
    public Recovery(IEnumerable<HistoryEvent> events)
    {
        var begun = new Dictionary<long, (string Writer, int Index)>();
        var faults = new Dictionary<long, Period>();
        foreach (var told in events)
        {
            switch (told.Kind)
            {
                case EventKind.Edit when told.IsOnline:
                    if (!_writers.TryGetValue(told.Session, out var edits))
                        _writers[told.Session] = edits = [];
                    begun[told.Number] = (told.Session, edits.Count);
                    edits.Add((told.At, long.MaxValue));
                    break;
                case EventKind.Ack when begun.Remove(told.Number, out var edit):
                    _writers[edit.Writer][edit.Index] = (_writers[edit.Writer][edit.Index].Began, told.At);
                    break;
                case EventKind.Away:
                    _absences.Add((told.Began, told.At));
                    break;
                case EventKind.FaultBegins:
                    faults[told.Number] = new Period(told.What ?? "", told.At, long.MaxValue, long.MaxValue);
                    break;
                case EventKind.FaultInjected when faults.TryGetValue(told.Number, out var fault):
                    faults[told.Number] = fault with { Injected = told.At };
                    break;
                case EventKind.FaultHealed when faults.TryGetValue(told.Number, out var fault):
                    faults[told.Number] = fault with { Healed = told.At };
                    break;
                default:
                    break;
            }
        }

        // One that the end of the run has caught half way says nothing.
        _faults.AddRange(faults.Values.Where(static fault => fault.Healed != long.MaxValue).OrderBy(static fault => fault.Began));
    }

    /// <summary>How many faults were injected, by kind; those of two at once are counted each.</summary>
    public IReadOnlyDictionary<string, int> Injected =>
        new SortedDictionary<string, int>(_faults.GroupBy(static fault => fault.Kind).ToDictionary(static group => group.Key, static group => group.Count()), StringComparer.Ordinal);

    /// <summary>What each fault meant, in order.</summary>
    public IReadOnlyList<FaultImpact> Impacts()
    {
        var impacts = new List<FaultImpact>();
        for (var i = 0; i < _faults.Count; i++)
        {
            var fault = _faults[i];
            for (; i + 1 < _faults.Count && _faults[i + 1].Began < fault.Healed; i++)
                fault = fault.With(_faults[i + 1]);
            if (ImpactOf(fault) is { } impact)
                impacts.Add(impact);
        }

        return impacts;
    }

    /// <summary>How long each edit of those who write all the time waited to be acknowledged, in milliseconds.</summary>
    public IEnumerable<double> Waits() =>
        from edits in _writers.Values
        from edit in edits
        where edit.Acknowledged != long.MaxValue
        select (edit.Acknowledged - edit.Began) / MicrosecondsPerMs;

    public Availability Availability()
    {
        var (seconds, within1, within5) = (0, 0, 0);
        foreach (var edits in _writers.Values)
        {
            foreach (var second in edits.GroupBy(static edit => edit.Began / Second))
            {
                var longest = second.Max(static edit => edit.Acknowledged == long.MaxValue ? long.MaxValue : edit.Acknowledged - edit.Began);
                seconds++;
                within1 += longest <= Second ? 1 : 0;
                within5 += longest <= 5 * Second ? 1 : 0;
            }
        }

        return new Availability(seconds, within1, within5);
    }

    // Null if the run ended before all writers went on.
    private FaultImpact? ImpactOf(Period fault)
    {
        var (flows, longest) = (fault.Healed, 0L);
        var last = 0L;
        foreach (var edits in _writers.Values)
        {
            var first = edits.FindIndex(edit => edit.Began >= fault.Injected);
            if (first < 0 || edits[first].Acknowledged == long.MaxValue)
                return null;
            last = Math.Max(last, edits[first].Acknowledged);
        }

        flows = Math.Max(flows, last);
        foreach (var edits in _writers.Values)
        {
            foreach (var (began, acknowledged) in edits.Where(edit => edit.Began >= fault.Began && edit.Began <= flows && edit.Acknowledged != long.MaxValue))
                longest = Math.Max(longest, acknowledged - began);
        }

        return new FaultImpact(
            fault.Kind, (last - fault.Began) / MicrosecondsPerMs, Math.Max(0, last - fault.Healed) / MicrosecondsPerMs, longest / MicrosecondsPerMs,
            [
                .. _absences.Where(absence => absence.Began >= fault.Began && absence.Began <= flows)
                    .Select(static absence => (absence.Ended - absence.Began) / MicrosecondsPerMs),
            ]);
    }

    private sealed record Period(string Kind, long Began, long Injected, long Healed)
    {
        public Period With(Period other) => new(FaultImpact.TwoAtOnce, Began, Math.Max(Injected, other.Injected), Math.Max(Healed, other.Healed));
    }
}
