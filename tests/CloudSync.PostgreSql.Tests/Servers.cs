// The servers that the tests share: one PostgreSQL, one PgBouncer before it. Each test has a database of its own.

using System.Collections.Concurrent;
using CloudSync.Cluster.Parts;
using Npgsql;
using Xunit;

[assembly: AssemblyFixture(typeof(CloudSync.PostgreSql.Tests.Servers))]

namespace CloudSync.PostgreSql.Tests;

public sealed class Servers : IAsyncLifetime
{
    private readonly ConcurrentBag<string> _emptied = [];
    private int _databases;

    private readonly TemporaryDirectory _directory = new();
    private PostgresServer? _postgres;
    private PgBouncer? _bouncer;

    public PostgresServer Postgres => _postgres!;

    public PgBouncer Bouncer => _bouncer!;

    public async ValueTask InitializeAsync()
    {
        _postgres = await PostgresServer.StartAsync(
            new PostgresSettings("primary", _directory.Folder("primary"), ServerProcess.FreePort(), "secret's")
            {
                ConnectionsMax = 300,
                // Nothing here tests what a power cut leaves; the tests that kill servers have their own.
                More = ["fsync = off"],
            },
            CancellationToken.None);
        _bouncer = await PgBouncer.StartAsync(
            new PgBouncerSettings("pgbouncer", _directory.Folder("pgbouncer"), ServerProcess.FreePort(), "secret's")
            {
                IdleTimeout = TimeSpan.FromSeconds(5),
            },
            _postgres.Settings.Port,
            CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_bouncer is not null)
            await _bouncer.DisposeAsync();
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>An empty database that belongs to the program's role; its name.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await Postgres.QueryAsync($"CREATE DATABASE {name} OWNER {PostgresSettings.Role}", CancellationToken.None);
        return name;
    }

    /// <summary>Removes what <see cref="CreateDatabaseAsync"/> made, whoever is connected to it.</summary>
    public Task DropDatabaseAsync(string name) =>
        Postgres.QueryAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)", CancellationToken.None);

    /// <summary>Like <see cref="CreateDatabaseAsync"/>, but it may have the tables already, with nothing in them.</summary>
    public async Task<string> TakeDatabaseAsync() => _emptied.TryTake(out var name) ? name : await CreateDatabaseAsync();

    /// <summary>Gives back what <see cref="TakeDatabaseAsync"/> gave.</summary>
    public async Task GiveBackAsync(string name)
    {
        await using var connection = new NpgsqlConnection(Postgres.Settings.ConnectionString(database: name) + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            DELETE FROM cloudsync.documents; DELETE FROM cloudsync.operations; DELETE FROM cloudsync.segments;
            DELETE FROM cloudsync.snapshots; DELETE FROM cloudsync.outbox
            """,
            connection);
        await command.ExecuteNonQueryAsync();
        _emptied.Add(name);
    }

    /// <summary>Damages the newest segment of a document.</summary>
    public Task DamageSegmentAsync(string database, string documentId) => Postgres.QueryAsync(
        $"""
        UPDATE cloudsync.segments SET data = set_byte(data, octet_length(data) - 1, get_byte(data, octet_length(data) - 1) # 85)
        WHERE document = (SELECT number FROM cloudsync.documents WHERE id = '{documentId}')
        """,
        CancellationToken.None, database);

    public string ConnectionString(string database, bool throughBouncer) => throughBouncer
        ? Bouncer.Settings.ConnectionString(database: database)
        : Postgres.Settings.ConnectionString(database: database);
}
