// What goes wrong in the stores themselves: no room, no connections, a cache that lies, a clock that is wrong.

using System.Security.Cryptography;
using CloudSync.Cluster;
using CloudSync.Cluster.Parts;
using Npgsql;
using StackExchange.Redis;

namespace CloudSync.Chaos.Faults;

/// <summary>The disk of the primary is full.</summary>
internal sealed class FullDisk(ChaosCluster cluster) : Fault
{
    private readonly string _part = cluster.State.Primary;

    public override string Details => $"the disk of {_part}, the primary, is full";

    public override Task InjectAsync(CancellationToken stop) => Task.Run(() => cluster.Disks.Fill(_part), stop);

    public override Task HealAsync(CancellationToken stop)
    {
        cluster.Disks.Empty(_part);
        return Task.CompletedTask;
    }
}

/// <summary>RabbitMQ finds that its disk is full, and takes no more messages.</summary>
internal sealed class DiskAlarm(ChaosCluster cluster) : Fault
{
    public override string Details => "RabbitMQ takes no messages: its disk is as good as full";

    // More than any disk has.
    public override Task InjectAsync(CancellationToken stop) => SetLimitAsync("500000GB", stop);

    public override Task HealAsync(CancellationToken stop) => SetLimitAsync("64MB", stop);

    private async Task SetLimitAsync(string limit, CancellationToken stop)
    {
        if (((ClusterPart<RabbitMqServer>)await cluster.PartAsync("rabbitmq")).Server is { } server)
            await server.ControlAsync(stop, "set_disk_free_limit", limit);
    }
}

/// <summary>Others take all connections: PgBouncer's to the server, or the server's own.</summary>
internal sealed class NoConnections(ChaosCluster cluster, bool throughBouncer) : Fault
{
    // More than either has.
    private const int BouncerConnections = 30;
    private const int ServerConnections = 120;

    private readonly List<NpgsqlConnection> _taken = [];

    public override string Details => throughBouncer
        ? "others hold all of PgBouncer's connections to the server"
        : "others hold all connections of the primary";

    public override async Task InjectAsync(CancellationToken stop)
    {
        var port = throughBouncer ? cluster.State.PgBouncerPort : cluster.State.Postgres[cluster.State.Primary];
        var settings = new NpgsqlConnectionStringBuilder(cluster.ConnectionString)
        {
            Port = port, Pooling = false, Timeout = 5, CommandTimeout = 5, MaxAutoPrepare = 0, NoResetOnClose = true,
        };
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        enough.CancelAfter(TimeSpan.FromSeconds(2));
        var taking = Enumerable.Range(0, throughBouncer ? BouncerConnections : ServerConnections)
            .Select(_ => TakeAsync(settings.ConnectionString, enough.Token)).ToArray();
        await Task.WhenAll(taking);
    }

    public override async Task HealAsync(CancellationToken stop)
    {
        foreach (var connection in _taken)
            await connection.DisposeAsync();
        _taken.Clear();
    }

    // The one that is refused has shown that there are no more.
    private async Task TakeAsync(string settings, CancellationToken stop)
    {
        var connection = new NpgsqlConnection(settings);
        try
        {
            await connection.OpenAsync(stop);
            if (throughBouncer)
            {
                await using var begin = new NpgsqlCommand("BEGIN", connection);
                await begin.ExecuteNonQueryAsync(stop);
            }

            lock (_taken)
                _taken.Add(connection);
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException or TimeoutException)
        {
            await connection.DisposeAsync();
        }
    }
}

/// <summary>What Redis has cached is overwritten: with noise, with a part of it, with what belongs to another version.</summary>
internal sealed class CorruptCache(ChaosCluster cluster, Random random) : Fault
{
    private const int EntriesMax = 1_000;

    public override string Details => "what is cached in Redis is overwritten with noise and with other entries";

    public override async Task InjectAsync(CancellationToken stop)
    {
        foreach (var (port, i) in cluster.State.RedisPorts.Select(static (port, i) => (port, i)))
        {
            if ((await cluster.PartAsync($"redis-{i + 1}")).Process is null)
                continue;
            try
            {
                await using var redis = await ConnectionMultiplexer.ConnectAsync(
                    $"127.0.0.1:{port},password={cluster.State.Password},connectTimeout=1000,abortConnect=true");
                await OverwriteAsync(redis.GetDatabase(), redis.GetServer("127.0.0.1", port), stop);
            }
            catch (RedisException)
            {
                // Another fault is there too.
            }
        }
    }

    public override Task HealAsync(CancellationToken stop) => Task.CompletedTask;

    private async Task OverwriteAsync(IDatabase database, IServer server, CancellationToken stop)
    {
        List<RedisKey> keys = [];
        await foreach (var key in server.KeysAsync(pattern: "*version:*").WithCancellation(stop))
        {
            if (keys.Count < EntriesMax && !key.ToString().EndsWith(":claim", StringComparison.Ordinal))
                keys.Add(key);
        }

        foreach (var key in keys)
        {
            byte[]? value = await database.StringGetAsync(key);
            if (value is null)
                continue;
            var next = random.Next(4) switch
            {
                0 => RandomNumberGenerator.GetBytes(value.Length),
                1 => value[..(value.Length / 2)],
                2 => Flipped(value),
                _ => (byte[]?)await database.StringGetAsync(keys[random.Next(keys.Count)]) ?? [],
            };
            await database.StringSetAsync(key, next, TimeSpan.FromMinutes(10));
        }
    }

    private byte[] Flipped(byte[] value)
    {
        if (value.Length > 0)
            value[random.Next(value.Length)] ^= (byte)(1 << random.Next(8));
        return value;
    }
}

/// <summary>The clock of one gateway is wrong, by minutes or by days, before or after.</summary>
internal sealed class WrongClock(ChaosCluster cluster, TimeSpan ahead) : Fault
{
    public override string Details => $"a gateway's clock is {ahead.TotalMinutes:+0.0;-0.0} minutes off";

    public override Task InjectAsync(CancellationToken stop) => Set(ahead);

    public override Task HealAsync(CancellationToken stop) => Set(TimeSpan.Zero);

    private Task Set(TimeSpan next)
    {
        cluster.Clocks.Set(next);
        return Task.CompletedTask;
    }
}
