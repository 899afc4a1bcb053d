// The simulated Redis of the fan-out: carries messages between gateways, and loses, repeats, reorders and mixes them up.

using CloudSync.Fanout;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Parts;

internal sealed class FanoutBus(SimulatedWorld world, Random random)
{
    private readonly List<SimulatedFanout> _gateways = [];
    private readonly List<string> _channels = [];

    public double LossRate { get; set; }

    public double RepeatRate { get; set; }

    /// <summary>Of the messages, so many arrive at another document too.</summary>
    public double MixUpRate { get; set; }

    /// <summary>A message takes at most so long; those that take less overtake it.</summary>
    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(2);

    /// <summary>It doesn't run, and gateways know it.</summary>
    public bool IsDown { get; private set; }

    public void Join(SimulatedFanout gateway) => _gateways.Add(gateway);

    public void Leave(SimulatedFanout gateway) => _gateways.Remove(gateway);

    public void SetDown(bool down)
    {
        IsDown = down;
        world.Tell(down ? "the fan-out is down" : "the fan-out is back");
        foreach (var gateway in _gateways)
            gateway.TellHealth();
    }

    public void Publish(SimulatedFanout from, string channel, ReadOnlyMemory<byte> message)
    {
        if (IsDown || from.IsCut || from.IsSilent)
            return;
        if (!_channels.Contains(channel))
            _channels.Add(channel);
        foreach (var to in _gateways)
        {
            if (MixUpRate > 0 && random.NextDouble() < MixUpRate)
                Carry(to, _channels[random.Next(_channels.Count)], message);
            if (random.NextDouble() < LossRate)
                continue;
            Carry(to, channel, message);
            if (random.NextDouble() < RepeatRate)
                Carry(to, channel, message);
        }
    }

    private void Carry(SimulatedFanout to, string channel, ReadOnlyMemory<byte> message) =>
        world.After(Delay * random.NextDouble(), () =>
        {
            if (!IsDown)
                to.Arrived(channel, message);
        });
}

/// <summary>One gateway's way to it.</summary>
internal sealed class SimulatedFanout : IFanout
{
    private readonly FanoutBus _bus;
    private readonly SimulatedProcess _process;
    private readonly Dictionary<string, List<Subscription>> _subscriptions = new(StringComparer.Ordinal);

    public SimulatedFanout(FanoutBus bus, SimulatedProcess process)
    {
        (_bus, _process) = (bus, process);
        bus.Join(this);
        process.Died += () => bus.Leave(this);
    }

    public event Action? HealthChanged;

    /// <summary>It can't reach the bus, and knows it.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Nothing gets through, and it doesn't know.</summary>
    public bool IsSilent { get; set; }

    public bool IsHealthy => !IsCut && !_bus.IsDown;

    /// <summary>Channels that something here listens to.</summary>
    public int Channels => _subscriptions.Count;

    public bool IsHealthyFor(string documentId) => IsHealthy;

    public void SetCut(bool cut)
    {
        IsCut = cut;
        TellHealth();
    }

    public void TellHealth() => _process.Post(() => HealthChanged?.Invoke());

    public ValueTask PublishAsync(string documentId, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (!IsHealthy)
            throw new IOException("The fan-out can't be reached.");
        _bus.Publish(this, documentId, message);
        return ValueTask.CompletedTask;
    }

    public async ValueTask<IAsyncDisposable> SubscribeAsync(
        string documentId, Action<ReadOnlyMemory<byte>> handler, CancellationToken cancellationToken)
    {
        // It is subscribed when the server says so, some time later.
        await Task.Delay(TimeSpan.FromMilliseconds(1), _process.Clock, CancellationToken.None);
        var subscription = new Subscription(this, documentId, handler);
        if (!_subscriptions.TryGetValue(documentId, out var others))
            _subscriptions.Add(documentId, others = []);
        others.Add(subscription);
        return subscription;
    }

    public void Arrived(string channel, ReadOnlyMemory<byte> message)
    {
        if (IsCut || IsSilent || !_process.IsAlive)
            return;
        _process.Post(() =>
        {
            if (!_subscriptions.TryGetValue(channel, out var subscriptions))
                return;
            foreach (var subscription in subscriptions.ToArray())
                subscription.Handler(message);
        });
    }

    private sealed class Subscription(SimulatedFanout fanout, string channel, Action<ReadOnlyMemory<byte>> handler) : IAsyncDisposable
    {
        public Action<ReadOnlyMemory<byte>> Handler => handler;

        public ValueTask DisposeAsync()
        {
            if (fanout._subscriptions.TryGetValue(channel, out var others) && others.Remove(this) && others.Count == 0)
                fanout._subscriptions.Remove(channel);
            return ValueTask.CompletedTask;
        }
    }
}
