// Keeps one document in the outbox: decides what is saved and when.
//
// One save is under way at a time; what changes meanwhile is saved by the next. An operation is sent only after a state
// that has it in flight under its number was saved. A reload from an older one would give the number to another edit, or
// the edit another number: one would be lost, or the other committed twice. What is committed needn't be saved: a client
// that comes back with an older state finds its operation among what was committed since.
//
// Everything here happens under the client's lock, the calls of the outbox included.

using System.Buffers;
using CloudSync.Operations;

namespace CloudSync.Client;

internal sealed class KeptDocument(CloudSyncClient client, ClientOutbox outbox, string id)
{
    // Smaller contents are saved with the edits.
    private const int InsideBytes = 4 << 10;

    // The content is saved anew when this many bytes were committed since, or an eighth of its own size.
    private const int MinSinceBytes = 16 << 10;
    private const int SinceShare = 8;

    private readonly List<(ReadOnlyMemory<byte> Operation, long Count)> _since = [];
    private readonly List<(long Changes, TaskCompletionSource Kept)> _waiters = [];

    // Places that a state in the outbox may refer to. More than one after a save that may have failed or not.
    private readonly HashSet<ContentPlace> _referred = [];

    private SavedContent? _content;
    private long _sinceBytes;
    private bool _saving;
    private long _changes;
    private long _keptChanges;
    private PendingOperation? _keptInFlight;
    private PendingOperation? _wanted;
    private int _failures;
    private TimeSpan? _retryAt;

    /// <summary>The document in memory, closed or not; null if there is none, or it was given up.</summary>
    public PendingEdits? Edits { get; private set; }

    public string Title { get; set; } = "";

    /// <summary>The number of the last operation on the document, if there is nothing more of it.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>Who has the document open.</summary>
    public CollaborativeDocument? Owner { get; set; }

    public bool IsIdle => !_saving && _changes == _keptChanges;

    /// <summary>Takes what the outbox holds.</summary>
    /// <exception cref="OutboxUnreadableException">It can't be read.</exception>
    public void Load()
    {
        var name = KeptState.EditsName(id);
        if (outbox.Load(name) is not { } bytes)
            return;
        var state = KeptState.Decode(name, bytes);
        if (state.ClientId != client.ClientId)
            throw new OutboxUnreadableException(name, "another client has written it.");
        Sequence = state.Sequence;
        if (state.Place == ContentPlace.None)
            return;
        var content = state.Content;
        if (state.Place != ContentPlace.Inside)
        {
            var contentName = KeptState.ContentName(id, state.Place);
            content = outbox.Load(contentName)
                ?? throw new OutboxUnreadableException(contentName, "it is missing.");
            if (!state.Content.Span.SequenceEqual(KeptState.HashOf(content.Span)))
                throw new OutboxUnreadableException(contentName, "it isn't what the edits were made on.");
        }

        Edits = state.Restore(name, content);
        Title = state.Title;
        _content = new(state.Place, state.ContentVersion, state.Content, content.Length);
        _since.AddRange(state.Since);
        _sinceBytes = _since.Sum(static since => (long)since.Operation.Length);
        _referred.Add(state.Place);
        _keptInFlight = Edits.InFlight ? Edits.Operations[0] : null;
    }

    /// <summary>The edits have changed, and have to be saved.</summary>
    public void Changed() => _changes++;

    /// <summary>Something was committed on top of the content.</summary>
    public void Committed(ReadOnlyMemory<byte> operation, long count)
    {
        _since.Add((operation, count));
        _sinceBytes += operation.Length;
        if (NeedsContent)
            Changed();
    }

    /// <summary>The document was read anew.</summary>
    public void Replace(PendingEdits edits)
    {
        Edits = edits;
        _content = null;
        _since.Clear();
        _sinceBytes = 0;
        Changed();
    }

    /// <summary>The document was refused, and its edits handed back: nothing of it is kept.</summary>
    public void GiveUp()
    {
        if (Edits is null)
            return;
        Sequence = Edits.Sequence;
        Edits = null;
        Changed();
    }

    /// <summary>Whether the operation in flight was saved as such, so that it can be sent. If not, it will be.</summary>
    public bool Holds(PendingOperation inFlight)
    {
        if (_keptInFlight == inFlight)
            return true;
        if (_wanted != inFlight)
        {
            _wanted = inFlight;
            Changed();
        }

        return false;
    }

    /// <summary>Completes when all that was edited until now is saved.</summary>
    public Task WhenKeptAsync()
    {
        if (_changes == _keptChanges)
            return Task.CompletedTask;
        TaskCompletionSource kept = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiters.Add((_changes, kept));
        return kept.Task;
    }

    public void OnAlarm()
    {
        if (_retryAt is not { } at)
            return;
        if (at > client.Now)
            client.SetAlarm(at);
        else
            _retryAt = null;
    }

    /// <summary>Begins a save if one is due; returns whether it did.</summary>
    public bool Save()
    {
        if (IsIdle || _saving || _retryAt is not null)
            return false;
        _saving = true;
        _ = SaveAsync();
        return true;
    }

    /// <summary>The client is being disposed of: saves what isn't, behind what is under way.</summary>
    public void SaveLast()
    {
        if (!IsIdle)
            _ = SaveLastAsync();
    }

    private bool NeedsContent => Edits is not null
        && (_content is not { } content
            || (content.Place == ContentPlace.Inside && content.Bytes > InsideBytes)
            || _sinceBytes > Math.Max(MinSinceBytes, content.Bytes / SinceShare));

