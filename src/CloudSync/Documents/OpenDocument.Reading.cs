// What a session is sent, and when: the Opened message, every batch after its version, who is here, and the answers to
// what it submitted.

using System.Buffers;
using CloudSync.Log;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // Answers to one session that nobody reads. A connection stops reading its socket long before that.
    private const int MaxAnswers = 1_024;

    // The most that is read from the log for one message to a session that is behind.
    private const int CatchUpOperations = 4_096;

    /// <summary>Takes an operation from a session.</summary>
    public void SubmitFrom(
        OpenDocumentSession session, long baseVersion, ulong clientSequence, ReadOnlySpan<byte> operation)
    {
        if (CheckSubmission(session, clientSequence, operation) is { } refusal)
        {
            _parts.Metrics.Refused(refusal.Code);
            Answer(session, ServerChunks.Refused(Id, clientSequence, refusal), wasPending: false);
            return;
        }

        Submit(new SessionSubmission(this, session, baseVersion, clientSequence, operation.ToArray()));
    }

    private Refusal? CheckSubmission(OpenDocumentSession session, ulong clientSequence, ReadOnlySpan<byte> operation)
    {
        if (CheckOperation(operation, clientSequence) is { } refusal)
            return refusal;
        var limit = _parts.Options.Limits.PendingPerSession;
        lock (_gate)
        {
            if (session.Pending >= limit)
                return Refusals.TooManyPendingOfSession(limit);
            session.Pending++;
            return null;
        }
    }

    /// <summary>What can be said against an operation without the document's content.</summary>
    public Refusal? CheckOperation(ReadOnlySpan<byte> operation, ulong clientSequence)
    {
        if (clientSequence == 0)
            return Refusals.SequenceInvalid;
        if (operation.Length > _parts.Options.Limits.OperationBytes)
            return Refusals.OperationTooLarge(operation.Length, _parts.Options.Limits.OperationBytes);
        try
        {
            _type.Measure(operation);
            return null;
        }
        catch (OperationException exception)
        {
            return Refusals.OperationRefused(exception);
        }
    }

    /// <summary>Lays an answer ready; null when the Committed message is the answer.</summary>
    public void Answer(OpenDocumentSession session, byte[]? chunk, bool wasPending = true)
    {
        lock (_gate)
        {
            if (wasPending)
                session.Pending--;
            if (chunk is null || session.Index < 0)
                return;
            session.Answers ??= [];
            if (session.Answers.Count < MaxAnswers)
                session.Answers.Add(chunk);
        }

        session.Subscriber.Wake(session);
    }

    /// <summary>Writes what the session's client has not been sent yet.</summary>
    public SessionRead Read(OpenDocumentSession session, IBufferWriter<byte> output, int byteLimit)
    {
        var written = 0;
        if (session.TakeOpened(1) is { IsEmpty: false } opened)
        {
            output.Write(opened.Span);
            written += opened.Length;
        }

        while (true)
        {
            ReadOnlySpan<byte> chunk;
            long version;
            lock (_gate)
            {
                if (_ended != ClosedReason.Unspecified)
                {
                    output.Write(ServerChunks.Closed(Id, _ended, _endedWhy));
                    return SessionRead.Ended;
                }

                if (session.Version >= _head)
                {
                    ReadRest_NeedsLock(session, output);
                    return SessionRead.UpToDate;
                }

                if (_recent.Find(session.Version) is not { } batch)
                    return SessionRead.Behind;
                version = batch.Version;
                chunk = session.Version == batch.BaseVersion
                    ? batch.Chunk
                    : ServerChunks.Committed(
                        Id, session.Version, batch.Operations.AsSpan((int)(session.Version - batch.BaseVersion)));
            }

            // At least one batch for each call, so that a small limit can't stop it.
            if (written > 0 && written + chunk.Length > byteLimit)
                return SessionRead.More;
            output.Write(chunk);
            written += chunk.Length;
            session.Version = version;
        }
    }

    // The session is at the head: what belongs to just this version, and answers, which come after what they speak of.
    private void ReadRest_NeedsLock(OpenDocumentSession session, IBufferWriter<byte> output)
    {
        if (session.Renames != _renames)
        {
            session.Renames = _renames;
            output.Write(_renamedChunk);
        }

        if (session.Version == _head)
            ReadPresence_NeedsLock(session, output);
        if (session.Answers is not { } answers)
            return;
        foreach (var answer in answers)
            output.Write(answer);
        session.Answers = null;
    }

    /// <summary>Writes a run of versions from the log, other people's operations composed.</summary>
    public async ValueTask<SessionRead> CatchUpAsync(
        OpenDocumentSession session, IBufferWriter<byte> output, int byteLimit, CancellationToken cancellationToken)
    {
        try
        {
            var page = await _parts.Log.ReadAsync(
                Id, session.Version, CatchUpOperations, Math.Max(byteLimit, DocumentReader.PageBytes), cancellationToken);
            if (page.Count == 0 && await EndIfDeletedAsync())
            {
                output.Write(ServerChunks.Closed(Id, _ended, _endedWhy));
                return SessionRead.Ended;
            }

            if (page.Count == 0)
                throw new InvalidDataException($"The log ends at version {session.Version}; the head is {Head}.");
            output.Write(ServerChunks.Encode(new ServerMessage
            {
                Committed = ComposeRuns(page, session.Version, session.ClientId),
            }));
            session.Version = page[^1].Version;
            _parts.Metrics.CaughtUp();
            // Carets can't be followed through composed runs: everybody's are sent anew.
            session.PresenceCursor = 0;
            return SessionRead.More;
        }
        catch (Exception exception) when (
            exception is LogUnavailableException or LogUnusableException or InvalidDataException or OperationException)
        {
            _parts.Logger.LogUnavailable(Id, exception.Message);
            output.Write(ServerChunks.Closed(
                Id, ClosedReason.Reopen, "What was missed can't be read from the log just now. Open the document again."));
            return SessionRead.Ended;
        }
    }

    private Committed ComposeRuns(IReadOnlyList<LoggedOperation> page, long baseVersion, ulong clientId)
    {
        var committed = new Committed { DocumentId = Id, BaseVersion = (ulong)baseVersion };
        var run = new List<MeasuredOperation>();
        foreach (var operation in page)
        {
            if (operation.Version != ++baseVersion)
                throw new InvalidDataException($"The log gave version {operation.Version} where {baseVersion} had to be.");
            if (operation.ClientId != clientId)
            {
                run.Add(new(operation, _type.Measure(operation.Bytes.Span)));
                continue;
            }

            EndRun();
            committed.Operations.Add(ToMessage(operation, operation.Bytes, 1));
        }

        EndRun();
        return committed;

        void EndRun()
        {
            var left = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(run);
            while (left.Length > 0)
            {
                var count = CountToCompose(left, out _);
                if (!TryCompose(left[..count], out var bytes))
                    count = 1;
                committed.Operations.Add(ToMessage(left[0].Logged, bytes, count));
                left = left[count..];
            }

            run.Clear();
        }
    }

    private static Protocol.V1.CommittedOperation ToMessage(
        in LoggedOperation operation, ReadOnlyMemory<byte> bytes, int count) => new()
    {
        ClientId = count > 1 ? 0 : operation.ClientId,
        ClientSeq = count > 1 ? 0 : operation.ClientSequence,
        Operation = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(bytes),
        Count = count > 1 ? (ulong)count : 0,
    };
}
