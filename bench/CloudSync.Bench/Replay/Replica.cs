// One client of the replay: it types, and it measures how long what others type takes to get here.

using System.Diagnostics;
using CloudSync.Client;
using CloudSync.Operations;
using HdrHistogram;

namespace CloudSync.Bench.Replay;

internal sealed class Replica : IDisposable
{
    private static readonly long s_longestMicroseconds = (long)TimeSpan.FromMinutes(10).TotalMicroseconds;

    private readonly Replicas _all;
    private readonly CloudSyncClient _client;
    private readonly Dictionary<Replica, int> _heard = [];

    // What this replica typed: when, and in which operation.
    private readonly List<(ulong Sequence, long At)> _typed = [];
    private readonly Lock _typedLock = new();
    private long _typingSince;
    private (long Version, TaskCompletionSource Reached)? _waiting;

    private Replica(Replicas all, CloudSyncClient client, CollaborativeDocument document)
    {
        _all = all;
        _client = client;
        Document = document;
        document.Changed += OnChanged;
        // The document reaches a version by an acknowledgement, too.
        document.StateChanged += _ => CheckWaiting();
        document.Refused += refused => Failed ??= new RefusedException(refused.Reason);
        client.StateChanged += state =>
        {
            // A lost connection is survived; a refusal isn't.
            if (state.Reason is { } reason)
                Failed ??= new RefusedException(reason);
        };
    }

    /// <summary>An operation of somebody else was applied to the document. Called while the client is locked.</summary>
    public event Action<DocumentChange>? Heard;

    public CollaborativeDocument Document { get; }

    public ulong ClientId => _client.ClientId;

    public RefusedException? Failed { get; private set; }

    /// <summary>Operations that this replica had committed.</summary>
    public ulong Operations => Document.Sequence;

    /// <summary>From a keystroke elsewhere to the moment when it was applied here, in microseconds.</summary>
    public LongHistogram Latency { get; } = new(1, s_longestMicroseconds, 3);

    public static async Task<Replica> OpenAsync(Replicas all, Uri endpoint, string documentId, CancellationToken stop)
    {
        var client = new CloudSyncClient(endpoint);
        try
        {
            return new(all, client, await client.OpenAsync(documentId, stop));
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Types into the document as it is now.</summary>
    public void Type(Func<Delta> keystroke)
    {
        _typingSince = Stopwatch.GetTimestamp();
        Document.Edit(keystroke);
    }

    public async Task WhenSavedAsync(CancellationToken stop)
    {
        var saved = Document.WhenSavedAsync();
        if (!saved.IsCompleted)
            await saved.WaitAsync(stop);
        if (Failed is not null)
            throw Failed;
    }

    /// <summary>Waits until this replica has what was committed up to a version.</summary>
    public Task WhenAtAsync(long version, CancellationToken stop)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Document.Version >= version)
            return Task.CompletedTask;
        lock (_typedLock)
            _waiting = (version, reached);
        // It may have come in between.
        CheckWaiting();
        return reached.Task.WaitAsync(stop);
    }

    /// <summary>How many of the keystrokes of others were timed here.</summary>
    public int Timed => _heard.Values.Sum();

    public int Typed => _typed.Count;

    public void Dispose() => _client.Dispose();

    private void OnChanged(DocumentChange change)
    {
        if (change.Source == ChangeSource.Local)
        {
            lock (_typedLock)
                _typed.Add((change.Sequence, _typingSince));
            return;
        }

        if (_all.Find(change.ClientId) is { } author)
            Time(author, change.Sequence);
        Heard?.Invoke(change);
        CheckWaiting();
    }

    private void CheckWaiting()
    {
        TaskCompletionSource? reached = null;
        // Before the lock: others take it while they hold the client's.
        var version = Document.Version;
        lock (_typedLock)
        {
            if (_waiting is { } waiting && version >= waiting.Version)
            {
                reached = waiting.Reached;
                _waiting = null;
            }
        }

        reached?.TrySetResult();
    }

    // Times all keystrokes of the author up to the operation: several, if they were composed into one.
    private void Time(Replica author, ulong sequence)
    {
        var now = Stopwatch.GetTimestamp();
        var next = _heard.GetValueOrDefault(author);
        lock (author._typedLock)
        {
            for (; next < author._typed.Count && author._typed[next].Sequence <= sequence; next++)
            {
                var microseconds = (long)Stopwatch.GetElapsedTime(author._typed[next].At, now).TotalMicroseconds;
                Latency.RecordValue(Math.Clamp(microseconds, 1, s_longestMicroseconds));
            }
        }

        _heard[author] = next;
    }
}

/// <summary>All clients of a replay.</summary>
internal sealed class Replicas : IDisposable
{
    private readonly List<Replica> _replicas = [];

    public Replica this[int index] => _replicas[index];

    public int Count => _replicas.Count;

    public IReadOnlyList<Replica> All => _replicas;

    public static async Task<Replicas> OpenAsync(Uri endpoint, string documentId, int count, CancellationToken stop)
    {
        Replicas all = new();
        try
        {
            for (var i = 0; i < count; i++)
                all._replicas.Add(await Replica.OpenAsync(all, endpoint, documentId, stop));
        }
        catch
        {
            all.Dispose();
            throw;
        }

        return all;
    }

    public Replica? Find(ulong clientId) => _replicas.Find(replica => replica.ClientId == clientId);

    /// <summary>Everything is saved, and everybody has it. Returns the version.</summary>
    public async Task<long> WhenQuietAsync(CancellationToken stop)
    {
        foreach (var replica in _replicas)
            await replica.WhenSavedAsync(stop);
        var version = _replicas.Max(replica => replica.Document.Version);
        foreach (var replica in _replicas)
            await replica.WhenAtAsync(version, stop);
        return version;
    }

    public void Dispose()
    {
        foreach (var replica in _replicas)
            replica.Dispose();
    }
}
