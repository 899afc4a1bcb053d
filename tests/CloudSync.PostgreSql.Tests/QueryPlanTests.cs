// Each statement finds its rows through an index, on tables large enough that nothing else is excusable. The statements are
// taken from where the log has them, so that none is forgotten; those within functions are logged by the server as they run.

using System.Globalization;
using System.Reflection;
using CloudSync.Cluster.Parts;
using CloudSync.Log;
using Npgsql;
using Xunit;

namespace CloudSync.PostgreSql.Tests;

public sealed class QueryPlanTests(Servers servers, QueryPlanTests.LargeDatabase large) : IClassFixture<QueryPlanTests.LargeDatabase>
{
    // What the parameters of each statement are; one that isn't here fails.
    private static readonly Dictionary<string, object[]> _values = new()
    {
        [nameof(Sql.Create)] = ["new", "text", "", 1L, "", new byte[32]],
        [nameof(Sql.Rename)] = ["Title", "d7"],
        [nameof(Sql.Delete)] = [1L, "d7"],
        [nameof(Sql.SaveSnapshot)] = [3L, new byte[] { 1 }, "d7"],
        [nameof(Sql.Find)] = ["d7"],
        [nameof(Sql.List)] = [100L],
        [nameof(Sql.ListAfter)] = [5_000_000_000L, "d500", 100L],
        [nameof(Sql.ListById)] = ["d5", 100L],
        [nameof(Sql.ListDeleted)] = ["d5", 100L],
        [nameof(Sql.Heads)] = [new[] { "d1", "d2", "d3" }],
        [nameof(Sql.Head)] = ["d7", false],
        [nameof(Sql.Read)] = ["d7", 3L, 100L, 10_000L, true, false],
        [nameof(Sql.ReadRanges)] =
        [
            Enumerable.Range(1, 25).Select(i => $"d{i}").ToArray(), Enumerable.Repeat(1L, 25).ToArray(),
            Enumerable.Repeat(4L, 25).ToArray(), 10_000L,
        ],
        [nameof(Sql.ReadUnpacked)] = [7L, 3L, 1_500L, 100L],
        [nameof(Sql.FindSegment)] = [7L, 3L],
        [nameof(Sql.NewestSegments)] = [7L, 20L],
        [nameof(Sql.FindVersion)] = ["d7", 5_000_000L],
        [nameof(Sql.FindSegmentByTime)] = [7L, 5_000_000L],
        [nameof(Sql.FindSnapshot)] = ["d7", 5L],
        [nameof(Sql.Links)] = ["d7", 3L, 100L],
        [nameof(Sql.RemoveFromOutbox)] = [new short[] { 1, 2 }, new long[] { 1, 2 }],
        [nameof(Sql.CountOutbox)] = [100_000L],
        [nameof(Sql.EstimateOutbox)] = [],
        [nameof(Sql.OldestInOutbox)] = [],
        [nameof(Sql.Barrier)] = [],
        [nameof(Sql.ServerLife)] = [],
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // The three that call a function are looked into below.
    public static TheoryData<string> Statements =>
        [.. typeof(Sql).GetFields(BindingFlags.Public | BindingFlags.Static).Select(statement => statement.Name)
            .Except([nameof(Sql.Append), nameof(Sql.Pack), nameof(Sql.Claim)])];

    [Theory]
    [MemberData(nameof(Statements))]
    public async Task No_statement_scans_a_table_or_sorts_one(string name)
    {
        await using var connection = new NpgsqlConnection(servers.Postgres.Settings.ConnectionString(database: large.Name));
        await connection.OpenAsync(Cancellation);
        var sql = (string)typeof(Sql).GetField(name, BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;
        await using var command = new NpgsqlCommand("EXPLAIN " + sql, connection);
        foreach (var value in _values[name])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        while (await reader.ReadAsync(Cancellation))
        {
            var step = reader.GetString(0);
            Assert.DoesNotContain("Seq Scan", step, StringComparison.Ordinal);
            // The list is sorted within spans of four seconds, which come from the index in order. Of several ranges, each may
            // be sorted by itself: at most a thousand rows, which were found by the key.
            if (name != nameof(Sql.ReadRanges) && !step.Contains("Incremental Sort", StringComparison.Ordinal) && !step.Contains("Sort Key", StringComparison.Ordinal))
                Assert.DoesNotContain("Sort ", step, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(nameof(Sql.List), "documents_by_change")]
    [InlineData(nameof(Sql.ListAfter), "documents_by_change")]
    [InlineData(nameof(Sql.FindVersion), "operations_by_time")]
    [InlineData(nameof(Sql.FindSegmentByTime), "segments_by_time")]
    [InlineData(nameof(Sql.Read), "operations_pkey")]
    [InlineData(nameof(Sql.ReadRanges), "operations_pkey")]
    [InlineData(nameof(Sql.FindSnapshot), "snapshots_pkey")]
    public async Task Reads_use_the_index_that_is_meant_for_them(string name, string index)
    {
        await using var connection = new NpgsqlConnection(servers.Postgres.Settings.ConnectionString(database: large.Name));
        await connection.OpenAsync(Cancellation);
        var sql = (string)typeof(Sql).GetField(name, BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;
        await using var command = new NpgsqlCommand("EXPLAIN " + sql, connection);
        foreach (var value in _values[name])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        var plan = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        while (await reader.ReadAsync(Cancellation))
            plan.Add(reader.GetString(0));

        Assert.Contains(plan, step => step.Contains($"using {index}", StringComparison.Ordinal)
            || step.Contains($"Bitmap Index Scan on {index}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nor_does_any_statement_within_a_function_even_without_statistics(bool withStatistics)
    {
        var name = withStatistics ? large.Name : await servers.CreateDatabaseAsync();
        await using (var log = await PostgreSqlLogStore.OpenAsync(
            new PostgreSqlLogOptions { ConnectionString = servers.ConnectionString(name, false) }))
        {
        }

        var plans = new List<string>();
        await using (var connection = new NpgsqlConnection(
            servers.Postgres.Settings.ConnectionString(PostgresSettings.Superuser, name) + ";Pooling=false"))
        {
            connection.Notice += (_, notice) => plans.Add(notice.Notice.MessageText);
            await connection.OpenAsync(Cancellation);
            await RunAsync(
                connection,
                """
                LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
                SET auto_explain.log_level = notice
                """);
            for (var i = 0; i < 10; i++)
            {
                await RunAsync(
                    connection,
                    $"""
                    INSERT INTO cloudsync.documents (id, type, title, created_at, created_by, changed_at, chain)
                    SELECT 'f{i}-' || n, 'text', '', 1, '', 1, sha256('') FROM generate_series(1, 40) n;
                    SELECT cloudsync.append(
                      (SELECT array_agg('f{i}-' || n) FROM generate_series(1, 40) n), array_fill(0::bigint, ARRAY[40]), array_fill({1 + (i % 2)}, ARRAY[40]),
                      {Fill("0::bigint", i)}, {Fill("0::bigint", i)}, {Fill("0::bigint", i)}, {Fill("5::bigint", i)}, {Fill("''::text", i)},
                      {Fill("''::bytea", i)}, decode(repeat('00', 32 * 80), 'hex'), true);
                    SELECT cloudsync.pack((SELECT number FROM cloudsync.documents WHERE id = 'f{i}-1'), 0, '{"{}"}', '{"{}"}', '{"{}"}', {1 + (i % 2)},
                      1, {1 + (i % 2)}, 5, 1, 'x');
                    SELECT cloudsync.claim(20, {i}) LIMIT 1;
                    """);
            }
        }

        var inside = plans.Where(plan => plan.Contains("cloudsync.", StringComparison.Ordinal)).ToList();
        Assert.Contains(inside, plan => plan.Contains("FOR NO KEY UPDATE OF d", StringComparison.Ordinal));
        Assert.Contains(inside, plan => plan.Contains("Insert on outbox", StringComparison.Ordinal));
        Assert.Contains(inside, plan => plan.Contains("Delete on snapshots", StringComparison.Ordinal));
        Assert.All(inside, plan => Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal));
        Assert.All(inside, plan => Assert.DoesNotContain("documents_by_change", plan, StringComparison.Ordinal));
        if (!withStatistics)
            await servers.DropDatabaseAsync(name);
    }

    private static string Fill(string value, int i) =>
        string.Create(CultureInfo.InvariantCulture, $"array_fill({value}, ARRAY[{40 * (1 + (i % 2))}])");

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    /// <summary>A database with a hundred thousand rows in every table that grows.</summary>
    public sealed class LargeDatabase(Servers servers) : IAsyncLifetime
    {
        public string Name { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            Name = await servers.CreateDatabaseAsync();
            await using (await PostgreSqlLogStore.OpenAsync(
                new PostgreSqlLogOptions { ConnectionString = servers.ConnectionString(Name, false) }))
            {
            }

            await servers.Postgres.QueryAsync(
                """
                INSERT INTO cloudsync.documents (id, type, title, head, created_at, created_by, changed_at, deleted_at, chain)
                SELECT 'd' || n, 'text', 'Title', 10, n, '', n::bigint * 1000000, CASE WHEN n % 100 = 0 THEN 1 END, sha256('')
                FROM generate_series(1, 100000) n;
                INSERT INTO cloudsync.operations SELECT n % 50, n / 50 + 1, 1, 1, 1, n, 'ada', 'x', sha256('')
                FROM generate_series(1, 100000) n;
                INSERT INTO cloudsync.segments SELECT n % 50, n / 50 + 1, n / 50 + 1, n, 1, sha256(''), 'x'
                FROM generate_series(1, 100000) n;
                INSERT INTO cloudsync.snapshots SELECT n % 50, n / 50 + 1, 'x' FROM generate_series(1, 100000) n;
                INSERT INTO cloudsync.outbox (shard, document_id, first_version, count, committed_at)
                SELECT n % 16, 'd' || n, 1, 1, n FROM generate_series(1, 100000) n;
                """,
                CancellationToken.None, Name);
            await servers.Postgres.QueryAsync("VACUUM ANALYZE", CancellationToken.None, Name);
        }

        public async ValueTask DisposeAsync() => await servers.DropDatabaseAsync(Name);
    }
}
