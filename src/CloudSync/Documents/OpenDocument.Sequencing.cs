// The write path. One worker at a time takes what was submitted, transforms each operation over what was committed since
// its base, and appends them together, on condition that the head is still where it was. If it isn't, somebody else was
// first: read what they did, and transform again.

using System.Buffers;
using System.Runtime.InteropServices;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // Within a batch each operation is transformed over those before it, which grows with the square.
    private const int MaxBatchOperations = 256;

    // A batch is one write and one message: so large that it pays, so small that other documents soon get their turn.
    private const int MaxBatchBytes = 1 << 20;

    // Clients transform over what they are sent one at a time, and in rare cases composing first gives another place to
    // the same insert (docs/operations.md). So it is left to those that were away for long, who are sent composed runs too.
    private const int MaxTransformsInTurn = 1_024;

    private const int MaxAttemptsWithoutLog = 4;
    private static readonly TimeSpan _firstRetryDelay = TimeSpan.FromMilliseconds(50);

    private List<Submission> _incoming = [];
    private List<Submission> _working = [];
    private long _incomingBytes;
    private long _workingBytes;
    private bool _loaded;
    private bool _running;
    private bool _draining;
    private TaskCompletionSource? _quiet;

    // The worker's own: how many of those it works on have been answered, and what it needs for one batch.
    private int _answered;
    private readonly List<MeasuredOperation> _since = [];
    private readonly List<MeasuredOperation> _batch = [];
    private readonly List<Verdict> _verdicts = [];
    private ArrayBufferWriter<byte> _scratch = new(64);
    private ArrayBufferWriter<byte> _otherScratch = new(64);

    // The last append's outcome is unknown: the log must be read before anything else is appended.
    private bool _uncertain;

    /// <summary>How it stands with one submission of a batch.</summary>
    private readonly record struct Verdict(int BatchIndex, long FoundVersion, Refusal? Refusal);

    /// <summary>Takes a submission; it is answered in any case.</summary>
    public void Submit(Submission submission)
    {
        Refusal? refusal = null;
        var start = false;
        lock (_gate)
        {
            if (_ended != ClosedReason.Unspecified)
                refusal = _ended == ClosedReason.Deleted ? Refusals.DocumentNotFound(Id) : Refusals.Reopen;
            else if (_draining)
                refusal = Refusals.ShuttingDown;
            else if (CheckPending_NeedsLock(submission) is { } tooMuch)
                refusal = tooMuch;
            else
            {
                _incoming.Add(submission);
                _incomingBytes += submission.Operation.Length;
                start = ShouldStart_NeedsLock();
            }
        }

        if (refusal is not null)
        {
            _parts.Metrics.Refused(refusal.Code);
            submission.OnRefused(refusal);
        }
        else if (start)
        {
            _parts.Start(RunAsync);
        }
    }

    private Refusal? CheckPending_NeedsLock(Submission submission)
    {
        var limits = _parts.Options.Limits;
        if (_incoming.Count + _working.Count >= limits.PendingPerDocument)
            return Refusals.TooManyPendingOfDocument(limits.PendingPerDocument);
        var bytes = _incomingBytes + _workingBytes;
        // One operation is always taken, whatever the limits are.
        return bytes > 0 && bytes + submission.Operation.Length > limits.PendingBytesPerDocument
            ? Refusals.TooManyPendingBytesOfDocument(limits.PendingBytesPerDocument)
            : null;
    }

    /// <summary>Takes nothing more, and completes when what was taken is committed or refused.</summary>
    public Task DrainAsync()
    {
        lock (_gate)
        {
            _draining = true;
            if (!_running)
                return Task.CompletedTask;
            _quiet ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _quiet.Task;
        }
    }

    private void WakeWorker()
    {
        bool start;
        lock (_gate)
            start = ShouldStart_NeedsLock();
        if (start)
            _parts.Start(RunAsync);
    }

    private bool ShouldStart_NeedsLock()
    {
        if (_running || !_loaded || _ended != ClosedReason.Unspecified || (_incoming.Count == 0 && !HasHints_NeedsLock()))
            return false;
        return _running = true;
    }

    private async Task RunAsync()
    {
        try
        {
            while (TakeWork())
            {
                await FollowAsync();
                await SequenceAsync(_working);
                lock (_gate)
                {
                    _working.Clear();
                    _workingBytes = 0;
                }
            }
        }
        catch (Exception exception)
        {
            // One document's failure is its own: whoever has it open starts again from the log.
            _parts.Logger.WorkerFailed(Id, exception);
            List<Submission> unanswered;
            lock (_gate)
            {
                unanswered = [.. _working.Skip(_answered)];
                _working.Clear();
                _workingBytes = 0;
            }

            // Ended first, so that no other worker begins with what this one has left.
            End(ClosedReason.Reopen, "The server could not go on with this document. Open it again.");
            foreach (var submission in unanswered)
                submission.OnRefused(Refusals.Reopen);
            lock (_gate)
            {
                _running = false;
                _quiet?.TrySetResult();
                _quiet = null;
            }
        }
    }

    private bool TakeWork()
    {
        lock (_gate)
        {
            _answered = 0;
            if (_ended == ClosedReason.Unspecified && (_incoming.Count > 0 || HasHints_NeedsLock()))
            {
                (_working, _incoming) = (_incoming, _working);
                (_workingBytes, _incomingBytes) = (_incomingBytes, 0);
                return true;
            }

            _running = false;
            _quiet?.TrySetResult();
            _quiet = null;
            return false;
        }
    }

    private async Task SequenceAsync(List<Submission> submissions)
    {
        while (_answered < submissions.Count)
        {
            var count = CountForBatch(submissions, _answered);
            await CommitAsync(submissions, _answered, count);
            if (_ended != ClosedReason.Unspecified)
            {
                var refusal = _ended == ClosedReason.Deleted ? Refusals.DocumentNotFound(Id) : Refusals.Reopen;
                RefuseAll(submissions, _answered, submissions.Count - _answered, refusal);
            }
        }
    }

    // At least one, so that the largest operation there may be is committed too.
    private static int CountForBatch(List<Submission> submissions, int start)
    {
        var count = 1;
        long bytes = submissions[start].Operation.Length;
        while (count < MaxBatchOperations && start + count < submissions.Count
            && (bytes += submissions[start + count].Operation.Length) <= MaxBatchBytes)
        {
            count++;
        }

        return count;
    }

    // Commits or refuses the submissions from start to start + count.
    private async Task CommitAsync(List<Submission> submissions, int start, int count)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (_uncertain)
                {
                    await ReadLogAsync();
                    _uncertain = false;
                }

                // Never in the midst of a batch: what is in it already would not be transformed over what is read.
                if (NamesUnknownVersion(submissions, start, count))
                    await ReadLogAsync();

                DocumentState next;
                lock (_gate)
                    next = _state.Fork();
                _batch.Clear();
                _verdicts.Clear();
                for (var i = start; i < start + count; i++)
                    _verdicts.Add(await SequenceAsync(submissions[i], next));

                if (_batch.Count == 0 || await AppendAsync(next))
                {
                    Answer(submissions, start, count);
                    return;
                }

                if (_ended != ClosedReason.Unspecified)
                {
                    RefuseAll(submissions, start, count, Refusals.DocumentNotFound(Id));
                    return;
                }

                // A conflict: somebody made progress, so this ends.
                await ReadLogAsync();
            }
            catch (LogUnavailableException exception)
            {
                _parts.Logger.LogUnavailable(Id, exception.Message);
                if (attempt == MaxAttemptsWithoutLog)
                {
                    RefuseAll(submissions, start, count, Refusals.LogUnavailable);
                    return;
                }

                await Task.Delay(_firstRetryDelay * (1 << attempt), _parts.Time);
            }
        }
    }

    // Another gateway may have told of it before this one heard.
    private bool NamesUnknownVersion(List<Submission> submissions, int start, int count)
    {
        for (var i = start; i < start + count; i++)
        {
            if (submissions[i].BaseVersion > _head)
                return true;
        }

        return false;
    }

    /// <summary>Rewrites one submission to follow the head and what the batch holds already, and adds it to the batch.</summary>
    private async ValueTask<Verdict> SequenceAsync(Submission submission, DocumentState next)
    {
        var baseVersion = submission.BaseVersion ??= _head;
        if (baseVersion > _head || baseVersion < 0)
            return Refuse(Refusals.VersionUnknown(baseVersion, _head));

        _since.Clear();
        bool inMemory;
        lock (_gate)
            inMemory = _recent.TryCollect(baseVersion, _head, _since);
        if (!inMemory && await CollectFromLogAsync(submission, baseVersion) is { } verdict)
            return verdict;
        return Sequence(submission, next);
    }

    // Reads what was committed since a base of long ago. Beyond what is transformed over in turn anyway, each page is
    // composed as it comes, so that what is held is the change that it made and not its history.
    private async ValueTask<Verdict?> CollectFromLogAsync(Submission submission, long baseVersion)
    {
        var inTurn = _head - baseVersion <= MaxTransformsInTurn;
        var page = new List<MeasuredOperation>();
        while (baseVersion < _head)
        {
            var count = (int)Math.Min(DocumentReader.PageOperations, _head - baseVersion);
            var logged = await _parts.Log.ReadAsync(
                Id, baseVersion, count, DocumentReader.PageBytes, CancellationToken.None);
            page.Clear();
            var lengthChange = 0;
            foreach (var operation in logged)
            {
                if (operation.Version != ++baseVersion)
                    throw new InvalidDataException($"The log gave version {operation.Version} where {baseVersion} had to be.");
                page.Add(new(operation, _type.Measure(operation.Bytes.Span).LengthChange));
                lengthChange += page[^1].LengthChange;
                if (IsSameClient(submission, page[^1], out var verdict))
                    return verdict;
            }

            if (page.Count == 0)
                throw new InvalidDataException($"The log ends at version {baseVersion}; the head of '{Id}' is {_head}.");
            if (inTurn)
                _since.AddRange(page);
            else
                _since.Add(new(page[^1].Logged with { ClientId = 0, Bytes = Compose(CollectionsMarshal.AsSpan(page)) }, lengthChange));
        }

        return null;
    }

    private Verdict Sequence(Submission submission, DocumentState next)
    {
        var missed = CollectionsMarshal.AsSpan(_since);
        var batched = CollectionsMarshal.AsSpan(_batch);

        // Law 4: an operation that is sent again finds itself among what was committed since its base.
        var lengthAtBase = (long)_state.Length;
        foreach (ref readonly var operation in missed)
        {
            if (IsSameClient(submission, operation, out var verdict))
                return verdict;
            lengthAtBase -= operation.LengthChange;
        }

        foreach (ref readonly var operation in batched)
        {
            if (IsSameClient(submission, operation, out var verdict))
                return verdict;
        }

        try
        {
            var measure = _type.Measure(submission.Operation);
            if (measure.RequiredLength > lengthAtBase)
                return Refuse(Refusals.OperationPastTheEnd(measure.RequiredLength, (int)lengthAtBase));

            ReadOnlyMemory<byte> bytes = submission.Operation;
            if (missed.Length + batched.Length > 0)
            {
                bytes = TransformOver(batched, TransformOver(missed, bytes)).ToArray();
                measure = _type.Measure(bytes.Span);
            }

            var length = (long)next.Length + measure.LengthChange;
            if (measure.LengthChange > 0 && length > _parts.Options.Limits.DocumentLength)
                return Refuse(Refusals.DocumentTooLarge(length, _parts.Options.Limits.DocumentLength));

            next.Apply(bytes.Span, _parts.Options.Limits.DocumentBytes);
            _batch.Add(new(
                new LoggedOperation(
                    _head + _batch.Count + 1, submission.ClientId, submission.ClientSequence,
                    submission.BaseVersion!.Value, submission.Author, CommitTime(), bytes),
                measure.LengthChange));
            return new(_batch.Count - 1, 0, null);
        }
        catch (OperationException exception)
        {
            return Refuse(exception.Error == OperationError.TooLarge
                ? Refusals.DocumentTooLargeInBytes(_parts.Options.Limits.DocumentBytes)
                : Refusals.OperationRefused(exception));
        }
    }

    private static bool IsSameClient(Submission submission, in MeasuredOperation operation, out Verdict verdict)
    {
        verdict = default;
        if (operation.Logged.ClientId != submission.ClientId)
            return false;
        verdict = operation.Logged.ClientSequence == submission.ClientSequence
            ? new(-1, operation.Logged.Version, null)
            : Refuse(Refusals.SequenceOutOfOrder(submission.ClientSequence, operation.Logged.ClientSequence));
        return true;
    }

    private static Verdict Refuse(Refusal refusal) => new(-1, 0, refusal);

    // The result lies in one of the two scratch buffers, or is the operation itself: good until the next call.
    private ReadOnlyMemory<byte> TransformOver(ReadOnlySpan<MeasuredOperation> committed, ReadOnlyMemory<byte> operation)
    {
        if (committed.Length > MaxTransformsInTurn)
            return TransformOver(Compose(committed).Span, operation);
        foreach (ref readonly var over in committed)
            operation = TransformOver(over.Logged.Bytes.Span, operation);
        return operation;
    }

    private ReadOnlyMemory<byte> TransformOver(ReadOnlySpan<byte> over, ReadOnlyMemory<byte> operation)
    {
        // What is read and what is written take turns.
        (_scratch, _otherScratch) = (_otherScratch, _scratch);
        _scratch.ResetWrittenCount();
        _type.Transform(operation.Span, over, Side.Right, _scratch);
        return _scratch.WrittenMemory;
    }

    // Pairwise, as a tree: composing one after the other would copy the growing result for each.
    private ReadOnlyMemory<byte> Compose(ReadOnlySpan<MeasuredOperation> operations)
    {
        if (operations.Length == 1)
            return operations[0].Logged.Bytes;
        var half = operations.Length / 2;
        var first = Compose(operations[..half]);
        var second = Compose(operations[half..]);
        var composed = new ArrayBufferWriter<byte>(first.Length + second.Length + 16);
        _type.Compose(first.Span, second.Span, composed);
        return composed.WrittenMemory;
    }

    // To the microsecond, which is what the log keeps, and never back, whatever the clock does.
    private DateTimeOffset CommitTime()
    {
        var now = _parts.Time.GetUtcNow();
        now = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
        return now > _committedAt ? now : _committedAt;
    }

    // True: committed. False: a conflict, or the document is gone.
    private async Task<bool> AppendAsync(DocumentState next)
    {
        var operations = new NewOperation[_batch.Count];
        var logged = new MeasuredOperation[_batch.Count];
        for (var i = 0; i < operations.Length; i++)
        {
            logged[i] = _batch[i];
            var operation = logged[i].Logged;
            operations[i] = new(
                operation.ClientId, operation.ClientSequence, operation.BaseVersion, operation.Author,
                operation.CommittedAt, operation.Bytes);
        }

        AppendResult result;
        try
        {
            result = await _parts.Commit.AppendAsync(new DocumentAppend(Id, _head, operations));
        }
        catch (LogUnavailableException)
        {
            _uncertain = true;
            throw;
        }

        switch (result.Outcome)
        {
            case AppendOutcome.Appended:
                if (result.Head != _head + operations.Length)
                    throw new InvalidDataException($"The log says head {result.Head} after {operations.Length} operations on {_head}.");
                Publish(new CommittedBatch(_head, logged, ServerChunks.Committed(Id, _head, logged)), next, fromHere: true);
                return true;
            case AppendOutcome.NotFound:
                EndDeleted();
                return false;
            default:
                if (result.Head < _head)
                {
                    _parts.Logger.HeadWentBack(Id, _head, result.Head);
                    throw new InvalidDataException("The log's head is behind what was read from it.");
                }

                return false;
        }
    }

    /// <summary>What was committed becomes what is seen.</summary>
    private void Publish(CommittedBatch batch, DocumentState state, bool fromHere)
    {
        lock (_gate)
        {
            _state = state;
            _head = batch.Version;
            if (batch.Operations[^1].Logged.CommittedAt > _committedAt)
                _committedAt = batch.Operations[^1].Logged.CommittedAt;
            _recent.Add(batch);
            _usedTimestamp = _parts.Time.GetTimestamp();
            AdvancePresence_NeedsLock(batch);
            CountTowardsSnapshot_NeedsLock(batch);
        }

        CompleteWaiters();
        WakeSessions();
        if (fromHere)
            PublishCommitted(batch);
        SnapshotIfDue();
    }

    private void Answer(List<Submission> submissions, int start, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var verdict = _verdicts[i];
            _answered = start + i + 1;
            if (verdict.Refusal is { } refusal)
            {
                _parts.Metrics.Refused(refusal.Code);
                submissions[start + i].OnRefused(refusal);
            }
            else if (verdict.BatchIndex >= 0)
            {
                submissions[start + i].OnCommitted(_batch[verdict.BatchIndex].Logged);
            }
            else
            {
                _parts.Metrics.Found();
                submissions[start + i].OnFound(verdict.FoundVersion);
            }
        }
    }

    private void RefuseAll(List<Submission> submissions, int start, int count, Refusal refusal)
    {
        for (var i = start; i < start + count; i++)
        {
            _answered = i + 1;
            _parts.Metrics.Refused(refusal.Code);
            submissions[i].OnRefused(refusal);
        }
    }
}
