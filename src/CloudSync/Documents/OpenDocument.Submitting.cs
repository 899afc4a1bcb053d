// What was submitted waits here, bounded, until the document's worker takes it: one worker at a time, started when there is
// something to do.

using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument : ICommitting
{
    private List<Submission> _incoming = [];
    private List<Submission> _working = [];
    private long _incomingBytes;
    private long _workingBytes;
    private bool _loaded;
    private bool _running;
    private bool _waitsForCommit;
    private bool _draining;
    private TaskCompletionSource? _quiet;

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
    public async Task DrainAsync()
    {
        Task quiet;
        lock (_gate)
        {
            _draining = true;
            if (!_running && !_waitsForCommit)
                return;
            _quiet ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            quiet = _quiet.Task;
        }

        await quiet;
    }

    private void WakeWorker()
    {
        bool start;
        lock (_gate)
        {
            TellWhoeverWaits_NeedsLock();
            start = ShouldStart_NeedsLock();
        }

        if (start)
            _parts.Start(RunAsync);
    }

    private bool ShouldStart_NeedsLock()
    {
        if (_running || !_loaded || _ended != ClosedReason.Unspecified
            || ((_incoming.Count == 0 || _waitsForCommit) && !HasHints_NeedsLock()))
        {
            return false;
        }

        return _running = true;
    }

    async Task ICommitting.BeginAsync()
    {
        lock (_gate)
        {
            _waitsForCommit = false;
            if (!ShouldStart_NeedsLock())
            {
                BecomeQuiet_NeedsLock();
                return;
            }
        }

        await RunAsync();
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
                BecomeQuiet_NeedsLock();
            }
        }
    }

    // What is submitted stays where it is while an append of other documents is under way: the batch grows until its turn has come.
    private bool TakeWork()
    {
        lock (_gate)
        {
            _answered = 0;
            if (_ended == ClosedReason.Unspecified)
            {
                if (_incoming.Count > 0 && !_waitsForCommit)
                {
                    if (_parts.Commit.TryBegin(this))
                    {
                        (_working, _incoming) = (_incoming, _working);
                        (_workingBytes, _incomingBytes) = (_incomingBytes, 0);
                        return true;
                    }

                    _waitsForCommit = true;
                }

                if (HasHints_NeedsLock())
                    return true;
            }

            _running = false;
            BecomeQuiet_NeedsLock();
            return false;
        }
    }

    private void BecomeQuiet_NeedsLock()
    {
        if (_running || _waitsForCommit)
            return;
        _quiet?.TrySetResult();
        _quiet = null;
    }
}
