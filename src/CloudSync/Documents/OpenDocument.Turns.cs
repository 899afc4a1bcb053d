// Gateways on which people write in the same document take turns. Without that, the one that has just appended is ahead again and
// again: the other has to read what it missed before it can try, and by then the next append is under way. So whoever was first
// lets about as much time pass as the other needs. Only where others have appended lately, and only between appends that would
// follow each other at once: somebody who types alone, or slowly, never waits.

namespace CloudSync.Documents;

internal sealed partial class OpenDocument
{
    // A turn is as long as it takes here to follow and try again after a conflict, within these bounds.
    private static readonly TimeSpan _turnMin = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _turnMax = TimeSpan.FromMilliseconds(100);

    // Nobody else has appended for so long: the document is this gateway's alone.
    private static readonly TimeSpan _sharedFor = TimeSpan.FromSeconds(5);

    // The worker's own.
    private TimeSpan _turn = TimeSpan.FromMilliseconds(20);
    private long? _othersAppendedTimestamp;
    private long? _appendedHereTimestamp;
    private long? _conflictTimestamp;

    // Under the gate: the worker waits for its turn, or to be told that there is something to follow.
    private TaskCompletionSource<bool>? _following;

    private void Appended(bool fromHere)
    {
        if (fromHere)
            _appendedHereTimestamp = _parts.Time.GetTimestamp();
        else
            _othersAppendedTimestamp = _parts.Time.GetTimestamp();
    }

    // Before an append.
    private async Task GiveTurnAsync()
    {
        if (_conflictTimestamp is { } conflict)
        {
            // It was the other's turn before, now it is ours.
            // Half as much again: it has to be transformed, and to find its place in the group commit.
            var needed = _parts.Time.GetElapsedTime(conflict) * 1.5;
            _turn = TimeSpan.FromTicks(Math.Clamp(((_turn * 3) + needed).Ticks / 4, _turnMin.Ticks, _turnMax.Ticks));
            _conflictTimestamp = null;
            return;
        }

        if (_appendedHereTimestamp is not { } appended || _othersAppendedTimestamp is not { } others
            || _parts.Time.GetElapsedTime(others) > _sharedFor)
            return;
        var left = _turn - _parts.Time.GetElapsedTime(appended);
        if (left <= TimeSpan.Zero)
            return;
        _parts.Metrics.TurnGiven();
        // What the others append meanwhile is for whoever reads here, at once.
        for (var over = false; !over && left > TimeSpan.Zero; left = _turn - _parts.Time.GetElapsedTime(appended))
        {
            over = await WaitAsync(left);
            await FollowAsync();
        }
    }

    // True when it is over; false when there is something to follow before.
    private async Task<bool> WaitAsync(TimeSpan left)
    {
        var following = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (HasHints_NeedsLock())
                return false;
            _following = following;
        }

        await using var timer = _parts.Time.CreateTimer(
            static following => ((TaskCompletionSource<bool>)following!).TrySetResult(true), following, left, Timeout.InfiniteTimeSpan);
        return await following.Task;
    }

    private void TellWhoeverWaits_NeedsLock()
    {
        if (_following is null || !HasHints_NeedsLock())
            return;
        _following.TrySetResult(false);
        _following = null;
    }
}
