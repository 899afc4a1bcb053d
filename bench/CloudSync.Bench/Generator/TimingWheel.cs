// When each of many connections is to be looked at next: a ring of slots, each with a list of those whose moment falls into
// it. Sixteen bytes for each, and no timer.

namespace CloudSync.Bench.Generator;

/// <summary>Numbers from 0 on, each due at one moment or at none.</summary>
/// <param name="capacity">How many numbers there may be.</param>
/// <param name="slots">How many slots the ring has; who is due after more than a turn of it is passed over until then.</param>
/// <param name="width">How long a slot is, in the unit of the moments.</param>
/// <param name="now">The moment it begins with.</param>
internal sealed class TimingWheel(int capacity, int slots, long width, long now)
{
    private const int None = -1;

    private readonly int[] _heads = Filled(slots);
    private readonly int[] _next = Filled(capacity);
    private readonly int[] _previous = Filled(capacity);

    // The slot's number counted from the moment 0; None: not due at all.
    private readonly long[] _slot = [.. Enumerable.Repeat((long)None, capacity)];
    private long _current = now / width;
    private int _cursor = None;

    /// <summary>Makes one due at a moment, rounded up to the next slot; it replaces what it was due at before.</summary>
    public void Schedule(int id, long moment)
    {
        Cancel(id);
        // The current slot may have been gone through.
        var slot = Math.Max((moment + width - 1) / width, _current + 1);
        ref var head = ref _heads[slot % slots];
        _slot[id] = slot;
        _previous[id] = None;
        _next[id] = head;
        if (head != None)
            _previous[head] = id;
        head = id;
    }

    /// <summary>One is due no more.</summary>
    public void Cancel(int id)
    {
        if (_slot[id] == None)
            return;
        if (_cursor == id)
            _cursor = _next[id];
        if (_previous[id] == None)
            _heads[_slot[id] % slots] = _next[id];
        else
            _next[_previous[id]] = _next[id];
        if (_next[id] != None)
            _previous[_next[id]] = _previous[id];
        _slot[id] = None;
    }

    /// <summary>Takes one whose moment has come.</summary>
    /// <returns>False if there is none by now.</returns>
    public bool TryTake(long now, out int id)
    {
        while (true)
        {
            while (_cursor != None)
            {
                id = _cursor;
                _cursor = _next[id];
                if (_slot[id] > _current)
                    continue;
                Cancel(id);
                return true;
            }

            if (_current >= now / width)
            {
                id = None;
                return false;
            }

            _current++;
            _cursor = _heads[_current % slots];
        }
    }

    private static int[] Filled(int length)
    {
        var numbers = new int[length];
        Array.Fill(numbers, None);
        return numbers;
    }
}
