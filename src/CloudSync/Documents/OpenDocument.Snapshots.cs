// Snapshots: one that everybody who joins at about the same time shares, and those in the log that make loading and
// history quick. Both are made from a fork, off the write path, and can be thrown away at any moment. When one is in the
// log, what is old before it is packed.

using System.Buffers;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // Whoever joins gets a snapshot up to this much older than the head, and the operations since.
    private const int SharedSnapshotOperations = 256;

    // In the log's accounts an operation costs about this much besides its bytes.
    private const int OperationOverheadBytes = 32;

    // A snapshot is worth its bytes when the operations since the last have a fair part of its size.
    private const int SnapshotShare = 4;

    // An idle document is left with a snapshot if loading it would otherwise fold more than this.
    private const int TailOperationsWhenLeaving = 100;

    // What an idle document leaves behind is packed from so many operations on. Of fewer, a segment gains little.
    private const int PackOperationsWhenLeaving = 256;

    private sealed record SharedSnapshot(long Version, Task<ReadOnlyMemory<byte>> Opened);

    private SharedSnapshot? _sharedSnapshot;
    private long _snapshotVersion;
    private int _snapshotBytes;
    private long _bytesSinceSnapshot;
    private bool _snapshotting;

    /// <summary>The Opened message with a snapshot of the head, or nearly so, for one who joins.</summary>
    private async Task<(long Version, ReadOnlyMemory<byte> Opened)> ShareSnapshotAsync()
    {
        SharedSnapshot shared;
        lock (_gate)
        {
            if (_sharedSnapshot is not { } current || !IsFresh_NeedsLock(current))
            {
                var (head, state) = (_head, _state.Fork());
                current = _sharedSnapshot = new(head, Task.Factory.StartNew(
                    () => EncodeOpened(head, state), CancellationToken.None,
                    TaskCreationOptions.DenyChildAttach, _parts.Scheduler));
            }

            shared = current;
        }

        return (shared.Version, await shared.Opened);
    }

    // One that is still being encoded is good for whoever comes meanwhile, however much is typed: a large document is never
    // encoded several times at once. What is no longer among the recent operations then comes from the log.
    private bool IsFresh_NeedsLock(SharedSnapshot shared) => !shared.Opened.IsFaulted && (
        !shared.Opened.IsCompleted || shared.Version == _head
        || (_head - shared.Version <= SharedSnapshotOperations && _recent.OldestVersion <= shared.Version));

    private void CountTowardsSnapshot_NeedsLock(long operations, long bytes) =>
        _bytesSinceSnapshot += bytes + (OperationOverheadBytes * operations);

    private void SnapshotIfDue()
    {
        lock (_gate)
        {
            var options = _parts.Options;
            var many = _head - _snapshotVersion >= options.SnapshotOperations || _bytesSinceSnapshot >= options.SnapshotBytes;
            if (_snapshotting || !many || _bytesSinceSnapshot < _snapshotBytes / SnapshotShare)
                return;
        }

        StartSnapshot(leaving: false);
    }

    private void SnapshotBeforeLeaving()
    {
        long snapshotVersion;
        bool shortTail;
        lock (_gate)
        {
            if (_snapshotting)
                return;
            snapshotVersion = _snapshotVersion;
            shortTail = _head - snapshotVersion < TailOperationsWhenLeaving;
        }

        if (shortTail)
            Pack(snapshotVersion, leaving: true);
        else
            StartSnapshot(leaving: true);
    }

    /// <summary>
    /// Packs what is older than a snapshot. While the document is open, what is newer than a tail stays as it is: those
    /// who catch up, or send again, read that.
    /// </summary>
    private void Pack(long snapshotVersion, bool leaving)
    {
        if (leaving)
            _parts.Packer.Pack(Id, snapshotVersion, PackOperationsWhenLeaving);
        else
            _parts.Packer.Pack(
                Id, snapshotVersion - _parts.Options.HistoryTailOperations, _parts.Options.HistoryPackOperations);
    }

    private void StartSnapshot(bool leaving)
    {
        long version;
        DocumentState state;
        lock (_gate)
        {
            if (_snapshotting)
                return;
            _snapshotting = true;
            (version, state) = (_head, _state.Fork());
            _bytesSinceSnapshot = 0;
        }

        _parts.Start(() => SaveSnapshotAsync(version, state, leaving));
    }

    private async Task SaveSnapshotAsync(long version, DocumentState state, bool leaving)
    {
        try
        {
            var bytes = EncodeSnapshot(state);
            await _parts.Log.SaveSnapshotAsync(Id, version, bytes, CancellationToken.None);
            lock (_gate)
                (_snapshotVersion, _snapshotBytes) = (version, bytes.Length);
            _parts.Metrics.SnapshotMade(saved: true);
            Pack(version, leaving);
        }
        catch (Exception exception)
        {
            // Nothing depends on it: the next one that is due is tried again.
            _parts.Logger.SnapshotNotSaved(Id, version, exception.Message);
            _parts.Metrics.SnapshotMade(saved: false);
        }
        finally
        {
            lock (_gate)
                _snapshotting = false;
        }
    }

    private static byte[] EncodeSnapshot(DocumentState state)
    {
        var output = new ArrayBufferWriter<byte>();
        state.EncodeSnapshot(output);
        return output.WrittenSpan.ToArray();
    }
}
