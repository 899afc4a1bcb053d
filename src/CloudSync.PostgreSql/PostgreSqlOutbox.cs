// The outbox: written by appends, claimed shard by shard. A claim is a transaction that holds the shards' locks: it ends
// with its process, its connection, or its machine.

using CloudSync.Log;
using Npgsql;

namespace CloudSync.PostgreSql;

internal sealed class PostgreSqlOutbox(Primary primary, PostgreSqlMetrics metrics)
{
    private const long CountedMax = 100_000;

    private int _claims = Random.Shared.Next(Schema.OutboxShards);

    public async Task<IOutboxClaim?> ClaimAsync(int maxBatches, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBatches, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxBatches, 10_000);
        // Each claim begins where the one before ended at the earliest, so that every shard has its turn within four.
        var firstShard = (int)((uint)Interlocked.Add(ref _claims, Schema.ShardsPerClaim) % Schema.OutboxShards);
        for (var again = false; ; again = true)
        {
            NpgsqlConnection? connection = null;
            // Nothing is delivered that could still be undone by a failover.
            await primary.ConfirmAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                connection = await primary.OpenAsync(cancellationToken).ConfigureAwait(false);
                var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                var claim = new Claim(connection, transaction, metrics);
                await claim.ReadAsync(maxBatches, firstShard, cancellationToken).ConfigureAwait(false);
                if (claim.Batches.Count == 0)
                {
                    await claim.DisposeAsync().ConfigureAwait(false);
                    return null;
                }

                if (primary.Saw(await Sql.ReadLifeAsync(connection, cancellationToken).ConfigureAwait(false)))
                    return claim;
                await claim.DisposeAsync().ConfigureAwait(false);
                if (again)
                    throw new LogUnavailableException("The PostgreSQL log can't be read just now: its server keeps being started anew.");
            }
            catch (Exception exception)
            {
                if (connection is not null)
                    await connection.DisposeAsync().ConfigureAwait(false);
                if (!again && LogFailure.IsConnection(exception) && !cancellationToken.IsCancellationRequested)
                {
                    metrics.Retried("connection");
                    continue;
                }

                metrics.Failed("claim");
                if (LogFailure.InUse(exception) is { } failure)
                    throw failure;
                throw;
            }
        }
    }

    public Task<OutboxDepth> MeasureAsync(CancellationToken cancellationToken) => primary.ReadAsync(
        async (connection, stop) =>
        {
            await using var oldestCommand = connection.Command(Sql.OldestInOutbox);
            if (await oldestCommand.ExecuteScalarAsync(stop).ConfigureAwait(false) is not long oldest)
                return default;
            await using var countCommand = connection.Command(Sql.CountOutbox, CountedMax + 1);
            var count = (long)(await countCommand.ExecuteScalarAsync(stop).ConfigureAwait(false))!;
            if (count > CountedMax)
            {
                await using var estimateCommand = connection.Command(Sql.EstimateOutbox);
                count = Math.Max(count, (long)(await estimateCommand.ExecuteScalarAsync(stop).ConfigureAwait(false))!);
            }

            // Taken in between by a relay.
            return count == 0 ? default : new OutboxDepth(count, PostgreSqlTime.FromMicroseconds(oldest));
        },
        cancellationToken);

    private sealed class Claim(NpgsqlConnection connection, NpgsqlTransaction transaction, PostgreSqlMetrics metrics) : IOutboxClaim
    {
        private readonly List<OutboxBatch> _batches = [];
        private readonly List<short> _shards = [];
        private readonly List<long> _numbers = [];

        public IReadOnlyList<OutboxBatch> Batches => _batches;

        public async Task ReadAsync(int maxBatches, int firstShard, CancellationToken cancellationToken)
        {
            await using var command = connection.Command(Sql.Claim, maxBatches, firstShard);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                _shards.Add(reader.GetInt16(0));
                _numbers.Add(reader.GetInt64(1));
                _batches.Add(new OutboxBatch(reader.GetString(2), reader.GetInt64(3), reader.GetInt32(4)));
            }
        }

        public async Task CompleteAsync(CancellationToken cancellationToken)
        {
            try
            {
                await using var batch = new NpgsqlBatch(connection, transaction);
                // Not waited for until it is on disk: what is lost of it is delivered once more, which is allowed.
                batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL synchronous_commit = off"));
                var remove = new NpgsqlBatchCommand(Sql.RemoveFromOutbox);
                remove.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = [.. _shards] });
                remove.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. _numbers] });
                batch.BatchCommands.Add(remove);
                await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (LogFailure.InUse(exception) is { } failure)
            {
                metrics.Failed("complete");
                throw failure;
            }
        }

        public async ValueTask DisposeAsync()
        {
            try
            {
                await transaction.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception exception) when (LogFailure.InUse(exception) is not null)
            {
                // The claim ended with the connection.
            }

            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
