// All kinds of faults that there are.

using CloudSync.Chaos.Network;
using CloudSync.Cluster.Parts;

namespace CloudSync.Chaos.Faults;

internal static class FaultKinds
{
    public const string Clock = "clock";

    private static readonly string[] _programs = ["gateway-1", "gateway-2", "gateway-3", "worker"];

    public static IReadOnlyList<FaultKind> All { get; } =
    [
        .. OfParts("gateway", false, false, static (cluster, random) => Pick(cluster.Gateways, random)),
        .. OfParts("worker", false, false, static (_, _) => "worker"),
        new("kill-primary", true, true, 2, 0.1, 0.5, static (cluster, _) => new KillPrimary(cluster)) { IsAlone = true },
        new("crash-primary", true, true, 1, 0.2, 1, static (cluster, _) => new Kill(cluster, cluster.State.Primary)) { IsAlone = true },
        new("pause-primary", true, true, 1, 0.5, 3, static (cluster, _) => new Pause(cluster, cluster.State.Primary)) { IsAlone = true },
        .. OfParts("standby", true, true, static (cluster, _) => cluster.State.Standby, alone: true),
        .. OfParts("pgbouncer", true, true, static (_, _) => "pgbouncer"),
        .. OfParts("redis", false, false, static (cluster, random) => Pick(cluster.Redis, random)),
        .. OfParts("rabbitmq", false, false, static (_, _) => "rabbitmq"),
        .. OfParts("nginx", false, true, static (_, _) => NginxServer.Name),
        .. OfLines("gateway-pgbouncer", true, true, static link => IsProgram(link.From) && link.To == "pgbouncer"),
        .. OfLines("gateway-redis", false, false, static link => IsProgram(link.From) && link.To.StartsWith("redis", StringComparison.Ordinal)),
        .. OfLines("gateway-standby", false, false, static link => IsProgram(link.From) && link.To.StartsWith("postgres", StringComparison.Ordinal)),
        .. OfLines("worker-rabbitmq", false, false, static link => link is { From: "worker", To: "rabbitmq" }),
        .. OfLines("client-nginx", false, true, static link => IsOfClient(link, "writer")),
        new("unread-client-nginx", false, false, 1, 2, 8, static (cluster, random) => new Cut(
            [Pick([.. InUse(cluster).Where(static link => IsOfClient(link, "reader"))], random)], LinkState.Unread)),
        // Everybody but those who come and go by themselves, at the same moment.
        new("storm", false, true, 1, 0.1, 0.5, static (cluster, _) => new Cut(
            [.. InUse(cluster).Where(static link => IsOfClient(link, "writer") || IsOfClient(link, "reader"))], LinkState.Refusing)),
        .. OfLines("nginx-gateway", false, true, static link => link.From == NginxServer.Name),
        .. OfLines("pgbouncer-primary", true, true, static link => link.From == "pgbouncer"),
        .. OfLines("standby-primary", true, true, static link =>
            link.From.StartsWith("postgres", StringComparison.Ordinal) && link.To.StartsWith("postgres", StringComparison.Ordinal)),
        new("disk-full-primary", true, true, 1, 0.5, 2.5, static (cluster, _) => new FullDisk(cluster))
        {
            IsAlone = true, Missing = static cluster => cluster.Disks.Missing,
        },
        new("disk-full-rabbitmq", false, false, 1, 0.5, 2, static (cluster, _) => new DiskAlarm(cluster)),
        new("connections-pgbouncer", true, true, 1, 0.5, 3, static (cluster, _) => new NoConnections(cluster, throughBouncer: true)) { IsAlone = true },
        new("connections-primary", true, true, 1, 0.5, 3, static (cluster, _) => new NoConnections(cluster, throughBouncer: false)) { IsAlone = true },
        new(Clock, false, false, 2, 0.5, 3, static (cluster, random) => new WrongClock(cluster, Jump(random)))
        {
            Missing = static _ => GatewayClocks.Missing,
        },
        new("cache", false, false, 2, 0.1, 0.5, static (cluster, random) => new CorruptCache(cluster, random)),
        new("restart-all", true, true, 1, 0.2, 0.5, static (cluster, _) => new RestartAll(cluster)) { IsAlone = true },
        new("deploy", false, false, 1, 0.1, 0.2, static (cluster, _) => new Deploy(cluster)) { IsRolling = true },
    ];

    /// <summary>The kinds that are meant by words with commas between them; all if there are none.</summary>
    /// <exception cref="ArgumentException">A word means none; says which there are.</exception>
    public static IReadOnlyList<FaultKind> Choose(string words)
    {
        var chosen = new List<FaultKind>();
        foreach (var word in words.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var meant = All.Where(kind => kind.IsMeantBy(word)).ToArray();
            if (meant.Length == 0)
                throw new ArgumentException($"There is no fault '{word}'. There are: {string.Join(", ", All.Select(static kind => kind.Name))}.");
            chosen.AddRange(meant.Except(chosen));
        }

        return chosen.Count == 0 ? All : chosen;
    }

    private static IEnumerable<FaultKind> OfParts(
        string name, bool isDatabase, bool stands, Func<ChaosCluster, Random, string> part, bool alone = false)
    {
        yield return new($"kill-{name}", isDatabase, stands, 2, 0.2, 1, (cluster, random) => new Kill(cluster, part(cluster, random))) { IsAlone = alone };
        // Who stands still, and isn't doubled, stands in the way; so does a gateway, until its clients look for another.
        yield return new($"pause-{name}", isDatabase, stands || name == "gateway", 2, 0.5, 3, (cluster, random) => new Pause(cluster, part(cluster, random)))
        {
            IsAlone = alone,
        };
    }

    private static IEnumerable<FaultKind> OfLines(string name, bool isDatabase, bool stands, Func<Link, bool> among)
    {
        yield return new($"cut-{name}", isDatabase, stands, 1, 0.5, 3, (cluster, random) =>
            new Cut([Pick([.. InUse(cluster).Where(among)], random)], random.Next(2) == 0 ? LinkState.Silent : LinkState.Refusing));
        yield return new($"slow-{name}", isDatabase, stands, 1, 0.5, 3, (cluster, random) =>
            new Slow([Pick([.. InUse(cluster).Where(among)], random)], TimeSpan.FromMilliseconds(random.Next(20, 250))));
    }

    // Between the two PostgreSQL servers, and to them, a line may lead to where nobody goes any more, after a failover.
    private static IEnumerable<Link> InUse(ChaosCluster cluster) => cluster.Links.All.Where(link =>
        !link.To.StartsWith("postgres", StringComparison.Ordinal) || IsProgram(link.From) || link.To == cluster.State.Primary);

    private static bool IsOfClient(Link link, string kind) => link.To == NginxServer.Name && link.From.StartsWith(kind, StringComparison.Ordinal);

    private static bool IsProgram(string part) => _programs.Contains(part);

    private static T Pick<T>(IReadOnlyList<T> from, Random random) => from[random.Next(from.Count)];

    // A leap second, a wrong zone, a battery that was empty.
    private static TimeSpan Jump(Random random) =>
        TimeSpan.FromMinutes((random.Next(3) switch { 0 => 1, 1 => 60, _ => 60 * 24 * 400 }) * (random.Next(2) == 0 ? 1 : -1) * (0.5 + random.NextDouble()));
}
