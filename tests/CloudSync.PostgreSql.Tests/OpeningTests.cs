// What an operator sees of a database that can't be used: one line that names the setting. And how one is made.

using System.Net;
using System.Net.Sockets;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class OpeningTests(Servers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_that_open_an_empty_database_at_once_make_one_log(bool throughBouncer)
    {
        var database = await servers.CreateDatabaseAsync();
        var logs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OpenAsync(servers.ConnectionString(database, throughBouncer))));
        try
        {
            await logs[0].CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
            foreach (var log in logs)
                Assert.NotNull(await log.FindAsync("a", Cancellation));
            Assert.Equal("1", await servers.Postgres.QueryAsync("SELECT count(*) FROM cloudsync.schema_version", Cancellation, database));
        }
        finally
        {
            foreach (var log in logs)
                await log.DisposeAsync();
            await servers.DropDatabaseAsync(database);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_database_of_a_newer_version_is_refused_and_stays_as_it_is(bool throughBouncer)
    {
        var database = await servers.CreateDatabaseAsync();
        await (await OpenAsync(servers.ConnectionString(database, false))).DisposeAsync();
        await servers.Postgres.QueryAsync("UPDATE cloudsync.schema_version SET version = 99", Cancellation, database);

        var refusal = await RefusedAsync<LogUnusableException>(servers.ConnectionString(database, throughBouncer));

        Assert.Contains("newer CloudSync (schema 99", refusal, StringComparison.Ordinal);
        Assert.Equal("99", await servers.Postgres.QueryAsync("SELECT version FROM cloudsync.schema_version", Cancellation, database));
        await servers.DropDatabaseAsync(database);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wrong_password_is_told_as_such(bool throughBouncer)
    {
        var right = servers.ConnectionString(PostgresSettings.Database, throughBouncer);

        var refusal = await RefusedAsync<LogUnusableException>(right.Replace("secret's", "wrong", StringComparison.Ordinal));

        Assert.Contains("refuses role 'cloudsync' or its password", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", refusal.Replace("wrong password type", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_missing_password_is_told_as_such_and_not_waited_for(bool throughBouncer)
    {
        var right = servers.ConnectionString(PostgresSettings.Database, throughBouncer);

        var refusal = await RefusedAsync<LogUnusableException>(right.Replace("Password=secret's", "", StringComparison.Ordinal));

        Assert.Contains("asks role 'cloudsync' for a password", refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_missing_database_is_told_as_such(bool throughBouncer) => Assert.Contains(
        "There is no database 'nowhere'",
        await RefusedAsync<LogUnusableException>(servers.ConnectionString("nowhere", throughBouncer)),
        StringComparison.Ordinal);

    [Fact]
    public async Task A_role_that_may_create_nothing_is_told_so()
    {
        var database = await servers.CreateDatabaseAsync();
        await servers.Postgres.QueryAsync($"CREATE ROLE {database}_stranger LOGIN PASSWORD 'secret''s'", Cancellation);

        var refusal = await RefusedAsync<LogUnusableException>(
            servers.Postgres.Settings.ConnectionString($"{database}_stranger", database));

        Assert.Contains("let it own the database, or grant it CREATE there", refusal, StringComparison.Ordinal);
        await servers.DropDatabaseAsync(database);
    }

    [Fact]
    public async Task A_role_that_may_read_but_not_write_is_found_out_at_the_start()
    {
        var database = await servers.CreateDatabaseAsync();
        await (await OpenAsync(servers.ConnectionString(database, false))).DisposeAsync();
        await servers.Postgres.QueryAsync(
            $"""
            CREATE ROLE {database}_reader LOGIN PASSWORD 'secret''s'; GRANT USAGE ON SCHEMA cloudsync TO {database}_reader;
            GRANT SELECT ON ALL TABLES IN SCHEMA cloudsync TO {database}_reader
            """,
            Cancellation, database);

        Assert.Contains(
            "may not do what CloudSync needs",
            await RefusedAsync<LogUnusableException>(servers.Postgres.Settings.ConnectionString($"{database}_reader", database)),
            StringComparison.Ordinal);
        await servers.DropDatabaseAsync(database);
    }

    [Fact]
    public async Task A_read_only_server_is_told_as_such()
    {
        var database = await servers.CreateDatabaseAsync();
        await servers.Postgres.QueryAsync($"ALTER DATABASE {database} SET default_transaction_read_only = on", Cancellation);

        Assert.Contains(
            "read-only", await RefusedAsync<LogUnusableException>(servers.ConnectionString(database, false)), StringComparison.Ordinal);
        await servers.DropDatabaseAsync(database);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("Host=127.0.0.1;Colour=blue")]
    [InlineData("Username=cloudsync;Database=cloudsync")]
    [InlineData("Host=127.0.0.1;Port=many")]
    public async Task A_connection_string_that_can_not_be_understood_is_told_as_such(string connectionString) =>
        await RefusedAsync<LogUnusableException>(connectionString);

    [Fact]
    public async Task A_server_that_is_not_there_is_waited_for_and_then_told_as_such()
    {
        // The port is ours for the length of the test, so that nobody else answers.
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;

        Assert.Contains(
            $"No PostgreSQL server answers at 127.0.0.1:{port}",
            await RefusedAsync<LogUnavailableException>($"Host=127.0.0.1;Port={port};Username=a;Password=b;Database=c"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_is_opened_when_the_host_starts_and_closed_when_it_is_disposed()
    {
        var database = await servers.CreateDatabaseAsync();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddCloudSync().UsePostgreSql(servers.ConnectionString(database, false));
        using (var host = builder.Build())
        {
            await host.StartAsync(Cancellation);
            Assert.Equal("2", await servers.Postgres.QueryAsync("SELECT version FROM cloudsync.schema_version", Cancellation, database));
            var log = host.Services.GetRequiredService<IOperationLog>();
            Assert.Same(log, host.Services.GetRequiredService<IOutbox>());
            await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
            await host.StopAsync(Cancellation);
        }

        // Nothing is connected to it any more: it may be dropped without force.
        await servers.Postgres.QueryAsync($"DROP DATABASE {database}", Cancellation);
    }

    [Fact]
    public async Task A_host_whose_database_can_not_be_used_does_not_start()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddCloudSync().UsePostgreSql(servers.ConnectionString("nowhere", false));
        using var host = builder.Build();

        await Assert.ThrowsAsync<LogUnusableException>(() => host.StartAsync(Cancellation));
    }

    [Fact]
    public async Task A_text_that_PostgreSQL_can_not_hold_is_refused_as_such_and_not_as_a_failure_of_the_log()
    {
        var database = await servers.TakeDatabaseAsync();
        await using (var log = await OpenAsync(servers.ConnectionString(database, false)))
        {
            await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
            await Assert.ThrowsAsync<ArgumentException>(() => log.RenameAsync("a", "a\0b", Cancellation));
            await Assert.ThrowsAsync<ArgumentException>(() => log.AppendAsync(
                [new DocumentAppend("a", 0, [new NewOperation(1, 1, 0, "\0", DateTimeOffset.UnixEpoch, default)])], Cancellation));
        }

        await servers.GiveBackAsync(database);
    }

    private static Task<PostgreSqlOperationLog> OpenAsync(string connectionString) => PostgreSqlLogStore.OpenAsync(
        new PostgreSqlLogOptions { ConnectionString = connectionString, StartPatience = TimeSpan.FromSeconds(2) });

    private static async Task<string> RefusedAsync<T>(string connectionString)
        where T : Exception
    {
        var refusal = await Assert.ThrowsAsync<T>(() => OpenAsync(connectionString));
        Assert.Contains("CloudSync:PostgreSql:ConnectionString", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        return refusal.Message;
    }
}
