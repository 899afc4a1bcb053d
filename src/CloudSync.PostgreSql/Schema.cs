// The tables and functions, and how a database comes to have them. docs/log.md describes them.

namespace CloudSync.PostgreSql;

internal static class Schema
{
    /// <summary>
    /// Migrations in order: the first makes version 1 out of an empty database, and so on. One that was released is never
    /// changed; a further one is added.
    /// </summary>
    public static IReadOnlyList<string> Migrations { get; } = [Tables + Append + Pack + Claim, LogKey];

    /// <summary>Documents are spread over so many shards of the outbox; each is claimed by one at a time.</summary>
    public const int OutboxShards = 16;

    /// <summary>So many of them are taken by one claim at the most.</summary>
    public const int ShardsPerClaim = 4;

    // Operations and segments refer to a document by its number. There are no foreign keys: the functions below write rows
    // for documents only that they have locked, and a check for each row would cost as much as the row.
    //
    // Every append changes each document's row. That is done in place, without touching an index, only as long as no column
    // changes that an index has, and the page has room. So the list goes by changed_span, the span of four seconds that
    // changed_at is in, and a page is half empty at first.
    private const string Tables = """
        CREATE TABLE cloudsync.documents (
          id         text   COLLATE "C" PRIMARY KEY,
          number     bigint GENERATED ALWAYS AS IDENTITY,
          head       bigint NOT NULL DEFAULT 0 CHECK (head >= 0),
          created_at bigint NOT NULL,
          changed_at bigint NOT NULL,
          changed_span bigint NOT NULL GENERATED ALWAYS AS (changed_at >> 22) STORED,
          deleted_at bigint,
          chain      bytea  NOT NULL CHECK (octet_length(chain) = 32),
          type       text   NOT NULL,
          title      text   NOT NULL,
          created_by text   NOT NULL
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000);

        CREATE INDEX documents_by_change ON cloudsync.documents (changed_span, id) WHERE deleted_at IS NULL;

        CREATE INDEX documents_deleted ON cloudsync.documents (id) WHERE deleted_at IS NOT NULL;

        CREATE TABLE cloudsync.operations (
          document     bigint NOT NULL,
          version      bigint NOT NULL,
          client_id    bigint NOT NULL,
          client_seq   bigint NOT NULL,
          base_version bigint NOT NULL,
          committed_at bigint NOT NULL,
          author       text   NOT NULL,
          operation    bytea  NOT NULL,
          chain        bytea  NOT NULL,
          PRIMARY KEY (document, version)
        );

        CREATE INDEX operations_by_time ON cloudsync.operations (document, committed_at, version);

        CREATE TABLE cloudsync.segments (
          document      bigint NOT NULL,
          last_version  bigint NOT NULL,
          first_version bigint NOT NULL CHECK (first_version BETWEEN 1 AND last_version),
          first_at      bigint NOT NULL,
          content       bigint NOT NULL,
          chain         bytea  NOT NULL,
          data          bytea  NOT NULL,
          PRIMARY KEY (document, last_version)
        );

        ALTER TABLE cloudsync.segments ALTER COLUMN data SET STORAGE EXTERNAL;

        CREATE INDEX segments_by_time ON cloudsync.segments (document, first_at, last_version);

        CREATE TABLE cloudsync.snapshots (
          document bigint NOT NULL,
          version  bigint NOT NULL,
          state    bytea  NOT NULL,
          PRIMARY KEY (document, version)
        );

        CREATE TABLE cloudsync.outbox (
          shard         smallint NOT NULL,
          number        bigint   GENERATED ALWAYS AS IDENTITY,
          document_id   text     COLLATE "C" NOT NULL,
          first_version bigint   NOT NULL,
          count         integer  NOT NULL,
          committed_at  bigint   NOT NULL,
          PRIMARY KEY (shard, number)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

        """;

    // IOperationLog.Key. Each of the two has 122 random bits.
    private const string LogKey = """
        CREATE TABLE cloudsync.log_key (key bytea NOT NULL CHECK (octet_length(key) = 32));
        INSERT INTO cloudsync.log_key VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
        """;

