// How long presence was wrong: out of what each session showed, and who had the document open then.

using CloudSync.Chaos.History;
using CloudSync.Client;

namespace CloudSync.Chaos.Reporting;

/// <summary>A time during which one session showed of another what wasn't so.</summary>
/// <param name="Fault">The kind of fault under which it began, or soon after.</param>
/// <param name="IsGhost">The other was shown, and had closed the document; else it was there, and wasn't shown.</param>
/// <param name="Ms">How long.</param>
internal sealed record PresenceLapse(string Fault, bool IsGhost, double Ms);

/// <remarks>
/// Roamers are offline half of the time and don't know it: nobody asks what they see, nor whether they are seen; but once one has closed
/// the document he is to vanish. What it takes for the news to arrive is a lapse, too: without faults that is all there is.
/// </remarks>
internal sealed class PresenceLapses
{
    public const string NoFault = "none";

    // What begins later than this after the healing has another reason.
    private const long Aftermath = 5_000_000;
    private const double MicrosecondsPerMs = 1_000;

    private readonly Dictionary<string, Dictionary<string, Person>> _documents = [];
    private readonly Dictionary<(string Document, string Observer, string Other, bool IsGhost), (long Since, string Fault)> _open = [];
    private readonly List<PresenceLapse> _found = [];
    private readonly Dictionary<long, string> _faults = [];
    private (string Kind, long Healed) _last = (NoFault, long.MinValue);

    private PresenceLapses()
    {
    }

    /// <summary>Finds them; those that the end of the run cuts off are left out, since it takes everybody away.</summary>
    public static IReadOnlyList<PresenceLapse> Of(IEnumerable<HistoryEvent> events)
    {
        var lapses = new PresenceLapses();
        foreach (var told in events)
            lapses.Add(told);
        return lapses._found;
    }

    private void Add(HistoryEvent told)
    {
        switch (told.Kind)
        {
            case EventKind.FaultBegins:
                _faults[told.Number] = told.What ?? "";
                break;
            case EventKind.FaultHealed when _faults.Remove(told.Number, out var kind):
                _last = (kind, told.At);
                break;
            case EventKind.State or EventKind.Shown:
                if (!_documents.TryGetValue(told.Document, out var people))
                    _documents[told.Document] = people = [];
                if (!people.TryGetValue(told.Session, out var person))
                    people[told.Session] = person = new Person(told.Session);
                if (told.Kind == EventKind.Shown)
                    person.Shows = [.. told.People ?? []];
                else
                    person.State = Enum.Parse<SyncStateKind>(told.What!);
                foreach (var other in people.Values.Where(other => other != person))
                {
                    Compare(told, person, other);
                    Compare(told, other, person);
                }

                break;
            default:
                break;
        }
    }

    private void Compare(HistoryEvent told, Person observer, Person other)
    {
        var isShown = observer.Shows.Contains(other.Name);
        var looks = observer is { State: SyncStateKind.Live, Stays: true };
        Set(told, observer, other, isGhost: false, looks && other is { State: SyncStateKind.Live, Stays: true } && !isShown);
        Set(told, observer, other, isGhost: true, looks && other.State == SyncStateKind.Closed && isShown);
    }

    private void Set(HistoryEvent told, Person observer, Person other, bool isGhost, bool isSo)
    {
        var key = (told.Document, observer.Name, other.Name, isGhost);
        if (isSo)
            _open.TryAdd(key, (told.At, FaultAt(told.At)));
        else if (_open.Remove(key, out var began))
            _found.Add(new PresenceLapse(began.Fault, isGhost, (told.At - began.Since) / MicrosecondsPerMs));
    }

    private string FaultAt(long at) => _faults.Count switch
    {
        0 => at - _last.Healed <= Aftermath && _last.Kind != NoFault ? _last.Kind : NoFault,
        1 => _faults.Values.First(),
        _ => FaultImpact.TwoAtOnce,
    };

    private sealed class Person(string name)
    {
        public string Name { get; } = name;

        public bool Stays { get; } = !name.StartsWith("roamer", StringComparison.Ordinal);

        public SyncStateKind State { get; set; } = SyncStateKind.Connecting;

        public HashSet<string> Shows { get; set; } = [];
    }
}
