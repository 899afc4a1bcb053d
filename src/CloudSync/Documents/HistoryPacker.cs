// Packs the history of documents in the background, one step of one document at a time, so that it never has more than
// one thread and the memory of one segment.

using CloudSync.Log;
using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

/// <summary>Asks the log to pack what is old. Nothing depends on it: what fails is asked for again later. Thread-safe.</summary>
internal sealed class HistoryPacker(
    IOperationLog log, DocumentMetrics metrics, TaskScheduler scheduler, ILogger logger)
{
    // A document that finds no place asks again with its next snapshot.
    private const int WaitingMax = 10_000;

    private readonly Lock _gate = new();
    private readonly Queue<string> _waiting = new();
    private readonly Dictionary<string, Wish> _wishes = new(StringComparer.Ordinal);
    private Task _running = Task.CompletedTask;
    private bool _stopped;

    private readonly record struct Wish(long ThroughVersion, int MinOperations);

    /// <summary>Packs a document's operations up to a version, if there are at least so many.</summary>
    public void Pack(string documentId, long throughVersion, int minOperations)
    {
        if (throughVersion < minOperations)
            return;
        lock (_gate)
        {
            if (_stopped)
                return;
            if (_wishes.TryGetValue(documentId, out var wish))
            {
                _wishes[documentId] = new(
                    Math.Max(wish.ThroughVersion, throughVersion), Math.Min(wish.MinOperations, minOperations));
                return;
            }

            if (_waiting.Count >= WaitingMax)
                return;
            _wishes.Add(documentId, new(throughVersion, minOperations));
            _waiting.Enqueue(documentId);
            if (_running.IsCompleted)
            {
                _running = Task.Factory.StartNew(
                    RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
            }
        }
    }

    /// <summary>Begins nothing more, and waits for the step under way.</summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            _stopped = true;
            _waiting.Clear();
            _wishes.Clear();
            return _running;
        }
    }

    private async Task RunAsync()
    {
        while (TryTakeNext(out var documentId, out var wish))
        {
            if (!await TryStepAsync(documentId, wish))
                continue;
            // Those that wait have their turn before its next step. It was worth beginning, so it is carried through.
            Again(documentId, wish with { MinOperations = 1 });
        }
    }

    private bool TryTakeNext(out string documentId, out Wish wish)
    {
        lock (_gate)
        {
            wish = default;
            if (!_waiting.TryDequeue(out documentId!))
            {
                // In the same breath as seeing that nothing waits: whoever comes next starts anew.
                _running = Task.CompletedTask;
                return false;
            }

            return _wishes.Remove(documentId, out wish);
        }
    }

    private void Again(string documentId, Wish wish)
    {
        lock (_gate)
        {
            if (_stopped)
                return;
            if (_wishes.TryGetValue(documentId, out var other))
            {
                _wishes[documentId] = new(
                    Math.Max(wish.ThroughVersion, other.ThroughVersion), Math.Min(wish.MinOperations, other.MinOperations));
                return;
            }

            _wishes.Add(documentId, wish);
            _waiting.Enqueue(documentId);
        }
    }

    /// <summary>One step; true if there may be another.</summary>
    private async Task<bool> TryStepAsync(string documentId, Wish wish)
    {
        try
        {
            var started = metrics.Time.GetTimestamp();
            var result = await log.PackAsync(
                documentId, wish.ThroughVersion, wish.MinOperations, CancellationToken.None);
            if (result.Operations == 0)
                return false;
            metrics.Packed(result, started);
            logger.HistoryPacked(documentId, result.Operations, result.PackedThrough);
            return result.PackedThrough < wish.ThroughVersion;
        }
        catch (Exception exception)
        {
            metrics.PackFailed();
            logger.HistoryNotPacked(documentId, exception.Message);
            return false;
        }
    }
}
