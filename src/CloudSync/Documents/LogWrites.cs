// How this process's appends fare, for operators: one line when the log takes nothing any more, one when it does again, and
// in health reports why. What each document meets meanwhile is in the metrics.

using System.Globalization;
using Microsoft.Extensions.Logging;

namespace CloudSync.Documents;

/// <summary>Whether the log takes what is written. Thread-safe.</summary>
/// <param name="lanes">How many appends may be under way at once.</param>
/// <param name="logger">Told when it changes.</param>
/// <param name="time">The clock.</param>
internal sealed class LogWrites(int lanes, ILogger logger, TimeProvider time)
{
    // A synchronous standby that is gone holds up a commit without a word.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly long?[] _begun = new long?[lanes];
    private string? _failure;
    private long _failedAt;
    private int _failures;

    /// <summary>Why edits aren't saved just now, in one line; null if they are.</summary>
    public string? Trouble
    {
        get
        {
            lock (_gate)
            {
                if (_failure is not null)
                    return $"Edits are not saved just now. {_failure}";
                var longest = TimeSpan.Zero;
                foreach (var begun in _begun)
                {
                    if (begun is { } at && time.GetElapsedTime(at) > longest)
                        longest = time.GetElapsedTime(at);
                }

                return longest <= _patience
                    ? null
                    : string.Create(CultureInfo.InvariantCulture, $"Edits wait to be saved: the log has not answered for {longest.TotalSeconds:0} s.");
            }
        }
    }

    public void Begin(int lane)
    {
        lock (_gate)
            _begun[lane] = time.GetTimestamp();
    }

    /// <summary>An append has come to an end; with a failure, or null if it went through.</summary>
    public void End(int lane, string? failure)
    {
        int failures;
        TimeSpan lasted;
        lock (_gate)
        {
            _begun[lane] = null;
            (failures, lasted) = (_failures, time.GetElapsedTime(_failedAt));
            if (failure is null)
            {
                if (_failure is null)
                    return;
                (_failure, _failures) = (null, 0);
            }
            else
            {
                if (_failure is null)
                    _failedAt = time.GetTimestamp();
                (_failure, _failures) = (failure, _failures + 1);
            }
        }

        if (failure is null)
            logger.LogWritable(failures, lasted.TotalSeconds);
        else if (failures == 0)
            logger.LogNotWritable(failure);
    }
}
