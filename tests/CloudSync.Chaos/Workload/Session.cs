// One client with one document, and what it sees. Whatever changes what the document shows, or how it stands with the server,
// is a moment to look.

using CloudSync.Chaos.History;
using CloudSync.Chaos.Network;
using CloudSync.Client;

namespace CloudSync.Chaos.Workload;

/// <summary>A session that is recorded. Its client comes to the cluster over a line of its own.</summary>
internal sealed class Session : IDisposable
{
    // Hashing costs more than all else here; what is not hashed now is hashed a moment later.
    private static readonly long _hashEvery = (long)TimeSpan.FromMilliseconds(300).TotalMicroseconds;

    private readonly HistoryWriter _history;
    private readonly CloudSyncClient _client;
    private long _version = -1;
    private long _hashedAt = long.MinValue / 2;
    private long _hashedVersion = -1;
    private SyncStateKind? _state;
    private string[] _people = [];
    private ulong _sequence;

    private Session(string name, HistoryWriter history, CloudSyncClient client, CollaborativeDocument document)
    {
        (Name, _history, _client, Document) = (name, history, client, document);
        document.Changed += change =>
        {
            if (change.Source == ChangeSource.Local)
                _sequence = change.Sequence;
            Look();
        };
        document.StateChanged += _ => Look();
        document.PresenceChanged += LookAround;
        document.Refused += refused => history.Add(new HistoryEvent
        {
            Kind = EventKind.Refused, Session = name, Document = document.Id, Client = client.ClientId,
            What = $"{refused.Reason.Code}", Details = $"{refused.Reason.Message} {refused.Operation}{refused.JsonOperation}",
        });
    }

    public string Name { get; }

    public CollaborativeDocument Document { get; }

    public SyncState State => Document.State;

    /// <summary>Whether the server has said that it won't have it.</summary>
    public bool IsRefused => Document.State.Kind == SyncStateKind.Refused;

    /// <summary>Opens a document; tries for as long as it takes.</summary>
    /// <param name="name">Names the session; no two have the same.</param>
    /// <param name="endpoint">Where.</param>
    /// <param name="transport">How it connects.</param>
    /// <param name="documentId">What.</param>
    /// <param name="history">What it sees is recorded there.</param>
    /// <param name="random">Where its jitter comes from.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<Session> OpenAsync(
        string name, Uri endpoint, TransportKind transport, string documentId, HistoryWriter history, Random random, CancellationToken stop)
    {
        // All else is as an application has it that sets nothing.
        var client = new CloudSyncClient(endpoint, new CloudSyncClientOptions
        {
            User = new User(name, name, "#336699"), Random = random, UndoSteps = 0, Transport = transport,
        });
        try
        {
            var session = new Session(name, history, client, client.Open(documentId));
            await session.Document.Ready.WaitAsync(stop);
            return session;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Makes an edit and records it; the task ends when it is acknowledged, or fails.</summary>
    public (long Began, Task Saved) Edit(Func<CollaborativeDocument, long, EditMade> edit, bool isOnline)
    {
        var number = _history.NextNumber();
        var began = Math.Max(1, _history.Now);
        var made = edit(Document, number);
        _history.Add(new HistoryEvent
        {
            Kind = EventKind.Edit, At = began, Session = Name, Document = Document.Id, Client = _client.ClientId,
            Sequence = _sequence, Number = number, Inserted = made.Inserted.Length > 0 ? made.Inserted : null,
            Deleted = made.Deleted.Count > 0 ? made.Deleted : null, Added = made.Added, IsOnline = isOnline,
        });
        return (began, AcknowledgedAsync(Document.WhenSavedAsync(), number));
    }

    /// <summary>Completes when it shows a version, or a later one.</summary>
    public async Task WhenShownAsync(long version)
    {
        var shown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Document.Changed += _ => Compare();
        // It may be there already.
        Compare();
        await shown.Task;

        void Compare()
        {
            if (Document.Version >= version)
                shown.TrySetResult();
        }
    }

    /// <summary>Completes when it shows just these sessions as being in the document.</summary>
    public async Task WhenPeopleAsync(IReadOnlyCollection<string> people)
    {
        var shown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Document.PresenceChanged += Compare;
        // They may be there already.
        Compare();
        await shown.Task;

        void Compare()
        {
            if (People().ToHashSet().SetEquals(people))
                shown.TrySetResult();
        }
    }

    /// <summary>The sessions that it shows, itself left out.</summary>
    public string[] People() => [.. Document.Presence.Select(static entry => entry.User.Name).Order(StringComparer.Ordinal)];

    /// <summary>Records what it shows now, in the end.</summary>
    public void RecordFinal() => _history.Add(new HistoryEvent
    {
        Kind = EventKind.Final, Session = Name, Document = Document.Id, Version = Document.Version, Hash = ContentHash.Of(Document),
    });

    public void Dispose() => _client.Dispose();

    private async Task AcknowledgedAsync(Task saved, long number)
    {
        await saved;
        _history.Add(new HistoryEvent { Kind = EventKind.Ack, Session = Name, Document = Document.Id, Number = number });
    }

    private void LookAround()
    {
        var people = People();
        if (people.SequenceEqual(_people))
            return;
        _people = people;
        _history.Add(new HistoryEvent { Kind = EventKind.Shown, Session = Name, Document = Document.Id, People = people });
    }

    // The client is locked meanwhile: version and content belong together.
    private void Look()
    {
        var state = Document.State;
        if (state.Kind != _state)
        {
            _state = state.Kind;
            _history.Add(new HistoryEvent { Kind = EventKind.State, Session = Name, Document = Document.Id, What = $"{state.Kind}" });
        }

        if (state.Kind is SyncStateKind.Closed or SyncStateKind.Refused || !Document.Ready.IsCompletedSuccessfully)
            return;
        var (version, now) = (Document.Version, _history.Now);
        var goesBack = version < _version;
        // With edits of its own on top, what it shows is nobody else's.
        var hash = state.Unsaved == 0 && (version != _hashedVersion || goesBack) && (goesBack || now - _hashedAt >= _hashEvery);
        if (!hash && !goesBack)
        {
            _version = version;
            return;
        }

        _version = version;
        if (hash)
            (_hashedAt, _hashedVersion) = (now, version);
        _history.Add(new HistoryEvent
        {
            Kind = EventKind.Seen, Session = Name, Document = Document.Id, Version = version, Hash = hash ? ContentHash.Of(Document) : null,
        });
    }
}
