// What others committed: hints from the fan-out when they come, and the log whenever there is a gap.

using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // A burst beyond this is read from the log instead of being kept.
    private const int MaxRemoteBatches = 64;

    private readonly Queue<CommittedBatch> _remoteBatches = new();
    private readonly List<Waiter> _waiters = [];
    private long _hintedVersion;
    private bool _recordChanged;

    /// <summary>Somebody waits for a version that the document has not reached.</summary>
    private sealed record Waiter(long Version, TaskCompletionSource Done)
    {
        /// <summary>The log has been, or is being, read since.</summary>
        public bool Asked { get; set; }
    }

    private bool HasHints_NeedsLock() =>
        _remoteBatches.Count > 0 || _hintedVersion > _head || _remotePresence.Count > 0 || _recordChanged
        || _waiters.Count > 0;

    private async Task SubscribeAsync() =>
        _subscription = await _parts.Fanout.SubscribeAsync(Id, OnFanout, CancellationToken.None);

    private async Task UnsubscribeAsync()
    {
        if (Interlocked.Exchange(ref _subscription, null) is not { } subscription)
            return;
        try
        {
            await subscription.DisposeAsync();
        }
        catch (Exception exception)
        {
            _parts.Logger.FanoutFailed(Id, exception.Message);
        }
    }

    /// <summary>A version was seen elsewhere: read the log up to it.</summary>
    public void Hint(long version)
    {
        lock (_gate)
            _hintedVersion = Math.Max(_hintedVersion, version);
        WakeWorker();
    }

    private void OnFanout(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var message = FanoutMessage.Parser.ParseFrom(bytes.Span);
            if (message.GatewayId == _parts.GatewayId)
                return;
            _parts.Leases.Heard(message.GatewayId);
            switch (message.BodyCase)
            {
                case FanoutMessage.BodyOneofCase.CommittedFrame:
                    OnCommittedElsewhere(message.CommittedFrame);
                    break;
                case FanoutMessage.BodyOneofCase.PresenceShared:
                    OnPresenceShared(message.GatewayId, message.PresenceShared);
                    break;
                case FanoutMessage.BodyOneofCase.PresenceWanted:
                    SharePresence(everybody: true);
                    break;
                case FanoutMessage.BodyOneofCase.RecordChanged:
                    CheckRecord();
                    break;
            }
        }
        catch (Exception exception)
        {
            // A hint that can't be read is a hint that was lost.
            _parts.Logger.FanoutFailed(Id, exception.Message);
        }
    }

    private void OnCommittedElsewhere(ByteString frame)
    {
        if (ServerFrame.Parser.ParseFrom(frame) is not { Messages: [{ Committed: { } committed }] } || committed.DocumentId != Id)
            throw new InvalidDataException("It isn't one committed batch of this document.");
        lock (_gate)
        {
            if (!_loaded)
            {
                // Its type isn't known yet: what was committed meanwhile is read from the log when it has loaded.
                _hintedVersion = Math.Max(_hintedVersion, (long)committed.BaseVersion + committed.Operations.Count);
                return;
            }
        }

        var operations = new MeasuredOperation[committed.Operations.Count];
        for (var i = 0; i < operations.Length; i++)
        {
            var operation = committed.Operations[i];
            operations[i] = new(
                new LoggedOperation(
                    (long)committed.BaseVersion + i + 1, operation.ClientId, operation.ClientSeq, 0, "", default,
                    operation.Operation.Memory),
                _type.Measure(operation.Operation.Span));
        }

        var batch = new CommittedBatch((long)committed.BaseVersion, operations, frame.ToByteArray());
        lock (_gate)
        {
            if (batch.Version <= _head)
                return;
            if (_remoteBatches.Count >= MaxRemoteBatches)
                _remoteBatches.Dequeue();
            _remoteBatches.Enqueue(batch);
            _hintedVersion = Math.Max(_hintedVersion, batch.Version);
        }

        WakeWorker();
    }

    // Brings the document to the newest version that anybody has spoken of.
    private async Task FollowAsync()
    {
        // Only what was asked before the log was read is answered by what was read.
        var hintedVersion = long.MaxValue;
        try
        {
            while (true)
            {
                CommittedBatch? batch;
                lock (_gate)
                    _remoteBatches.TryDequeue(out batch);
                if (batch is null)
                    break;
                if (batch.BaseVersion == _head)
                    PublishHint(batch);
            }

            bool gap, recordChanged;
            lock (_gate)
            {
                hintedVersion = _hintedVersion;
                foreach (var waiter in _waiters)
                    waiter.Asked = true;
                gap = _hintedVersion > _head || _waiters.Count > 0;
                (recordChanged, _recordChanged) = (_recordChanged, false);
            }

            if (gap)
            {
                _parts.Metrics.GapHealed();
                await ReadLogAsync();
            }

            if (recordChanged)
                await ReadRecordAsync();
        }
        catch (LogUnavailableException exception)
        {
            _parts.Logger.LogUnavailable(Id, exception.Message);
            AnswerWaiters(new RefusedException(Refusals.LogUnavailable, exception), all: false);
        }

        // A version that is nowhere in the log, or not now, is not waited for: the next comparison of heads finds it.
        lock (_gate)
        {
            if (_hintedVersion <= hintedVersion)
                _hintedVersion = Math.Min(_hintedVersion, _head);
        }

        AnswerWaiters(null, all: false);
        ApplyRemotePresence();
    }

    // A hint that doesn't fit is as good as lost: the log has what it should have been.
    private void PublishHint(CommittedBatch batch)
    {
        try
        {
            PublishFromElsewhere(batch);
        }
        catch (OperationException exception)
        {
            _parts.Logger.FanoutFailed(Id, exception.Message);
        }
    }

    /// <summary>Reads what the log has beyond the head, and makes it seen.</summary>
    private async Task ReadLogAsync()
    {
        while (true)
        {
            var page = await _parts.Log.ReadAsync(
                Id, _head, DocumentReader.PageOperations, DocumentReader.PageBytes, CancellationToken.None);
            if (page.Count == 0)
                return;
            PublishFromElsewhere(CommittedBatch.Create(Id, _type, _head, page));
        }
    }

    private void PublishFromElsewhere(CommittedBatch batch)
    {
        DocumentState next;
        lock (_gate)
            next = _state.Fork();
        foreach (var operation in batch.Operations)
            next.Apply(operation.Logged.Bytes.Span);
        Publish(batch, next, fromHere: false);
    }

    /// <summary>Reads the log, in case it has the version already.</summary>
    private Task ReachAsync(long version)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_ended != ClosedReason.Unspecified || _evicted)
                return Task.FromException(new RefusedException(Refusals.Reopen));
            _waiters.Add(new(version, done));
        }

        WakeWorker();
        return done.Task;
    }

    private void CompleteWaiters()
    {
        if (_waiters.Count == 0)
            return;
        lock (_gate)
        {
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (_waiters[i].Version > _head)
                    continue;
                _waiters[i].Done.TrySetResult();
                _waiters.RemoveAt(i);
            }
        }
    }

    // With no exception: everything was read, and whoever still waits is told by the head that it isn't there.
    private void AnswerWaiters(Exception? exception, bool all)
    {
        lock (_gate)
        {
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                if (!all && !_waiters[i].Asked)
                    continue;
                if (exception is null)
                    _waiters[i].Done.TrySetResult();
                else
                    _waiters[i].Done.TrySetException(exception);
                _waiters.RemoveAt(i);
            }
        }
    }

    /// <summary>The log has nothing where it must have something: the document may have been deleted elsewhere, and nobody has said so yet.</summary>
    private async Task<bool> EndIfDeletedAsync()
    {
        if (await _parts.Log.FindAsync(Id, CancellationToken.None) is not null)
            return false;
        EndDeleted();
        return true;
    }

    private async Task ReadRecordAsync()
    {
        if (await _parts.Log.FindAsync(Id, CancellationToken.None) is not { } record)
        {
            EndDeleted();
            return;
        }

        // Nothing that was committed goes away: what is in memory beyond it never was in this log, or the log is another.
        if (record.Head < _head)
        {
            _parts.Logger.HeadWentBack(Id, _head, record.Head);
            throw new InvalidDataException("The log's head is behind what is in memory.");
        }

        Rename(record.Title);
    }

    /// <summary>The document's record may have changed elsewhere: read it.</summary>
    public void CheckRecord()
    {
        lock (_gate)
            _recordChanged = true;
        WakeWorker();
    }

    /// <summary>The title is another now: tells everybody who has the document open.</summary>
    public void Rename(string title)
    {
        lock (_gate)
        {
            // The load may have read the old one already: what it took is looked at again.
            _recordChanged |= !_loaded;
            if (!_loaded || _title == title)
                return;
            _title = title;
            _sharedSnapshot = null;
            _renamedChunk = ServerChunks.Encode(new ServerMessage
            {
                Renamed = new Renamed { DocumentId = Id, Title = title },
            });
            _renames++;
        }

        WakeSessions();
    }

    private byte[]? _renamedChunk;
    private int _renames;

    private void PublishCommitted(CommittedBatch batch) => PublishToGateways(new FanoutMessage
    {
        CommittedFrame = UnsafeByteOperations.UnsafeWrap(batch.Chunk),
    });

    private void PublishPresenceWanted() => PublishToGateways(new FanoutMessage { PresenceWanted = new PresenceWanted() });

    private void PublishToGateways(FanoutMessage message) => _parts.PublishToGateways(Id, message);
}
