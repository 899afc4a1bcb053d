// The write path. What the worker has taken is rewritten to follow the head (OpenDocument.Rebasing.cs) and appended together,
// on condition that the head is still where it was. If it isn't, somebody else was first: read what they did, and again.

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

    private const int MaxAttemptsWithoutLog = 4;
    private static readonly TimeSpan _firstRetryDelay = TimeSpan.FromMilliseconds(50);

    // The worker's own: how many of those it works on have been answered, and what it needs for one batch.
    private int _answered;
    private readonly List<MeasuredOperation> _batch = [];
    private readonly List<Verdict> _verdicts = [];

    // The last append's outcome is unknown: the log must be read before anything else is appended.
    private bool _uncertain;

    /// <summary>How it stands with one submission of a batch.</summary>
    private readonly record struct Verdict(int BatchIndex, long FoundVersion, Refusal? Refusal);

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
        // Failures of the log only: a conflict is followed by another attempt at once, however often it comes.
        var failures = 0;
        while (true)
        {
            try
            {
                await GiveTurnAsync();
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
                if (++failures == MaxAttemptsWithoutLog)
                {
                    RefuseAll(submissions, start, count, Refusals.LogUnavailable);
                    return;
                }

                await Task.Delay(_firstRetryDelay * (1 << failures), _parts.Time);
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

    // To the millisecond, and never back, whatever the clock does.
    private DateTimeOffset CommitTime()
    {
        var now = CommitClock.Now(_parts.Time);
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

                _conflictTimestamp = _parts.Time.GetTimestamp();
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
            CountTowardsSnapshot_NeedsLock(batch.Operations.Length, batch.Chunk.Length);
        }

        Appended(fromHere);
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
