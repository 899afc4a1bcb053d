// One direction of a connection.

using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Network;

/// <param name="Frame">A whole message, or a part of one; empty for a close.</param>
/// <param name="CloseCode">Set if this is a close frame.</param>
/// <param name="CloseReason">What it says.</param>
/// <param name="IsPart">More of the message comes behind it.</param>
internal readonly record struct Message(
    ReadOnlyMemory<byte> Frame, int? CloseCode = null, string? CloseReason = null, bool IsPart = false);

/// <summary>Messages arrive in the order in which they were sent. More than a window of bytes under way makes the sender wait.</summary>
/// <param name="world">Where it is.</param>
/// <param name="line">The line that it goes over.</param>
/// <param name="arrive">Called at the other end.</param>
/// <param name="isDown">To the device, which may not be reading.</param>
internal sealed class Pipe(SimulatedWorld world, Line line, Action<Message> arrive, bool isDown = false)
{
    private readonly Queue<Message> _underWay = new();
    private readonly Queue<SendPromise> _senders = new();
    private long _lastArrival;
    private long _bytes;
    private bool _broken;

    /// <summary>Sends; completes when there is room for more.</summary>
    /// <param name="message">The message.</param>
    /// <param name="sender">Whose it is.</param>
    public ValueTask SendAsync(Message message, SimulatedProcess sender)
    {
        if (_broken)
            throw new IOException("The connection is gone.");
        Enqueue(message);
        if (_bytes <= Window)
            return ValueTask.CompletedTask;
        var room = new SendPromise(sender);
        _senders.Enqueue(room);
        return new(room, 0);
    }

    /// <summary>Sends a close, for which nobody waits.</summary>
    public void Send(Message close)
    {
        if (!_broken)
            Enqueue(close);
    }

    /// <summary>Does something when all that is under way has arrived, and nothing more comes.</summary>
    public void Finish(Action then)
    {
        world.At(Math.Max(_lastArrival, world.Now + line.Latency.Ticks), Do);

        void Do()
        {
            if (_broken)
                return;
            if (line.IsSilent)
                line.WhenRestored(Do);
            else
                then();
        }
    }

    /// <summary>What is under way is lost.</summary>
    public void Break()
    {
        _broken = true;
        _underWay.Clear();
        while (_senders.TryDequeue(out var sender))
            sender.Complete(new IOException("The connection is gone."));
    }

    private int Window => isDown ? line.WindowBytes : Line.UsualWindow;

    private void Enqueue(Message message)
    {
        _underWay.Enqueue(message);
        _bytes += message.Frame.Length;
        _lastArrival = Math.Max(_lastArrival, world.Now + line.Transit(message.Frame.Length));
        world.At(_lastArrival, static (pipe, _) => ((Pipe)pipe!).Arrive(), this);
    }

    private void Arrive()
    {
        if (_broken)
            return;
        if (line.IsSilent)
        {
            line.WhenRestored(Arrive);
            return;
        }

        if (isDown && !line.IsRead)
        {
            line.WhenRead(Arrive);
            return;
        }

        var message = _underWay.Dequeue();
        _bytes -= message.Frame.Length;
        if (_bytes <= Window)
        {
            while (_senders.TryDequeue(out var sender))
                sender.Complete(null);
        }

        world.Hash.Add(world.Now);
        world.Hash.Add(message.Frame.Span);
        arrive(message);
    }
}
