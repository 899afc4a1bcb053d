// The Redis servers that documents are spread over, and the connections to them, which fan-out, cache and session records
// share. One that refuses us stops the start; one that is merely not there doesn't.

using CloudSync.Redis.Fanout;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CloudSync.Redis;

internal sealed class RedisServers : IAsyncDisposable
{
    private readonly RedisOptions _options;
    private readonly ILogger<RedisServers> _logger;
    private readonly Rendezvous _rendezvous;
    private readonly Lazy<Task> _connecting;

    public RedisServers(
        IOptions<RedisOptions> options, IOptions<CloudSyncOptions> cloudSync, ILogger<RedisServers> logger)
    {
        _options = options.Value;
        _logger = logger;
        All = [.. _options.Servers.Select((server, index) => new RedisConnection(
            Configure(RedisOptionsValidator.Parse(server)!, cloudSync.Value.GatewayId), RedisOptionsValidator.SettingOf(index),
            _options.Names.Count > 0 ? _options.Names[index] : null))];
        _rendezvous = new Rendezvous([.. All.Select(static connection => connection.Name)]);
        _connecting = new(() => Task.WhenAll(All.Select(ConnectAsync)));
    }

    public IReadOnlyList<RedisConnection> All { get; }

    /// <summary>Equal at all gateways that spread documents over the same servers.</summary>
    public string Fingerprint => _rendezvous.Fingerprint;

    /// <summary>Of <see cref="All"/>, the one that a document is on.</summary>
    public int IndexFor(string documentId) => _rendezvous.Choose(documentId);

    /// <summary>The connection to the server that a document is on.</summary>
    public RedisConnection For(string documentId) => All[_rendezvous.Choose(documentId)];

    /// <summary>Connects once, whoever asks first. What can't be reached is connected to later, by itself.</summary>
    /// <exception cref="OptionsValidationException">A server refuses us, is no Redis, or is too old.</exception>
    public Task ConnectAsync() => _connecting.Value;

    private static ConfigurationOptions Configure(ConfigurationOptions server, string gatewayId)
    {
        // One that is down must not stop the start, and is to be found again soon after it is back.
        server.AbortOnConnectFail = false;
        server.ReconnectRetryPolicy = new ExponentialRetry(250, 5_000);
        server.ClientName ??= $"cloudsync-{gatewayId}";
        // Primaries of a configuration of the library's own making are not looked for: that would cost a channel.
        server.ConfigurationChannel = "";
        server.TieBreaker = "";
        return server;
    }

    private async Task ConnectAsync(RedisConnection connection)
    {
        var multiplexer = await ConnectionMultiplexer.ConnectAsync(connection.Options).ConfigureAwait(false);
        connection.Multiplexer = multiplexer;
        if (!multiplexer.IsConnected)
        {
            if (await Refusal.OfConnectionAsync(connection).ConfigureAwait(false) is var (reason, isRefusal) && isRefusal)
                throw Unusable(connection, reason);
            _logger.ServerUnreachable(connection.Name, connection.Setting, reason);
            return;
        }

        if (await Refusal.OfServerAsync(connection, _options.Prefix).ConfigureAwait(false) is { } refused)
            throw Unusable(connection, refused);
    }

    private static OptionsValidationException Unusable(RedisConnection connection, string reason) => new(
        Options.DefaultName, typeof(RedisOptions),
        [$"{connection.Setting} ({connection.Name}) can't be used: {reason}"]);

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in All)
        {
            if (connection.Multiplexer is { } multiplexer)
                await multiplexer.DisposeAsync().ConfigureAwait(false);
        }
    }
}

/// <summary>One entry of CloudSync:Redis:Servers: a server, or a Redis Cluster.</summary>
/// <param name="options">How it is reached.</param>
/// <param name="setting">The setting that names it.</param>
/// <param name="name">What it is called; null: by its addresses.</param>
internal sealed class RedisConnection(ConfigurationOptions options, string setting, string? name)
{
    public ConfigurationOptions Options { get; } = options;

    public string Setting { get; } = setting;

    /// <summary>Names it among the others, in logs and metrics.</summary>
    public string Name { get; } = name ?? RedisOptionsValidator.NameOf(options);

    /// <summary>Null until the connection was tried for the first time.</summary>
    public IConnectionMultiplexer? Multiplexer { get; set; }

    /// <summary>Whether it is a Redis Cluster, as far as is known.</summary>
    public bool IsCluster => Multiplexer is { } multiplexer
        && multiplexer.GetServers().Any(static server => server.ServerType == ServerType.Cluster);
}