    // The append: one statement for the client, a few in here, whose plans the server keeps; that works through PgBouncer
    // too. Rows are locked in the order of the ids, so that two appends can't wait for each other. With the locks held and
    // the heads compared, times are raised and the audit chain is computed: for all documents at once where each has one
    // operation, as when many people type; else operation by operation.
    //
    // places: which of the documents are there, counted from 1; heads: their heads before; appended: whether they were
    // appended to.
    private const string Append = """
        CREATE FUNCTION cloudsync.append(
          ids text[], expected bigint[], counts integer[],
          client_ids bigint[], client_seqs bigint[], base_versions bigint[], times bigint[], authors text[],
          operations bytea[], digests bytea, keep_outbox boolean,
          OUT places bigint[], OUT heads bigint[], OUT appended boolean[])
        LANGUAGE plpgsql
        SET lock_timeout = '5s'
        SET plan_cache_mode = force_generic_plan
        SET enable_seqscan = off
        SET enable_hashjoin = off
        SET enable_mergejoin = off
        SET enable_bitmapscan = off
        AS $$
        DECLARE
          -- As variables of our own, any element of which is found at once.
          all_authors    text[]     := authors;
          all_operations bytea[]    := operations;
          rows           tid[];
          numbers        bigint[];
          raised         bigint[];
          links          bytea[];
          starts         integer[];
          op_places      integer[];
          op_versions    bigint[];
          op_raised      bigint[];
          op_links       bytea[];
          start          integer := 1;
          link           bytea;
          at             bigint;
        BEGIN
          -- Deleted ones are left out only once they are locked: with a condition, an index that has it could be preferred to
          -- the key, as long as there are no statistics.
          SELECT array_agg(f.place) FILTER (WHERE f.is_there), array_agg(f.row) FILTER (WHERE f.is_there),
            array_agg(f.number) FILTER (WHERE f.is_there), array_agg(f.head) FILTER (WHERE f.is_there),
            array_agg(f.head = expected[f.place]) FILTER (WHERE f.is_there), array_agg(f.at) FILTER (WHERE f.is_there),
            array_agg(
              CASE WHEN cardinality(ids) = cardinality(times)
                THEN sha256(f.chain || substr(digests, (f.place::integer - 1) * 32 + 1, 32) || int8send(f.at))
                ELSE f.chain
              END) FILTER (WHERE f.is_there)
          INTO places, rows, numbers, heads, appended, raised, links
          FROM (
            SELECT g.place, d.ctid AS row, d.number, d.head, d.chain, d.deleted_at IS NULL AS is_there,
              CASE WHEN cardinality(ids) = cardinality(times) THEN greatest(d.changed_at, times[g.place]) ELSE d.changed_at END AS at
            FROM unnest(ids) WITH ORDINALITY AS g (id, place)
            JOIN cloudsync.documents d ON d.id = g.id
            ORDER BY d.id
            FOR NO KEY UPDATE OF d) f;
          IF places IS NULL OR NOT true = ANY (appended) THEN
            RETURN;
          END IF;
          IF cardinality(ids) = cardinality(times) THEN
            INSERT INTO cloudsync.operations
              (document, version, client_id, client_seq, base_version, committed_at, author, operation, chain)
            SELECT o.number, o.head + 1, client_ids[o.place], client_seqs[o.place], base_versions[o.place], o.at,
              all_authors[o.place], all_operations[o.place], o.link
            FROM ROWS FROM (
              unnest(places), unnest(numbers), unnest(heads), unnest(appended), unnest(raised), unnest(links))
              AS o (place, number, head, appended, at, link)
            WHERE o.appended;
          ELSE
            FOR i IN 1 .. cardinality(ids) LOOP
              starts[i] := start;
              start := start + counts[i];
            END LOOP;
            op_places := array_fill(NULL::integer, ARRAY[cardinality(times)]);
            op_versions := array_fill(NULL::bigint, ARRAY[cardinality(times)]);
            op_raised := op_versions;
            op_links := array_fill(NULL::bytea, ARRAY[cardinality(times)]);
            FOR place IN 1 .. cardinality(places) LOOP
              CONTINUE WHEN NOT appended[place];
              start := starts[places[place]];
              at := raised[place];
              link := links[place];
              FOR i IN start .. start + counts[places[place]] - 1 LOOP
                at := greatest(at, times[i]);
                link := sha256(link || substr(digests, (i - 1) * 32 + 1, 32) || int8send(at));
                op_places[i] := place;
                op_versions[i] := heads[place] + 1 + i - start;
                op_raised[i] := at;
                op_links[i] := link;
              END LOOP;
              raised[place] := at;
              links[place] := link;
            END LOOP;
            INSERT INTO cloudsync.operations
              (document, version, client_id, client_seq, base_version, committed_at, author, operation, chain)
            SELECT numbers[o.place], o.version, o.client_id, o.client_seq, o.base_version, o.at, o.author, o.operation, o.link
            FROM ROWS FROM (
              unnest(op_places), unnest(op_versions), unnest(client_ids), unnest(client_seqs), unnest(base_versions),
              unnest(op_raised), unnest(authors), unnest(operations), unnest(op_links))
              AS o (place, version, client_id, client_seq, base_version, at, author, operation, link)
            WHERE o.place IS NOT NULL;
          END IF;
          UPDATE cloudsync.documents d SET head = c.head + counts[c.place], changed_at = c.at, chain = c.link
          FROM ROWS FROM (
            unnest(places), unnest(rows), unnest(heads), unnest(appended), unnest(raised), unnest(links))
            AS c (place, row, head, appended, at, link)
          WHERE c.appended AND d.ctid = c.row;
          IF keep_outbox THEN
            INSERT INTO cloudsync.outbox (shard, document_id, first_version, count, committed_at)
            SELECT c.number % 16, ids[c.place], c.head + 1, counts[c.place], c.at
            FROM ROWS FROM (unnest(places), unnest(numbers), unnest(heads), unnest(appended), unnest(raised))
              AS c (place, number, head, appended, at)
            WHERE c.appended;
          END IF;
        END
        $$;

        """;

