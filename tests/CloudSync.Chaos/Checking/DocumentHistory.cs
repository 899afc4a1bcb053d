// What the history tells of one document, put in the order in which the checks want it.

using CloudSync.Chaos.History;

namespace CloudSync.Chaos.Checking;

/// <summary>An operation as its client knows it: one edit, or several that were sent together.</summary>
internal sealed class SubmittedOperation(string session)
{
    public string Session => session;

    /// <summary>When the first of its edits was begun.</summary>
    public long Began { get; private set; } = long.MaxValue;

    /// <summary>When it was known to be acknowledged; <see cref="long.MaxValue"/> if it wasn't.</summary>
    public long Acknowledged { get; private set; } = long.MaxValue;

    public List<HistoryEvent> Edits { get; } = [];

    public void Add(HistoryEvent edit)
    {
        Edits.Add(edit);
        Began = Math.Min(Began, edit.At);
    }

    public void Acknowledge(long at) => Acknowledged = Math.Min(Acknowledged, at);
}

/// <summary>A document's part of the history.</summary>
internal sealed class DocumentHistory
{
    private readonly Dictionary<long, SubmittedOperation> _byEdit = [];

    public Dictionary<OperationName, SubmittedOperation> Operations { get; } = [];

    /// <summary>What each session saw, and was told, in order.</summary>
    public Dictionary<string, List<HistoryEvent>> Sessions { get; } = [];

    public List<HistoryEvent> Reads { get; } = [];

    public List<HistoryEvent> Finals { get; } = [];

    public HistoryEvent? Expected { get; private set; }

    public List<HistoryEvent> Refusals { get; } = [];

    public int Edits => _byEdit.Count;

    public int Acknowledged { get; private set; }

    /// <summary>The operation that an edit was sent in.</summary>
    public SubmittedOperation? OperationOf(HistoryEvent acknowledgement) => _byEdit.GetValueOrDefault(acknowledgement.Number);

    public void Add(HistoryEvent told)
    {
        switch (told.Kind)
        {
            case EventKind.Edit:
                var name = new OperationName(told.Client, told.Sequence);
                if (!Operations.TryGetValue(name, out var operation))
                    Operations[name] = operation = new SubmittedOperation(told.Session);
                operation.Add(told);
                _byEdit[told.Number] = operation;
                break;
            case EventKind.Ack when _byEdit.TryGetValue(told.Number, out var acknowledged):
                Acknowledged++;
                acknowledged.Acknowledge(told.At);
                InSession(told);
                break;
            case EventKind.Seen:
                InSession(told);
                break;
            case EventKind.Read:
                Reads.Add(told);
                break;
            case EventKind.Final:
                Finals.Add(told);
                break;
            case EventKind.Expected:
                Expected = told;
                break;
            case EventKind.Refused:
                Refusals.Add(told);
                break;
            default:
                break;
        }
    }

    private void InSession(HistoryEvent told)
    {
        if (!Sessions.TryGetValue(told.Session, out var events))
            Sessions[told.Session] = events = [];
        events.Add(told);
    }
}
