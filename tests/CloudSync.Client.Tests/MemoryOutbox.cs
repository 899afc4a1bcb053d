// An outbox in memory: a disk that outlives clients, and one client's view of it, whose saves complete when a test says.

namespace CloudSync.Client.Tests;

internal sealed class MemoryOutbox(Dictionary<string, byte[]> disk) : ClientOutbox
{
    private readonly Queue<(string Name, byte[]? Value, TaskCompletionSource Done)> _underWay = [];

    /// <summary>Whether saves are done at once.</summary>
    public bool AtOnce { get; set; } = true;

    /// <summary>What the next saves fail with, at once.</summary>
    public Exception? Failure { get; set; }

    /// <summary>The names that were saved, in order.</summary>
    public List<string> Saved { get; } = [];

    public int UnderWay => _underWay.Count;

    /// <summary>The client is dead: what it asks for from here on never happens.</summary>
    public bool Dead { get; private set; }

    public override ReadOnlyMemory<byte>? Load(string name) =>
        disk.TryGetValue(name, out var value) ? value : default(ReadOnlyMemory<byte>?);

    public override ValueTask SaveAsync(string name, ReadOnlyMemory<byte> value) => Do(name, value.ToArray());

    public override ValueTask RemoveAsync(string name) => Do(name, null);

    /// <summary>Completes the oldest save that is under way.</summary>
    public void Complete(Exception? failure = null)
    {
        if (!_underWay.TryDequeue(out var next))
            return;
        if (failure is null)
        {
            Write(next.Name, next.Value);
            next.Done.SetResult();
        }
        else
        {
            next.Done.SetException(failure);
        }
    }

    /// <summary>Completes all saves, and those that they lead to.</summary>
    public void CompleteAll()
    {
        while (_underWay.Count > 0)
            Complete();
    }

    /// <summary>The end of the client's process; some of what is under way still reaches the disk.</summary>
    public void Crash(int reached)
    {
        Dead = true;
        for (; reached > 0 && _underWay.TryDequeue(out var next); reached--)
            Write(next.Name, next.Value);
    }

    private ValueTask Do(string name, byte[]? value)
    {
        if (Failure is { } failure)
            throw failure;
        if (AtOnce && !Dead)
        {
            Write(name, value);
            return ValueTask.CompletedTask;
        }

        TaskCompletionSource done = new();
        if (!Dead)
            _underWay.Enqueue((name, value, done));
        return new(done.Task);
    }

    private void Write(string name, byte[]? value)
    {
        Saved.Add(name);
        if (value is null)
            disk.Remove(name);
        else
            disk[name] = value;
    }
}
