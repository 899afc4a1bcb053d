// What a client says over posts: one frame each, numbered, so that one that is sent again isn't handled twice. A frame waits
// here until the receive loop of the connection has taken it whole; only then is its post answered. So a client that asks
// for more than it reads waits, as one at a WebSocket does whose socket is full.

using System.Net.WebSockets;

namespace CloudSync.Gateway.Polling;

internal sealed class PolledInput
{
    private readonly Lock _gate = new();
    private byte[]? _frame;
    private int _taken;
    private long _accepted;
    private bool _closed;
    private bool _aborted;
    private TaskCompletionSource? _changed;

    /// <summary>The number of the last frame that came whole.</summary>
    public long Accepted
    {
        get
        {
            lock (_gate)
                return _accepted;
        }
    }

    /// <summary>Whether no more is taken from the client.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
                return _closed || _aborted;
        }
    }

    /// <summary>Hands in a frame, and completes when it was taken; also when it had been handed in before.</summary>
    public async ValueTask<HandedIn> HandInAsync(long number, byte[] frame, CancellationToken cancellationToken)
    {
        // Whoever gives up looks once more, and needn't be waited for beside the rest.
        await using var givenUp = cancellationToken.UnsafeRegister(static input => ((PolledInput)input!).Wake(), this);
        while (true)
        {
            Task wait;
            TaskCompletionSource? changed = null;
            lock (_gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (number < _accepted || (number == _accepted && _frame is null))
                    return HandedIn.Taken;
                if (_closed || _aborted)
                    return HandedIn.TooLate;
                if (number > _accepted + 1)
                    return HandedIn.OutOfOrder;
                if (number > _accepted && _frame is null)
                {
                    (_frame, _taken, _accepted) = (frame, 0, number);
                    (changed, _changed) = (_changed, null);
                }

                _changed ??= NewSource();
                wait = _changed.Task;
            }

            changed?.TrySetResult();
            await wait;
        }
    }

    /// <summary>As a WebSocket's: with an empty buffer it completes when there is something.</summary>
    /// <exception cref="WebSocketException">The connection was aborted.</exception>
    public async ValueTask<ValueWebSocketReceiveResult> ReceiveAsync(Memory<byte> buffer)
    {
        while (true)
        {
            Task wait;
            TaskCompletionSource? changed = null;
            ValueWebSocketReceiveResult? result = null;
            lock (_gate)
            {
                if (_aborted)
                    throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
                if (_frame is not null)
                    result = Take_NeedsGate(buffer, out changed);
                else if (_closed)
                    return new ValueWebSocketReceiveResult(0, WebSocketMessageType.Close, endOfMessage: true);
                _changed ??= result is null ? NewSource() : null;
                wait = _changed?.Task ?? Task.CompletedTask;
            }

            changed?.TrySetResult();
            if (result is { } received)
                return received;
            await wait;
        }
    }

    /// <summary>The client says no more: the receive loop gets a close when it has taken what there is.</summary>
    public void Close() => End(static input => input._closed = true);

    public void Abort() => End(static input => input._aborted = true);

    private ValueWebSocketReceiveResult Take_NeedsGate(Memory<byte> buffer, out TaskCompletionSource? changed)
    {
        changed = null;
        var count = Math.Min(buffer.Length, _frame!.Length - _taken);
        _frame.AsMemory(_taken, count).CopyTo(buffer);
        _taken += count;
        var ends = _taken == _frame.Length;
        if (ends)
        {
            _frame = null;
            (changed, _changed) = (_changed, null);
        }

        return new ValueWebSocketReceiveResult(count, WebSocketMessageType.Binary, ends);
    }

    private void Wake() => End(static _ => { });

    private void End(Action<PolledInput> end)
    {
        TaskCompletionSource? changed;
        lock (_gate)
        {
            end(this);
            (changed, _changed) = (_changed, null);
        }

        changed?.TrySetResult();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>What became of a frame.</summary>
internal enum HandedIn
{
    Taken,

    /// <summary>A number before it was left out.</summary>
    OutOfOrder,

    /// <summary>The connection takes nothing more.</summary>
    TooLate,
}
