// The gateways, what starts them again, and the load balancer before them.

using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Actors;

internal sealed class Cluster : IDisposable
{
    private readonly GatewayParts _parts;
    private readonly Random _random;
    private readonly SimulatedGateway?[] _gateways;
    private readonly int[] _incarnations;
    private readonly List<SimulatedGateway> _all = [];

    public Cluster(GatewayParts parts, int gateways, Random random)
    {
        (_parts, _random) = (parts, random);
        _gateways = new SimulatedGateway?[gateways];
        _incarnations = new int[gateways];
        for (var i = 0; i < gateways; i++)
            Start(i);
    }

    /// <summary>By place; null while none runs there.</summary>
    public IReadOnlyList<SimulatedGateway?> Gateways => _gateways;

    public IEnumerable<SimulatedGateway> Running => _gateways.OfType<SimulatedGateway>();

    public void Start(int place)
    {
        if (_gateways[place] is not null)
            return;
        var rate = 1 + ((_random.NextDouble() - 0.5) / 50);
        var error = TimeSpan.FromSeconds(_random.Next(-30, 30));
        _gateways[place] = new SimulatedGateway(_parts, place, ++_incarnations[place], error, rate);
        _all.Add(_gateways[place]!);
        _parts.World.Tell($"gateway-{place} starts");
    }

    /// <summary>It dies in the midst of what it does.</summary>
    public void Kill(int place, bool silently)
    {
        if (_gateways[place] is not { } gateway)
            return;
        gateway.DiesSilently = silently;
        _gateways[place] = null;
        _parts.World.Tell($"gateway-{place} dies");
        gateway.Dispose();
    }

    /// <summary>It is told to stop, and another takes its place when it has.</summary>
    public void Replace(int place)
    {
        if (_gateways[place] is not { IsDraining: false } gateway)
            return;
        _parts.World.Tell($"gateway-{place} drains");
        gateway.Drain(() => _parts.World.At(_parts.World.Now, () =>
        {
            gateway.Dispose();
            if (_gateways[place] != gateway)
                return;
            _parts.World.Reached.Count(Rare.Drains);
            _gateways[place] = null;
            Start(place);
        }));
    }

    /// <summary>
    /// Mostly the one that the document has, so that its people meet there; any other when that one doesn't run, and now and then
    /// without a reason, since nothing may depend on it. Null if it chose one that doesn't answer.
    /// </summary>
    public SimulatedGateway? Choose(Uri address)
    {
        var place = PlaceOf(address);
        if (_gateways[place] is { IsDraining: false } gateway)
            return gateway;
        return _gateways[_random.Next(_gateways.Length)];
    }

    /// <summary>Where the people of a document meet; now and then any other place.</summary>
    public int PlaceOf(Uri address) =>
        _random.Next(4) == 0 ? _random.Next(_gateways.Length) : address.Query.Sum(static letter => letter) % _gateways.Length;

    public void Dispose()
    {
        foreach (var gateway in _all)
            gateway.Dispose();
    }
}
