// A history in which everything is as it must be, and the log that belongs to it: one document, some writers, each edit in an
// operation of its own. Tests spoil one thing in it.

using CloudSync.Chaos.Checking;
using CloudSync.Chaos.History;
using CloudSync.Chaos.Workload;
using CloudSync.Operations;

namespace CloudSync.Chaos.Tests;

internal sealed class SoundHistory
{
    public const string Document = "minutes";

    private readonly List<string> _shown = [];
    private readonly DocumentState _state = DocumentType.Text.CreateEmpty();
    private long _time = 1;

    public List<HistoryEvent> Events { get; private set; } = [];

    public List<LogEntry> Log { get; private set; } = [];

    /// <summary>Made from a seed.</summary>
    public static SoundHistory Create(int seed, int edits = 30, int writers = 3)
    {
        var (history, random) = (new SoundHistory(), new Random(seed));
        var sequences = new ulong[writers];
        for (var number = 1; number <= edits; number++)
        {
            var writer = random.Next(writers);
            history.Edit(writer, ++sequences[writer], number, random);
        }

        foreach (var session in Enumerable.Range(0, writers).Select(NameOf).Append("reader"))
            history.Add(new HistoryEvent { Kind = EventKind.Final, Session = session, Version = edits, Hash = history.Hash });
        return history;
    }

    public CheckResult Check() => Checker.Check(Events, [new LoggedDocument(Document, DocumentType.Text, Log)]);

    /// <summary>Replaces the events that a test means.</summary>
    public void Change(Func<HistoryEvent, HistoryEvent> change) => Events = [.. Events.Select(change)];

    /// <summary>Another log, whose versions are counted anew.</summary>
    public void ReplaceLog(IEnumerable<LogEntry> entries) => Log = [.. entries.Select(static (entry, i) => entry with { Version = i + 1 })];

    private string Hash => ContentHash.Of(_state);

    private static string NameOf(int writer) => $"writer-{writer}";

    // Begun, acknowledged, seen by its writer and now and then by others and through REST.
    private void Edit(int writer, ulong sequence, int number, Random random)
    {
        var token = Tokens.Create(NameOf(writer), number);
        var goes = _shown.Count > 3 && random.Next(3) == 0 ? 1 : 0;
        var place = random.Next(_shown.Count + 1 - goes);
        var position = _shown.Take(place).Sum(static piece => piece.Length);
        string[] deleted = [.. _shown.Skip(place).Take(goes)];
        var delta = Delta.Build().Retain(position).Insert(token).Delete(deleted.Sum(static piece => piece.Length)).ToDelta();
        _shown.RemoveRange(place, goes);
        _shown.Insert(place, token);
        Add(new HistoryEvent
        {
            Kind = EventKind.Edit, Session = NameOf(writer), Client = (ulong)writer + 1, Sequence = sequence, Number = number,
            Inserted = token, Deleted = deleted.Length > 0 ? deleted : null, IsOnline = true,
        });
        _state.Apply(delta.Bytes.Span);
        Log.Add(new LogEntry(number, (ulong)writer + 1, sequence, delta.Bytes));
        Add(new HistoryEvent { Kind = EventKind.Ack, Session = NameOf(writer), Number = number });
        Add(new HistoryEvent { Kind = EventKind.Seen, Session = NameOf(writer), Version = number, Hash = Hash });
        if (random.Next(2) == 0)
            Add(new HistoryEvent { Kind = EventKind.Seen, Session = "reader", Version = number, Hash = Hash });
        if (random.Next(2) == 0)
            Add(new HistoryEvent { Kind = EventKind.Read, Session = "rest", Version = number, Hash = Hash, Began = _time });
    }

    private void Add(HistoryEvent told) => Events.Add(told with { Document = Document, At = ++_time });
}
