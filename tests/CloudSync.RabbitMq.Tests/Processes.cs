// A deployment of real processes: a PostgreSQL, the broker that all tests share, and the program as workers and gateways.

using System.Globalization;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using CloudSync.Operations;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Xunit;

namespace CloudSync.RabbitMq.Tests;

public sealed class Processes(BrokerFixture broker) : IAsyncLifetime
{
    private readonly TemporaryDirectory _folder = new();
    private PostgresServer? _postgres;
    private int _databases;

    public async ValueTask InitializeAsync()
    {
        // PostgreSQL runs as another user, who has to get there.
        File.SetUnixFileMode(_folder.Path, (UnixFileMode)0b111_101_101);
        _postgres = await PostgresServer.StartAsync(
            new PostgresSettings("postgres", _folder.File("postgres"), ServerProcess.FreePort(), "secret") { More = ["fsync = off"] },
            CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A database and an exchange of its own, and settings that all its processes have.</summary>
    internal async Task<Deployment> DeployAsync(params (string Name, string Value)[] settings)
    {
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await _postgres!.QueryAsync($"CREATE DATABASE {name} OWNER {PostgresSettings.Role}", CancellationToken.None);
        var configuration = settings.ToDictionary(static setting => setting.Name, static setting => setting.Value);
        var deployment = new Deployment(
            _folder.File(name), broker.Server.Uri, "x" + Guid.NewGuid().ToString("N")[..12],
            _postgres.Settings.ConnectionString(database: name), configuration);
        return deployment;
    }
}

/// <summary>What is in the outbox, and stays until this is disposed.</summary>
internal sealed class HeldOutbox(NpgsqlConnection connection, IReadOnlyList<OutboxBatch> batches) : IAsyncDisposable
{
    public IReadOnlyList<OutboxBatch> Batches => batches;

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}

/// <summary>One test's processes, and its own way to the log beside them.</summary>
internal sealed class Deployment : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _connectionString;
    private readonly Dictionary<string, string> _configuration;
    private readonly ServiceProvider _services;
    private readonly Dictionary<string, GatewayServer> _servers = [];

    public Deployment(
        string folder, string brokerUri, string exchange, string connectionString, Dictionary<string, string> configuration)
    {
        (_folder, BrokerUri, Exchange, _configuration) = (folder, brokerUri, exchange, configuration);
        _connectionString = connectionString;
        configuration["CloudSync__PostgreSql__ConnectionString"] = connectionString;
        // Order is put to the test by many messages, not by a few large ones.
        configuration["CloudSync__Delivery__GatherInterval"] = "00:00:00.1";
        configuration["CloudSync__RabbitMq__Uri"] = brokerUri;
        configuration["CloudSync__RabbitMq__Exchange"] = exchange;
        var services = new ServiceCollection();
        services.Configure<OutboxOptions>(static outbox => outbox.Enabled = true);
        services.AddPostgreSqlLog(options =>
        {
            options.ConnectionString = connectionString;
            // Appends wait as long as a test holds the outbox, which on a busy machine may be longer than a gateway would.
            options.WriteTimeout = TimeSpan.FromMinutes(1);
        });
        _services = services.BuildServiceProvider();
    }

    public string BrokerUri { get; }

    public string Exchange { get; }

    public IOperationLog Log => _services.GetRequiredService<IOperationLog>();

    public IOutbox Outbox => _services.GetRequiredService<IOutbox>();

    /// <summary>Starts a process of a role, or starts it again.</summary>
    public async Task<GatewayServer> StartAsync(string name, string role)
    {
        var server = await GatewayServer.StartAsync(
            new GatewaySettings(
                name, Path.Combine(_folder, name), ServerProcess.FreePort(), role,
                Path.Combine(AppContext.BaseDirectory, "CloudSync.Server"), _folder, _configuration),
            TestContext.Current.CancellationToken);
        lock (_servers)
            _servers[name] = server;
        return server;
    }

    /// <summary>Appends one batch to a document.</summary>
    public async Task AppendAsync(string id, long head, int count)
    {
        var operations = Enumerable.Range(1, count).Select(i => new NewOperation(
            7, (ulong)(head + i), head, "ada", DateTimeOffset.UnixEpoch.AddSeconds(head + i),
            Delta.ParseJson(string.Create(CultureInfo.InvariantCulture, $$"""{"ops":[{"insert":"{{head + i}} "}]}""")).Bytes));
        var results = await Log.AppendAsync([new(id, head, [.. operations])], CancellationToken.None);
        Assert.Equal(AppendOutcome.Appended, results[0].Outcome);
    }

    /// <summary>
    /// Until what is returned is disposed, relays claim and publish, but nobody removes anything from the outbox, or adds to it.
    /// </summary>
    public async Task<HeldOutbox> HoldOutboxAsync()
    {
        var connection = new NpgsqlConnection(_connectionString + ";Pooling=false");
        await connection.OpenAsync(CancellationToken.None);
        await using var hold = new NpgsqlCommand("BEGIN; LOCK TABLE cloudsync.outbox IN SHARE MODE", connection);
        await hold.ExecuteNonQueryAsync(CancellationToken.None);
        await using var read = new NpgsqlCommand("SELECT document_id, first_version, count FROM cloudsync.outbox", connection);
        await using var reader = await read.ExecuteReaderAsync(CancellationToken.None);
        var batches = new List<OutboxBatch>();
        while (await reader.ReadAsync(CancellationToken.None))
            batches.Add(new(reader.GetString(0), reader.GetInt64(1), reader.GetInt32(2)));
        return new HeldOutbox(connection, batches);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
            await server.DisposeAsync();
        await _services.DisposeAsync();
    }
}
