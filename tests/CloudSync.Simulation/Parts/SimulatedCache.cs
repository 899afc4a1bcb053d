// The simulated Redis of the cache, which all gateways share: forgets, damages, and mixes up what it keeps.

using CloudSync.Documents;
using CloudSync.Simulation.World;

namespace CloudSync.Simulation.Parts;

internal sealed class SimulatedCache(SimulatedWorld world, Random random)
{
    private readonly Dictionary<VersionKey, ReadOnlyMemory<byte>> _entries = [];
    private readonly List<VersionKey> _keys = [];
    private readonly HashSet<VersionKey> _claimed = [];

    /// <summary>Of the answers, so many are wrong.</summary>
    public double DamageRate { get; set; }

    public bool IsDown { get; set; }

    /// <summary>One gateway's way to it.</summary>
    public IVersionCache For(SimulatedProcess process) => new View(this, process);

    private ReadOnlyMemory<byte>? Find(VersionKey key)
    {
        if (!_entries.TryGetValue(key, out var bytes))
            return null;
        if (random.NextDouble() >= DamageRate)
            return bytes;
        switch (random.Next(4))
        {
            case 0:
                return null;
            case 1:
                return bytes[..random.Next(bytes.Length)];
            case 2:
                // Another version's, or another document's.
                return _entries[_keys[random.Next(_keys.Count)]];
            default:
                var damaged = bytes.ToArray();
                damaged[random.Next(damaged.Length)] ^= (byte)(1 + random.Next(255));
                return damaged;
        }
    }

    private sealed class View(SimulatedCache cache, SimulatedProcess process) : IVersionCache
    {
        public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(VersionKey key, CancellationToken cancellationToken)
        {
            await WaitAsync();
            return cache.IsDown ? null : cache.Find(key);
        }

        public async ValueTask KeepAsync(VersionKey key, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            await WaitAsync();
            if (!cache.IsDown && cache._entries.TryAdd(key, bytes))
                cache._keys.Add(key);
        }

        public async ValueTask<IAsyncDisposable?> ClaimAsync(VersionKey key, CancellationToken cancellationToken)
        {
            await WaitAsync();
            if (cache.IsDown)
                return VersionClaim.OfNobody;
            if (!cache._claimed.Add(key))
                return null;
            // It lapses if its holder dies.
            cache.Lapse(key);
            return new Claim(cache, key);
        }

        private Task WaitAsync() => Task.Delay(TimeSpan.FromMilliseconds(0.5), process.Clock, CancellationToken.None);
    }

    private void Lapse(VersionKey key) => world.After(TimeSpan.FromSeconds(3), () => _claimed.Remove(key));

    private sealed class Claim(SimulatedCache cache, VersionKey key) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            cache._claimed.Remove(key);
            return ValueTask.CompletedTask;
        }
    }
}
