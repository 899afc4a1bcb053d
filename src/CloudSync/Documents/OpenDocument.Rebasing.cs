// One submission rewritten to follow the head: what was committed since its base is collected, from memory or from the log,
// and the submission is transformed over it; unless it is found among it, for then it was sent again.

using System.Buffers;
using System.Runtime.InteropServices;
using CloudSync.Log;
using CloudSync.Operations;

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // Clients transform over what they are sent one at a time, and in rare cases composing first gives another place to
    // the same insert (docs/operations.md). So it is left to those that were away for long, who are sent composed runs too.
    private const int MaxTransformsInTurn = 1_024;

    // What is composed of JSON has the components of all. Of so many a client can take a run over the largest
    // operation there is.
    private const int MaxComposedComponents = 1_000;

    // Each of them reads the operation and writes it again, so a large one is not taken over many either.
    private const long MaxBytesInTurn = 8 << 20;

    // The worker's own.
    private readonly List<MeasuredOperation> _since = [];
    private ArrayBufferWriter<byte> _scratch = new(64);
    private ArrayBufferWriter<byte> _otherScratch = new(64);

    /// <summary>Rewrites one submission to follow the head and what the batch holds already, and adds it to the batch.</summary>
    private async ValueTask<Verdict> SequenceAsync(Submission submission, DocumentState next)
    {
        var baseVersion = submission.BaseVersion ??= _head;
        if (baseVersion > _head && await EndIfDeletedAsync())
            return Refuse(Refusals.DocumentNotFound(Id));
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
            foreach (var operation in logged)
            {
                if (operation.Version != ++baseVersion)
                    throw new InvalidDataException($"The log gave version {operation.Version} where {baseVersion} had to be.");
                page.Add(new(operation, _type.Measure(operation.Bytes.Span)));
                if (IsSameClient(submission, page[^1], out var verdict))
                    return verdict;
            }

            if (page.Count == 0 && await EndIfDeletedAsync())
                return Refuse(Refusals.DocumentNotFound(Id));
            if (page.Count == 0)
                throw new InvalidDataException($"The log ends at version {baseVersion}; the head of '{Id}' is {_head}.");
            if (inTurn)
                _since.AddRange(page);
            else
                _since.AddRange(ComposeRun(CollectionsMarshal.AsSpan(page)));
        }

        return null;
    }

    private Verdict Sequence(Submission submission, DocumentState next)
    {
        var missed = CollectionsMarshal.AsSpan(_since);
        var batched = CollectionsMarshal.AsSpan(_batch);

        // Law 4: an operation that is sent again finds itself among what was committed since its base.
        var lengthAtBase = (long)_state.Length;
        var components = 0L;
        foreach (ref readonly var operation in missed)
        {
            if (IsSameClient(submission, operation, out var verdict))
                return verdict;
            lengthAtBase -= operation.Measure.LengthChange;
            components += operation.Measure.Components;
        }

        foreach (ref readonly var operation in batched)
        {
            if (IsSameClient(submission, operation, out var verdict))
                return verdict;
            components += operation.Measure.Components;
        }

        try
        {
            var measure = _type.Measure(submission.Operation);
            if (measure.RequiredLength > lengthAtBase)
                return Refuse(Refusals.OperationPastTheEnd(measure.RequiredLength, (int)lengthAtBase));
            if (measure.Components * components > JsonLimits.MaxPairsOfSubmission)
                return Refuse(Refusals.TooMuchWork(measure.Components, components));

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
                measure));
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
        if (committed.Length > 1
            && (committed.Length > MaxTransformsInTurn || (long)committed.Length * operation.Length > MaxBytesInTurn))
            committed = ComposeRun(committed);
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

    // Into one; JSON into as many as MaxComposedComponents makes it.
    private MeasuredOperation[] ComposeRun(ReadOnlySpan<MeasuredOperation> operations)
    {
        var composed = new List<MeasuredOperation>(1);
        while (operations.Length > 0)
        {
            var count = CountToCompose(operations, out var measure);
            if (TryCompose(operations[..count], out var bytes))
                composed.Add(new(operations[count - 1].Logged with { ClientId = 0, Bytes = bytes }, measure));
            else
                composed.AddRange(operations[..count]);
            operations = operations[count..];
        }

        return [.. composed];
    }

    private static int CountToCompose(ReadOnlySpan<MeasuredOperation> operations, out OperationMeasure measure)
    {
        measure = default;
        for (var i = 0; i < operations.Length; i++)
        {
            var components = measure.Components + operations[i].Measure.Components;
            if (i > 0 && components > MaxComposedComponents)
                return i;
            measure = new(0, measure.LengthChange + operations[i].Measure.LengthChange, components);
        }

        return operations.Length;
    }

    // What was committed can be made so that composing it is refused as too much work: then it stays as it is.
    private bool TryCompose(ReadOnlySpan<MeasuredOperation> operations, out ReadOnlyMemory<byte> bytes)
    {
        bytes = operations[0].Logged.Bytes;
        if (operations.Length == 1)
            return true;
        try
        {
            var composer = new OperationComposer(_type);
            foreach (ref readonly var operation in operations)
                composer.Add(operation.Logged.Bytes.Span);
            var composed = new ArrayBufferWriter<byte>();
            composer.Finish(composed);
            bytes = composed.WrittenMemory;
            return true;
        }
        catch (OperationException)
        {
            return false;
        }
    }
}
