// The servers themselves: that they start, follow, wait for each other and take over as the other tests expect.

using CloudSync.Cluster.Parts;
using Npgsql;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class ServersTests(Servers servers)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_programs_role_reaches_its_database_directly_and_through_pgbouncer(bool throughBouncer)
    {
        var connectionString = throughBouncer
            ? servers.Bouncer.Settings.ConnectionString()
            : servers.Postgres.Settings.ConnectionString();
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(
            "SELECT current_user || ' ' || current_setting('synchronous_commit')");

        Assert.Equal("cloudsync on", await command.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public async Task A_standby_follows_is_waited_for_and_takes_over()
    {
        using var directory = new TemporaryDirectory();
        await using var primary = await PostgresServer.StartAsync(
            new PostgresSettings("first", directory.Folder("first"), ServerProcess.FreePort(), "secret"), Cancellation);
        await primary.QueryAsync("CREATE TABLE t (n int)", Cancellation);
        await using var standby = await PostgresServer.StartStandbyAsync(
            new PostgresSettings("second-one", directory.Folder("second"), ServerProcess.FreePort(), "secret"),
            primary, Cancellation);
        await primary.SetSynchronousStandbyAsync("second-one", Cancellation);
        await primary.QueryAsync("INSERT INTO t VALUES (1)", Cancellation);

        await primary.KillAsync();
        await standby.PromoteAsync(Cancellation);

        Assert.Equal("1", await standby.QueryAsync("SELECT n FROM t", Cancellation));
        await standby.QueryAsync("INSERT INTO t VALUES (2)", Cancellation);
    }
}
