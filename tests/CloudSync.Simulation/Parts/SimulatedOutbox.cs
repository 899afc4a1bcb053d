// One program's way to the device's disk: the outbox port. Writes are done one after another and take their time; with the program
// ends what it had asked for, and of the write under way nobody knows.

using CloudSync.Client;
using CloudSync.Simulation.Checking;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Parts;

internal sealed class SimulatedOutbox : ClientOutbox
{
    private readonly SimulatedProcess _process;
    private readonly SimulatedDisk _disk;
    private readonly Func<string, KeptMark?> _mark;
    private readonly Queue<Write> _writes = new();
    private Action? _whenIdle;

    /// <param name="process">The program.</param>
    /// <param name="disk">Where it keeps things.</param>
    /// <param name="mark">Says what is kept under a name just now.</param>
    public SimulatedOutbox(SimulatedProcess process, SimulatedDisk disk, Func<string, KeptMark?> mark)
    {
        (_process, _disk, _mark) = (process, disk, mark);
        process.Died += OnDied;
        // As FileClientOutbox does, so that what is read now can't be taken back.
        disk.Flush();
    }

    /// <summary>A write has failed.</summary>
    public bool HasFailed { get; private set; }

    private sealed record Write(string Name, byte[]? Value, KeptMark? Mark, TaskCompletionSource Done);

    public override ReadOnlyMemory<byte>? Load(string name) =>
        _disk.Find(name) is { } value ? value : default(ReadOnlyMemory<byte>?);

    public override ValueTask SaveAsync(string name, ReadOnlyMemory<byte> value) => Enqueue(name, value.ToArray());

    public override ValueTask RemoveAsync(string name) => Enqueue(name, null);

    /// <summary>Calls when all that was asked for has been done.</summary>
    public void WhenIdle(Action call)
    {
        if (_writes.Count == 0)
            call();
        else
            _whenIdle = call;
    }

    private ValueTask Enqueue(string name, byte[]? value)
    {
        var write = new Write(name, value, _mark(name), new(TaskCreationOptions.RunContinuationsAsynchronously));
        _writes.Enqueue(write);
        if (_writes.Count == 1)
            Begin();
        return new(write.Done.Task);
    }

    private void Begin() => _process.World.After(_disk.NextWrite(), Finish);

    private void Finish()
    {
        if (!_process.IsAlive)
            return;
        var write = _writes.Dequeue();
        var fails = _disk.Random.NextDouble() < _disk.FailureRate;
        if (!fails || _disk.Random.Next(2) == 0)
            _disk.Rename(write.Name, write.Value, write.Mark);
        if (fails)
        {
            HasFailed = true;
            _process.World.Reached.Count(Rare.FailedWrites);
            write.Done.SetException(new IOException("There is no space left on the simulated disk."));
        }
        else
        {
            _disk.Flush();
            write.Done.SetResult();
        }

        if (_writes.Count > 0)
            Begin();
        else
            _whenIdle?.Invoke();
    }

    private void OnDied()
    {
        if (!_writes.TryPeek(out var write) || _disk.Random.Next(2) == 0)
            return;
        _disk.Rename(write.Name, write.Value, write.Mark);
        _process.World.Reached.Count(Rare.TornWrites);
    }
}
