// Files of earlier versions are opened, migrated, and hold what they held.

using CloudSync.Log;
using Xunit;

namespace CloudSync.Sqlite.Tests;

public sealed class MigrationTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_file_of_schema_1_is_migrated_with_everything_in_it_and_can_be_packed()
    {
        const int Operations = 3_000;
        var options = new SqliteLogOptions { Path = directory.File() };
        using (var connection = LogConnection.Connect(options.Path, options, create: true))
        {
            connection.Execute("PRAGMA journal_mode = WAL");
            connection.Execute("BEGIN");
            connection.Execute(Schema.Migrations[0]);
            connection.Execute($"PRAGMA application_id = {Schema.ApplicationId}; PRAGMA user_version = 1");
            connection.Execute(
                $"INSERT INTO documents VALUES (1, 'a', 'text', 'Kept', {Operations}, 5, 'ada', {Operations}, NULL)");
            connection.Execute(
                $"""
                WITH RECURSIVE v (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM v WHERE n < {Operations})
                INSERT INTO operations SELECT 1, n, -n, n, n - 1, 'ada', n, CAST('operation ' || n AS BLOB) FROM v
                """);
            connection.Execute("INSERT INTO snapshots VALUES (1, 7, x'0102')");
            connection.Execute("COMMIT");
        }

        await using (var log = SqliteOperationLog.Open(options))
        {
            await CheckAsync(log);
            while ((await log.PackAsync("a", Operations, 1, Cancellation)).Operations > 0)
            {
            }
        }

        await using (var log = SqliteOperationLog.Open(options))
            await CheckAsync(log);
        using (var connection = LogConnection.ConnectReader(options.Path, options))
        {
            Assert.Equal(Schema.Migrations.Count, connection.QueryInt64("PRAGMA user_version"));
            Assert.Equal(0, connection.QueryInt64("SELECT count(*) FROM operations"));
        }

        static async Task CheckAsync(SqliteOperationLog log)
        {
            Assert.Equal("Kept", (await log.FindAsync("a", Cancellation))!.Title);
            var link = AuditChain.Begin("a");
            Assert.Equal([1, 2], (await log.FindSnapshotAsync("a", 9, Cancellation))!.State.ToArray());
            var read = await log.ReadAsync("a", 0, 100_000, int.MaxValue, Cancellation);
            Assert.Equal(Operations, read.Count);
            for (var i = 0; i < Operations; i++)
            {
                var version = i + 1;
                Assert.Equal(
                    new LoggedOperation(
                        version, unchecked((ulong)-version), (ulong)version, i, "ada",
                        DateTimeOffset.UnixEpoch.AddMicroseconds(version), default),
                    read[i] with { Bytes = default });
                AuditChain.Link(link, read[i], link);
                Assert.True(read[i].Bytes.Span.SequenceEqual(System.Text.Encoding.UTF8.GetBytes($"operation {version}")));
            }

            var links = await log.ReadAuditLinksAsync("a", 0, 100_000, Cancellation);
            Assert.Equal(Operations, links[^1].Version);
            Assert.Equal(link, links[^1].Hash.ToArray());
        }
    }

    [Fact]
    public async Task A_file_of_schema_2_gets_its_audit_chains_segments_included()
    {
        var options = new SqliteLogOptions { Path = directory.File() };
        IReadOnlyList<AuditLink> links;
        await using (var log = SqliteOperationLog.Open(options))
        {
            foreach (var id in (string[])["a", "b", "empty"])
                await log.CreateAsync(new NewDocument(id, "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
            for (var head = 0; head < 3_000; head += 100)
            {
                await log.AppendAsync(
                    [.. ((string[])["a", "b"]).Select(id => new DocumentAppend(id, head, [.. Enumerable.Range(1, 100).Select(
                        i => new NewOperation(1, (ulong)(head + i), head, "ada", DateTimeOffset.UnixEpoch.AddSeconds(head), new byte[9]))]))],
                    Cancellation);
            }

            while ((await log.PackAsync("a", 2_500, 1, Cancellation)).Operations > 0)
            {
            }

            links = await log.ReadAuditLinksAsync("a", 0, 100_000, Cancellation);
            Assert.InRange(links.Count, 501, 600);
        }

        using (var connection = LogConnection.ConnectWriter(options.Path, options))
        {
            connection.Execute(
                "DROP TABLE log_key; DROP TABLE outbox; DROP INDEX documents_deleted; ALTER TABLE documents DROP COLUMN chain; ALTER TABLE operations DROP COLUMN chain; "
                + "ALTER TABLE segments DROP COLUMN chain; PRAGMA user_version = 2");
        }

        await using (var log = SqliteOperationLog.Open(options))
        {
            var migrated = await log.ReadAuditLinksAsync("a", 0, 100_000, Cancellation);
            Assert.Equal(links.Select(Text), migrated.Select(Text));
            Assert.Equal(3_000, (await log.ReadAuditLinksAsync("b", 0, 100_000, Cancellation)).Count);
            Assert.Empty(await log.ReadAuditLinksAsync("empty", 0, 100_000, Cancellation));
        }

        static string Text(AuditLink link) => $"{link.Version} {Convert.ToHexString(link.Hash.Span)}";
    }

    [Fact]
    public async Task Room_that_packing_frees_is_used_again()
    {
        var options = new SqliteLogOptions { Path = directory.File() };
        await using var log = SqliteOperationLog.Open(options);
        await log.CreateAsync(new NewDocument("a", "text", "", DateTimeOffset.UnixEpoch, ""), Cancellation);
        var pages = new List<long>();
        for (var round = 0; round < 6; round++)
        {
            await log.AppendAsync(
                [
                    new DocumentAppend("a", round * 4_000, [.. Enumerable.Range(1, 4_000).Select(i => new NewOperation(
                        1, (ulong)((round * 4_000) + i), 0, "ada", DateTimeOffset.UnixEpoch, new byte[60]))]),
                ],
                Cancellation);
            while ((await log.PackAsync("a", long.MaxValue, 1, Cancellation)).Operations > 0)
            {
            }

            using var connection = LogConnection.ConnectReader(options.Path, options);
            pages.Add(connection.QueryInt64("PRAGMA page_count"));
        }

        // One round's rows, and six rounds' segments: those hardly count.
        Assert.InRange(pages[^1], 1, pages[0] + 10);
    }
}
