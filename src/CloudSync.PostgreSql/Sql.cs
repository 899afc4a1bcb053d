// Every statement the log runs after it was opened. Each finds its rows through an index, which a test asserts; those within
// the functions stand in Schema.cs.

using Npgsql;

namespace CloudSync.PostgreSql;

internal static class Sql
{
    // What is acknowledged is told if its commit didn't wait for the standby, whatever the role's settings: until the end of
    // the transaction, and of the commit with it.
    private const string HearWarnings = "set_config('client_min_messages', 'warning', true)";

    // Which life of the server it is. It ends with the server, and with any crash within it: then statistics begin anew.
    private const string Life =
        "SELECT pg_postmaster_start_time()::text || coalesce(stats_reset::text, '') FROM pg_stat_wal";

    public const string Append = $"""
        SELECT places, heads, appended, {HearWarnings}
        FROM cloudsync.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """;

    public const string Pack = "SELECT cloudsync.pack($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

    public const string Claim = "SELECT shard, number, document_id, first_version, count FROM cloudsync.claim($1, $2)";

    public const string Create = $"""
        INSERT INTO cloudsync.documents (id, type, title, created_at, created_by, changed_at, chain)
        VALUES ($1, $2, $3, $4, $5, $4, $6) ON CONFLICT (id) DO NOTHING RETURNING {HearWarnings}
        """;

    public const string Rename =
        $"UPDATE cloudsync.documents SET title = $1 WHERE id = $2 AND deleted_at IS NULL RETURNING {HearWarnings}";

    public const string Delete =
        $"UPDATE cloudsync.documents SET deleted_at = $1 WHERE id = $2 AND deleted_at IS NULL RETURNING {HearWarnings}";

    public const string SaveSnapshot = """
        INSERT INTO cloudsync.snapshots (document, version, state)
        SELECT number, $1, $2 FROM cloudsync.documents WHERE id = $3 AND deleted_at IS NULL AND head >= $1
        ON CONFLICT (document, version) DO NOTHING
        """;

    public const string Find = $"SELECT {Record} FROM cloudsync.documents WHERE id = $1 AND deleted_at IS NULL";

    // Spans are in the order of the moments in them: the index gives the spans, and within each it is sorted.
    public const string List = $"""
        SELECT {Record} FROM cloudsync.documents WHERE deleted_at IS NULL
        ORDER BY changed_span DESC, changed_at DESC, id DESC LIMIT $1
        """;

    public const string ListAfter = $"""
        SELECT {Record} FROM cloudsync.documents 
        WHERE deleted_at IS NULL AND changed_span <= $1 >> 22 AND (changed_at, id) < ($1, $2)
        ORDER BY changed_span DESC, changed_at DESC, id DESC LIMIT $3
        """;

    public const string ListById = $"""
        SELECT {Record} FROM cloudsync.documents WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2
        """;

    public const string ListDeleted = $"""
        SELECT {Record}, deleted_at FROM cloudsync.documents WHERE deleted_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2
        """;

    public const string Heads = "SELECT id, head FROM cloudsync.documents WHERE id = ANY ($1) AND deleted_at IS NULL";

    public const string Head =
        "SELECT number, head FROM cloudsync.documents WHERE id = $1 AND (deleted_at IS NULL OR $2)";

    // The bytes are counted here, so that what is over the limit isn't sent. Of the first row it is told that it is there;
    // $5: it is wanted however large. With the first row comes which life of the server showed it.
    public const string Read = $"""
        SELECT version, client_id, client_seq, base_version, author, committed_at,
          CASE WHEN bytes <= $4 OR $5 THEN operation END, CASE WHEN version = $2 + 1 THEN ({Life}) END
        FROM (
          SELECT *, sum(octet_length(operation)) OVER (ORDER BY version ROWS UNBOUNDED PRECEDING) AS bytes
          FROM cloudsync.operations
          WHERE document = (SELECT number FROM cloudsync.documents WHERE id = $1 AND (deleted_at IS NULL OR $6))
            AND version > $2
          ORDER BY version LIMIT $3) o
        WHERE bytes <= $4 OR version = $2 + 1
        ORDER BY version
        """;