    // A save may complete here and now, or later on any thread. Not ConfigureAwait(false): where a context belongs to the
    // caller, it goes on there.
    private async Task SaveAsync()
    {
        Exception? failure = null;
        Encoded? saved = null;
        try
        {
            Task saving;
            if (!client.IsIdKept)
            {
                using (client.Enter())
                    saving = client.SaveId().AsTask();
                await saving;
                using (client.Enter())
                    client.IsIdKept = true;
            }

            NewContent? content;
            using (client.Enter())
            {
                content = MakeContent();
                saving = content is null || client.IsDisposed
                    ? Task.CompletedTask
                    : outbox.SaveAsync(KeptState.ContentName(id, content.Saved.Place), content.Snapshot).AsTask();
            }

            await saving;
            using (client.Enter())
            {
                // Then the last word was said already, and whoever has the outbox next must not be interrupted.
                if (client.IsDisposed)
                    return;
                if (content is not null)
                    Take(content);
                saved = Encode();
                saving = outbox.SaveAsync(KeptState.EditsName(id), saved.Bytes).AsTask();
            }

            await saving;
            if (saved.Place == ContentPlace.None)
                await RemoveContentsAsync();
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        using (client.Enter())
            Done(saved, failure);
    }

    private async Task SaveLastAsync()
    {
        Exception? failure = null;
        Encoded? saved = null;
        try
        {
            if (!client.IsIdKept)
                _ = client.SaveId().AsTask();
            saved = Encode();
            await outbox.SaveAsync(KeptState.EditsName(id), saved.Bytes);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        using (client.Enter())
            Done(saved, failure);
    }

    private async Task RemoveContentsAsync()
    {
        foreach (var place in (ContentPlace[])[ContentPlace.First, ContentPlace.Second])
        {
            Task removing;
            using (client.Enter())
            {
                if (client.IsDisposed || Edits is not null)
                    return;
                removing = outbox.RemoveAsync(KeptState.ContentName(id, place)).AsTask();
            }

            await removing;
        }
    }

    private void Done(Encoded? saved, Exception? failure)
    {
        _saving = false;
        if (failure is null && saved is not null)
        {
            _keptChanges = Math.Max(_keptChanges, saved.Changes);
            _keptInFlight = saved.InFlight;
            _referred.Clear();
            _referred.Add(saved.Place);
            _failures = 0;
            Owner?.MarkDue();
            foreach (var (changes, kept) in _waiters)
            {
                if (changes <= _keptChanges)
                    kept.TrySetResult();
            }

            _waiters.RemoveAll(static waiter => waiter.Kept.Task.IsCompleted);
        }
        else if (failure is not null)
        {
            _retryAt = client.Now + client.Backoff(_failures++, TimeSpan.Zero);
            client.SetAlarm(_retryAt.Value);
            client.RaiseOutboxFailed(new(id, failure));
        }

        client.Release(this, id);
    }

    // A content to be saved before the edits; null if they can do with what is there.
    private NewContent? MakeContent()
    {
        if (!NeedsContent)
            return null;
        var place = !_referred.Contains(ContentPlace.First) ? ContentPlace.First
            : !_referred.Contains(ContentPlace.Second) ? ContentPlace.Second
            : ContentPlace.Inside;
        var snapshot = Snapshot();
        if (place == ContentPlace.Inside || snapshot.Length <= InsideBytes)
        {
            PutInside(snapshot);
            return null;
        }

        return new(
            Edits!, new(place, Edits!.Version, KeptState.HashOf(snapshot.Span), snapshot.Length), snapshot,
            _since.Count, _sinceBytes);
    }

    // It is on disk; meanwhile there may be more since, or another document altogether.
    private void Take(NewContent content)
    {
        if (content.Of != Edits)
            return;
        _content = content.Saved;
        _since.RemoveRange(0, content.SinceCount);
        _sinceBytes -= content.SinceBytes;
    }

    private void PutInside(ReadOnlyMemory<byte> snapshot)
    {
        _content = new(ContentPlace.Inside, Edits!.Version, snapshot, snapshot.Length);
        _since.Clear();
        _sinceBytes = 0;
    }

    private ReadOnlyMemory<byte> Snapshot()
    {
        ArrayBufferWriter<byte> snapshot = new();
        Edits!.Committed.EncodeSnapshot(snapshot);
        return snapshot.WrittenMemory;
    }

    private Encoded Encode()
    {
        if (Edits is null)
        {
            KeptState nothing = new() { ClientId = client.ClientId, Sequence = Sequence };
            return new(nothing.Encode(), _changes, null, ContentPlace.None);
        }

        if (_content is null)
            PutInside(Snapshot());
        KeptState state = new()
        {
            ClientId = client.ClientId,
            Sequence = Edits.Sequence,
            Place = _content!.Place,
            Type = Edits.Committed.Type.Name,
            Title = Title,
            ContentVersion = _content.Version,
            Content = _content.Content,
            Since = _since,
            InFlight = Edits.InFlight,
            ComposeBytes = Edits.ComposeBytes,
            Pending = [.. Edits.Operations.Select(static pending => (pending.Operation, pending.Edits))],
        };
        _referred.Add(_content.Place);
        return new(state.Encode(), _changes, Edits.InFlight ? Edits.Operations[0] : null, _content.Place);
    }

    private sealed record SavedContent(ContentPlace Place, long Version, ReadOnlyMemory<byte> Content, int Bytes);

    private sealed record NewContent(
        PendingEdits Of, SavedContent Saved, ReadOnlyMemory<byte> Snapshot, int SinceCount, long SinceBytes);

    private sealed record Encoded(byte[] Bytes, long Changes, PendingOperation? InFlight, ContentPlace Place);
}
