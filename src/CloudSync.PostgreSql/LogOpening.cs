// Opens a database: looks before it writes. One that is newer than we are stays as it is.

using System.Diagnostics;
using CloudSync.Log;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudSync.PostgreSql;

internal static class LogOpening
{
    // "ClSy": whoever opens the same database at the same time waits for it.
    private const long MigrationLock = 0x436C5379;

    private const int ServerVersionMin = 15;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Checks the database, and creates or migrates the tables if need be. Waits a while for the server.</summary>
    /// <returns>The log's key.</returns>
    /// <exception cref="LogUnusableException">It can't be used, and trying again won't help.</exception>
    /// <exception cref="LogUnavailableException">Nobody answered for as long as it was tried.</exception>
    public static async Task<byte[]> OpenAsync(
        NpgsqlDataSource source, NpgsqlConnectionStringBuilder settings, PostgreSqlLogOptions options, ILogger logger,
        CancellationToken cancellationToken)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                var (version, key) = await MigrateAsync(source, logger, cancellationToken).ConfigureAwait(false);
                logger.Opened(settings.Database, settings.Host, settings.Port, version);
                return key;
            }
            catch (Exception exception) when (LogFailure.AtOpen(exception, settings) is { } failure)
            {
                if (failure is not LogUnavailableException)
                    throw failure;
                if (patience.Elapsed >= options.StartPatience)
                {
                    throw failure.Message.Contains(LogFailure.Setting, StringComparison.Ordinal)
                        ? failure
                        : new LogUnavailableException($"{failure.Message} Setting: {LogFailure.Setting}.", exception);
                }

                logger.NotYet(failure.Message);
                await Task.Delay(_pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static async Task<(int Version, byte[] Key)> MigrateAsync(NpgsqlDataSource source, ILogger logger, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        if (connection.PostgreSqlVersion.Major < ServerVersionMin)
        {
            throw LogFailure.Unusable(
                $"The PostgreSQL server has version {connection.PostgreSqlVersion}; CloudSync needs {ServerVersionMin} or newer", null);
        }

        if (await ScalarAsync<bool>(
            connection, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool", cancellationToken).ConfigureAwait(false))
            throw LogFailure.ReadOnly(null);
        var version = await ReadVersionAsync(connection, cancellationToken).ConfigureAwait(false);
        if (version < Schema.Migrations.Count)
        {
            // Autocommit settings, advisory locks of the session and the like don't pass PgBouncer; a transaction does.
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await RunAsync(connection, $"SELECT pg_advisory_xact_lock({MigrationLock})", cancellationToken).ConfigureAwait(false);
                version = await ReadVersionAsync(connection, cancellationToken).ConfigureAwait(false);
                if (version < Schema.Migrations.Count)
                    await MigrateAsync(connection, version, logger, cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }

            version = Math.Max(version, Schema.Migrations.Count);
        }

        if (version > Schema.Migrations.Count)
        {
            throw new LogUnusableException(
                $"The PostgreSQL database '{connection.Database}' was written by a newer CloudSync (schema {version}; this one knows "
                + $"{Schema.Migrations.Count}). Run that version or a newer one, or choose another database. Setting: {LogFailure.Setting}.");
        }

        // A role that may not write is found out now.
        await RunAsync(
            connection,
            "UPDATE cloudsync.documents SET head = head WHERE id = ''; DELETE FROM cloudsync.operations WHERE document = -1; "
            + "DELETE FROM cloudsync.segments WHERE document = -1; DELETE FROM cloudsync.snapshots WHERE document = -1; "
            + "DELETE FROM cloudsync.outbox WHERE shard = -1",
            cancellationToken).ConfigureAwait(false);
        return (version, await ScalarAsync<byte[]>(connection, "SELECT key FROM cloudsync.log_key", cancellationToken).ConfigureAwait(false));
    }

    private static async Task MigrateAsync(
        NpgsqlConnection connection, int version, ILogger logger, CancellationToken cancellationToken)
    {
        if (version == 0)
        {
            await RunAsync(
                connection,
                "CREATE SCHEMA IF NOT EXISTS cloudsync; CREATE TABLE cloudsync.schema_version (version integer NOT NULL); "
                + "INSERT INTO cloudsync.schema_version VALUES (0)",
                cancellationToken).ConfigureAwait(false);
        }

        for (var i = version; i < Schema.Migrations.Count; i++)
            await RunAsync(connection, Schema.Migrations[i], cancellationToken).ConfigureAwait(false);
        await RunAsync(
            connection, $"UPDATE cloudsync.schema_version SET version = {Schema.Migrations.Count}", cancellationToken).ConfigureAwait(false);
        logger.Migrated(version, Schema.Migrations.Count);
    }

    private static async Task<int> ReadVersionAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await ScalarAsync<bool>(
            connection,
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = 'cloudsync' AND tablename = 'schema_version')",
            cancellationToken).ConfigureAwait(false)
            ? await ScalarAsync<int>(connection, "SELECT version FROM cloudsync.schema_version", cancellationToken).ConfigureAwait(false)
            : 0;

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