    // As many as have their rows still, and fit: the bytes are counted here, so that what is over the limit isn't sent. With a
    // limit for each range its rows are looked up, however many the planner thinks there are.
    public const string ReadRanges = """
        SELECT place, type, version, client_id, client_seq, base_version, author, committed_at, operation, chain
        FROM (
          SELECT r.place, d.type, o.*,
            sum(octet_length(o.operation)) OVER (ORDER BY r.place, o.version ROWS UNBOUNDED PRECEDING) AS bytes
          FROM unnest($1, $2, $3) WITH ORDINALITY AS r (id, first, last, place)
          JOIN cloudsync.documents d ON d.id = r.id
          CROSS JOIN LATERAL (
            SELECT * FROM cloudsync.operations
            WHERE document = d.number AND version BETWEEN r.first AND r.last ORDER BY version LIMIT 1000) o) o
        WHERE bytes <= $4
        ORDER BY place, version
        """;

    public const string ReadUnpacked = """
        SELECT version, client_id, client_seq, base_version, author, committed_at, operation
        FROM cloudsync.operations WHERE document = $1 AND version > $2 AND version <= $3 ORDER BY version LIMIT $4
        """;

    public const string FindSegment = """
        SELECT first_version, last_version, data FROM cloudsync.segments
        WHERE document = $1 AND last_version >= $2 ORDER BY last_version LIMIT 1
        """;

    public const string NewestSegments = """
        SELECT first_version, last_version, content FROM cloudsync.segments
        WHERE document = $1 ORDER BY last_version DESC LIMIT $2
        """;

    public const string FindVersion = """
        SELECT d.number, o.version
        FROM cloudsync.documents d
        LEFT JOIN LATERAL (
          SELECT version FROM cloudsync.operations WHERE document = d.number AND committed_at <= $2
          ORDER BY committed_at DESC, version DESC LIMIT 1) o ON true
        WHERE d.id = $1 AND d.deleted_at IS NULL
        """;

    public const string FindSegmentByTime = """
        SELECT first_version, last_version, data FROM cloudsync.segments
        WHERE document = $1 AND first_at <= $2 ORDER BY first_at DESC, last_version DESC LIMIT 1
        """;

    public const string FindSnapshot = """
        SELECT version, state FROM cloudsync.snapshots
        WHERE document = (SELECT number FROM cloudsync.documents WHERE id = $1 AND deleted_at IS NULL) AND version <= $2
        ORDER BY version DESC LIMIT 1
        """;

    public const string Links = """
        SELECT d.head, d.chain, l.version, l.chain
        FROM cloudsync.documents d
        CROSS JOIN LATERAL (
          (SELECT last_version AS version, chain FROM cloudsync.segments
           WHERE document = d.number AND last_version > $2 ORDER BY last_version LIMIT $3)
          UNION ALL
          (SELECT version, chain FROM cloudsync.operations
           WHERE document = d.number AND version > $2 ORDER BY version LIMIT $3)) l
        WHERE d.id = $1 AND d.deleted_at IS NULL
        LIMIT $3
        """;

    public const string RemoveFromOutbox = """
        DELETE FROM cloudsync.outbox o USING unnest($1, $2) AS r (shard, number)
        WHERE o.shard = r.shard AND o.number = r.number
        """;

    // Counted up to a limit: there, the statistics must do.
    public const string CountOutbox = """
        SELECT count(*) FROM (SELECT FROM cloudsync.outbox WHERE shard >= 0 ORDER BY shard, number LIMIT $1) o
        """;

    public const string EstimateOutbox =
        "SELECT reltuples::bigint FROM pg_class WHERE oid = 'cloudsync.outbox'::regclass";

    public const string OldestInOutbox = """
        SELECT min(o.committed_at) FROM generate_series(0, 15) AS s (shard)
        CROSS JOIN LATERAL (
          SELECT committed_at FROM cloudsync.outbox WHERE shard = s.shard ORDER BY number LIMIT 1) o
        """;

    // A commit that changes nothing: when it is acknowledged, everything that was committed before it is on the standby too.
    public const string Barrier = $"SELECT ({Life}), pg_logical_emit_message(true, 'cloudsync', ''), {HearWarnings}";

    public const string ServerLife = Life;

    public static async Task<string> ReadLifeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = connection.Command(ServerLife);
        return (string)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private const string Record = "id, type, title, head, created_at, created_by, changed_at";
}
