// What a gateway has to say over polls. A frame leaves in pieces, each with a number; a piece is kept until the client says that
// it has it, and told again in the next poll if it doesn't. So nothing is lost or doubled when an answer gets lost.
//
// There is one who sends (the flush of the connection) and one who polls; a second poll takes the place of the first.

using System.Net.WebSockets;

namespace CloudSync.Gateway.Polling;

internal sealed class PolledOutput
{
    /// <summary>So many bytes may be on their way unacknowledged; then a sender waits.</summary>
    public const int WindowBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private Piece? _first;
    private Piece? _last;
    private long _sent;
    private long _offered;
    private long _told;
    private long _received;
    private int _keptBytes;
    private (int Code, string Reason)? _closure;
    private bool _aborted;
    private Poll? _poll;
    private TaskCompletionSource? _forSender;

    /// <summary>Bytes that the client has not acknowledged, and what they cost besides.</summary>
    public int KeptBytes
    {
        get
        {
            lock (_gate)
                return _keptBytes;
        }
    }

    /// <summary>Sends a piece, which is copied; completes when it was written to a poll.</summary>
    /// <exception cref="WebSocketException">The connection was aborted.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, bool endsFrame)
    {
        long number = 0;
        while (true)
        {
            Task wait;
            Poll? poll = null;
            lock (_gate)
            {
                if (_aborted)
                    throw new WebSocketException(WebSocketError.ConnectionClosedPrematurely);
                if (number == 0 && _keptBytes < WindowBytes)
                {
                    number = ++_sent;
                    Keep_NeedsGate(new Piece(number, bytes.ToArray(), endsFrame));
                    poll = _poll;
                }

                if (number != 0 && _told >= number)
                    return;
                _forSender ??= NewSource();
                wait = _forSender.Task;
            }

            poll?.Wake();
            await wait;
        }
    }

    /// <summary>What every poll is told behind the last piece.</summary>
    public void Close(int code, string reason)
    {
        Poll? poll;
        lock (_gate)
        {
            _closure ??= (code, reason);
            poll = _poll;
        }

        poll?.Wake();
    }

    public void Abort()
    {
        Poll? poll;
        TaskCompletionSource? sender;
        lock (_gate)
        {
            _aborted = true;
            _first = _last = null;
            poll = _poll;
            (sender, _forSender) = (_forSender, null);
        }

        poll?.Wake();
        sender?.TrySetResult();
    }

    /// <summary>The client has all pieces up to this one. False if it can't have.</summary>
    public bool Acknowledge(long received)
    {
        TaskCompletionSource? sender;
        lock (_gate)
        {
            // The client may have it before whoever wrote it knows that it is written.
            if (received > _offered || received < 0)
                return false;
            if (received <= _received)
                return true;
            _received = received;
            _told = Math.Max(_told, received);
            for (; _first is { } piece && piece.Number <= received; _first = piece.Next)
                _keptBytes -= piece.Cost;
            if (_first is null)
                _last = null;
            (sender, _forSender) = (_forSender, null);
        }

        sender?.TrySetResult();
        return true;
    }

    /// <summary>Begins a poll, which ends the one there was.</summary>
    /// <param name="now">A timestamp.</param>
    public Poll BeginPoll(long now)
    {
        Poll? before;
        var poll = new Poll(this, now);
        lock (_gate)
            (before, _poll) = (_poll, poll);
        before?.Wake();
        return poll;
    }

    /// <summary>Wakes a poll that has had nothing to say for so long. For the sweep.</summary>
    public void WakeIdle(long now, long patience)
    {
        Poll? poll;
        lock (_gate)
            poll = _poll is { } waiting && waiting.BecomesQuiet_NeedsGate(now, patience) ? waiting : null;
        poll?.Wake();
    }

    private void Keep_NeedsGate(Piece piece)
    {
        if (_last is null)
            _first = piece;
        else
            _last.Next = piece;
        _last = piece;
        _keptBytes += piece.Cost;
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>One request that waits for pieces. For one thread at a time, but for Wake and End.</summary>
    internal sealed class Poll(PolledOutput output, long now)
    {
        private TaskCompletionSource? _woken;
        private long _activeAt = now;
        private bool _quiet;
        private bool _over;

        /// <summary>The piece found last.</summary>
        public Piece? Current { get; private set; }

        /// <summary>Code and reason, once it was found closed.</summary>
        public (int Code, string Reason) Closure { get; private set; }

        /// <summary>Whether more is there already, or bound to come at once as the frame isn't complete and there is room.</summary>
        public bool HasMore
        {
            get
            {
                lock (output._gate)
                    return Next_NeedsGate is not null || output._closure is not null || output._aborted || _over
                        || (Current is { EndsFrame: false } && output._keptBytes < WindowBytes);
            }
        }

        // One that is acknowledged itself may have been the last, which nothing was ever linked to.
        private Piece? Next_NeedsGate =>
            Current is { } current && current.Number > output._received ? current.Next : output._first;

        /// <summary>Waits for whatever comes next, without a thread or a timer of its own.</summary>
        public async ValueTask<PollFind> NextAsync()
        {
            while (true)
            {
                Task wait;
                lock (output._gate)
                {
                    if (Find_NeedsGate() is { } find)
                        return find;
                    _woken ??= NewSource();
                    wait = _woken.Task;
                }

                await wait;
            }
        }

        /// <summary>The piece found last has been written, and may be acknowledged from now on.</summary>
        public void Told(long now)
        {
            TaskCompletionSource? sender = null;
            lock (output._gate)
            {
                _activeAt = now;
                if (Current is { } piece && piece.Number > output._told)
                {
                    output._told = piece.Number;
                    (sender, output._forSender) = (output._forSender, null);
                }
            }

            sender?.TrySetResult();
        }

        /// <summary>It is answered, or its client has gone.</summary>
        public void End()
        {
            lock (output._gate)
            {
                _over = true;
                if (output._poll == this)
                    output._poll = null;
            }

            Wake();
        }

        public void Wake()
        {
            TaskCompletionSource? woken;
            lock (output._gate)
                (woken, _woken) = (_woken, null);
            woken?.TrySetResult();
        }

        public bool BecomesQuiet_NeedsGate(long now, long patience)
        {
            if (now - _activeAt < patience)
                return false;
            _activeAt = now;
            return _quiet = true;
        }

        private PollFind? Find_NeedsGate()
        {
            if (_over || output._poll != this)
                return PollFind.Over;
            if (output._aborted)
                return PollFind.Aborted;
            if (Next_NeedsGate is { } next)
            {
                Current = next;
                output._offered = Math.Max(output._offered, next.Number);
                return PollFind.Piece;
            }

            if (output._closure is { } closure)
            {
                Closure = closure;
                return PollFind.Closed;
            }

            if (!_quiet)
                return null;
            _quiet = false;
            return PollFind.Quiet;
        }
    }
}

/// <summary>What a poll finds.</summary>
internal enum PollFind
{
    /// <summary>The next piece.</summary>
    Piece,

    /// <summary>Nothing, for so long that the poll should give a sign of life, or end.</summary>
    Quiet,

    /// <summary>There is no more: the connection is closed.</summary>
    Closed,

    /// <summary>The connection was ended by force.</summary>
    Aborted,

    /// <summary>Another poll has taken this one's place, or its client has gone.</summary>
    Over,
}
