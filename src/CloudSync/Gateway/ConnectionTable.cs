// The connections of this gateway: how many there are, how many from each address, and all of them for the sweep and for
// the drain. A connection costs one slot in an array here.

using System.Net;

namespace CloudSync.Gateway;

internal enum Admission
{
    Admitted,

    /// <summary>One of the limits is reached: the client is told so, over a socket that is closed at once.</summary>
    Refused,

    /// <summary>So many are being told so that there is not even a socket for this one.</summary>
    TurnedAway,
}

internal sealed class ConnectionTable
{
    // Refused connections live as long as it takes to tell them; these few may do so at a time.
    private const int RefusedAtOnce = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];
    private readonly Stack<int> _free = new();
    private Connection?[] _slots = new Connection?[64];
    private int _used;
    private int _admitted;
    private int _refused;
    private TaskCompletionSource? _empty;

    /// <summary>Connections that were admitted and have not ended.</summary>
    public int Count => Volatile.Read(ref _admitted);

    /// <summary>Counts a connection in, or says which limit stands in its way. <see cref="Leave"/> counts it out.</summary>
    public Admission Enter(IPAddress address, CloudSyncLimits limits, out string limit, out int value)
    {
        lock (_gate)
        {
            _byAddress.TryGetValue(address, out var fromAddress);
            if (_admitted >= limits.Connections)
                (limit, value) = (nameof(limits.Connections), limits.Connections);
            else if (fromAddress >= limits.ConnectionsPerAddress)
                (limit, value) = (nameof(limits.ConnectionsPerAddress), limits.ConnectionsPerAddress);
            else
            {
                (limit, value) = ("", 0);
                _admitted++;
                _byAddress[address] = fromAddress + 1;
                return Admission.Admitted;
            }

            return EnterRefused_NeedsGate();
        }
    }

    /// <summary>For one that is refused for another reason than how many there are.</summary>
    public Admission EnterRefused()
    {
        lock (_gate)
            return EnterRefused_NeedsGate();
    }

    private Admission EnterRefused_NeedsGate()
    {
        if (_refused >= RefusedAtOnce)
            return Admission.TurnedAway;
        _refused++;
        return Admission.Refused;
    }

    public void Leave(IPAddress address, Admission admission)
    {
        TaskCompletionSource? empty;
        lock (_gate)
        {
            if (admission == Admission.Refused)
                _refused--;
            if (admission != Admission.Admitted)
                return;
            _admitted--;
            empty = _admitted == 0 ? _empty : null;
            var left = _byAddress[address] - 1;
            if (left == 0)
                _byAddress.Remove(address);
            else
                _byAddress[address] = left;
        }

        empty?.TrySetResult();
    }

    /// <summary>Completes when there is no admitted connection; for a gateway that admits no more.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            _empty ??= new TaskCompletionSource();
            if (_admitted == 0)
                _empty.TrySetResult();
            return _empty.Task;
        }
    }

    /// <summary>Puts a connection where the sweep finds it; returns its slot.</summary>
    public int Add(Connection connection)
    {
        lock (_gate)
        {
            if (!_free.TryPop(out var slot))
            {
                slot = _used++;
                if (slot == _slots.Length)
                    Array.Resize(ref _slots, _slots.Length * 2);
            }

            Volatile.Write(ref _slots[slot], connection);
            return slot;
        }
    }

    public void Remove(int slot)
    {
        lock (_gate)
        {
            _slots[slot] = null;
            _free.Push(slot);
        }
    }

    /// <summary>
    /// Calls a function for each connection there is, without holding up those that come and go meanwhile; whether they
    /// are among them is a matter of luck.
    /// </summary>
    public void ForEach<TState>(TState state, Action<Connection, TState> action)
    {
        Connection?[] slots;
        int used;
        lock (_gate)
            (slots, used) = (_slots, _used);
        for (var slot = 0; slot < used; slot++)
        {
            if (Volatile.Read(ref slots[slot]) is { } connection)
                action(connection, state);
        }
    }
}
