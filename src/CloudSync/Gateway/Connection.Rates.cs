// How fast a client sends. Over the rate it isn't read from until it is within it again, so that it fills its own socket; if that goes
// on and on it is closed.

using System.Net;
using CloudSync.Documents;

namespace CloudSync.Gateway;

internal sealed partial class Connection
{
    // The receive loop's own.
    private TokenBucket _messageRate;
    private TokenBucket _byteRate;
    private long _throttledSince;

    /// <summary>From where it comes, as far as limits are concerned.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    private string? UserIdOfHost => _host?.Id;

    /// <summary>
    /// Counts what has come, before it is handled; waits if that was too fast. It may begin to close the connection instead.
    /// </summary>
    private ValueTask KeepRateAsync(int messages, int bytes)
    {
        var now = _gateway.Time.GetTimestamp();
        // A frame that holds nothing costs something all the same.
        var ofMessages = _messageRate.Charge(_gateway.Admission.Messages, now, Math.Max(1, messages));
        var ofBytes = _byteRate.Charge(_gateway.Admission.Bytes, now, bytes);
        var wait = Math.Max(ofMessages, ofBytes);
        if (wait == 0)
        {
            _throttledSince = 0;
            return ValueTask.CompletedTask;
        }

        if (_throttledSince == 0)
        {
            _throttledSince = now;
            _gateway.Metrics.Throttled();
        }

        if (now + wait - _throttledSince <= _gateway.ThrottleTimeout)
            return new(WaitAsync(now + wait));
        var limits = _gateway.Options.Limits;
        Refuse(
            ofMessages >= ofBytes
                ? GatewayRefusals.RateLimited("messages on this connection", nameof(limits.MessagesPerSecond), limits.MessagesPerSecond, Seconds(wait))
                : GatewayRefusals.RateLimited("bytes on this connection", nameof(limits.BytesPerSecond), limits.BytesPerSecond, Seconds(wait)),
            CloseCode.RateLimited);
        return ValueTask.CompletedTask;
    }

    private TimeSpan Seconds(long ticks) => TimeSpan.FromSeconds(ticks / (double)_gateway.Time.TimestampFrequency);

    private async Task WaitAsync(long until)
    {
        // That nothing is heard meanwhile is our doing.
        Volatile.Write(ref _paused, true);
        while (!IsClosing && _gateway.Time.GetTimestamp() < until)
        {
            Task progress;
            lock (_gate)
            {
                Block_NeedsGate();
                progress = _blockedOn!;
            }

            using var timer = _gateway.Time.CreateTimer(
                static connection => ((Connection)connection!).WakeReceiving(), this, Seconds(until - _gateway.Time.GetTimestamp()) + TimeSpan.FromMilliseconds(1),
                Timeout.InfiniteTimeSpan);
            await progress;
        }

        Volatile.Write(ref _heardAt, _gateway.Time.GetTimestamp());
        Volatile.Write(ref _paused, false);
    }

    private void WakeReceiving()
    {
        lock (_gate)
            TellProgress_NeedsGate();
    }
}