    // One step of packing: the new segment in place of the rows and of the segments that it joins. Several may come with the
    // same step; the lock is for one of them. -1: another has packed meanwhile, and nothing was changed. Otherwise how many
    // snapshots were removed: of those within the new segment all but the newest, and never the two newest of all.
    private const string Pack = """
        CREATE FUNCTION cloudsync.pack(
          packed_document bigint, packed_through bigint,
          replaced_firsts bigint[], replaced_lasts bigint[], replaced_contents bigint[], rows integer,
          new_first bigint, new_last bigint, new_first_at bigint, new_content bigint, new_data bytea)
        RETURNS integer
        LANGUAGE plpgsql
        SET lock_timeout = '5s'
        SET enable_seqscan = off
        AS $$
        DECLARE
          found_firsts   bigint[];
          found_lasts    bigint[];
          found_contents bigint[];
          link           bytea;
          removed        integer;
        BEGIN
          PERFORM pg_advisory_xact_lock(4858666900700004352 + packed_document);
          SELECT array_agg(first_version ORDER BY last_version DESC), array_agg(last_version ORDER BY last_version DESC),
            array_agg(content ORDER BY last_version DESC)
          INTO found_firsts, found_lasts, found_contents
          FROM (
            SELECT first_version, last_version, content FROM cloudsync.segments
            WHERE document = packed_document ORDER BY last_version DESC LIMIT greatest(1, cardinality(replaced_lasts))) s;
          IF coalesce(found_lasts[1], 0) <> packed_through
            OR cardinality(replaced_lasts) > 0
              AND (found_firsts, found_lasts, found_contents) IS DISTINCT FROM (replaced_firsts, replaced_lasts, replaced_contents)
          THEN
            RETURN -1;
          END IF;
          SELECT chain INTO STRICT link FROM cloudsync.operations WHERE document = packed_document AND version = new_last;
          IF cardinality(replaced_lasts) > 0 THEN
            DELETE FROM cloudsync.segments
            WHERE document = packed_document AND last_version BETWEEN new_first AND packed_through;
            GET DIAGNOSTICS removed = ROW_COUNT;
            IF removed <> cardinality(replaced_lasts) THEN
              RAISE EXCEPTION USING ERRCODE = 'data_corrupted',
                MESSAGE = format('segments of document %s vanished under a lock at version %s', packed_document, new_first);
            END IF;
          END IF;
          INSERT INTO cloudsync.segments (document, last_version, first_version, first_at, content, chain, data)
          VALUES (packed_document, new_last, new_first, new_first_at, new_content, link, new_data);
          DELETE FROM cloudsync.operations
          WHERE document = packed_document AND version > packed_through AND version <= new_last;
          GET DIAGNOSTICS removed = ROW_COUNT;
          IF removed <> rows THEN
            RAISE EXCEPTION USING ERRCODE = 'data_corrupted',
              MESSAGE = format('operations of document %s vanished under a lock before version %s', packed_document, new_last);
          END IF;
          DELETE FROM cloudsync.snapshots
          WHERE document = packed_document AND version >= new_first
            AND version < (
              SELECT version FROM cloudsync.snapshots
              WHERE document = packed_document AND version <= new_last ORDER BY version DESC LIMIT 1)
            AND version < (
              SELECT version FROM cloudsync.snapshots
              WHERE document = packed_document ORDER BY version DESC OFFSET 1 LIMIT 1);
          GET DIAGNOSTICS removed = ROW_COUNT;
          RETURN removed;
        END
        $$;

        """;

    // Claims shards of the outbox, for as long as the transaction lasts, and returns their oldest batches. Each statement of
    // a function sees what was committed when it began: with the lock held, nothing is read that the one who had it before
    // has removed.
    private const string Claim = """
        CREATE FUNCTION cloudsync.claim(max_batches integer, first_shard integer)
        RETURNS TABLE (shard smallint, number bigint, document_id text, first_version bigint, count integer)
        LANGUAGE plpgsql
        SET enable_seqscan = off
        AS $$
        DECLARE
          at_shard smallint;
          batches  integer;
          shards   integer := 0;
        BEGIN
          FOR i IN 0 .. 15 LOOP
            at_shard := (first_shard + i) % 16;
            IF EXISTS (SELECT FROM cloudsync.outbox o WHERE o.shard = at_shard)
              AND pg_try_advisory_xact_lock(1131180921, at_shard)
            THEN
              RETURN QUERY
                SELECT o.shard, o.number, o.document_id, o.first_version, o.count
                FROM cloudsync.outbox o WHERE o.shard = at_shard ORDER BY o.number LIMIT max_batches;
              GET DIAGNOSTICS batches = ROW_COUNT;
              max_batches := max_batches - batches;
              shards := shards + CASE WHEN batches > 0 THEN 1 ELSE 0 END;
              EXIT WHEN max_batches = 0 OR shards = 4;
            END IF;
          END LOOP;
        END
        $$;

        """;
}
