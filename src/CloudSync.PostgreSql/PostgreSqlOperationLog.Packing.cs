// Packing: what a step takes, read in one snapshot of the database, and how it is put there.

using System.Data;
using CloudSync.Log;
using Npgsql;

namespace CloudSync.PostgreSql;

internal sealed partial class PostgreSqlOperationLog
{
    public async Task<PackResult> PackAsync(
        string documentId, long throughVersion, int minOperations, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(throughVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(minOperations, 1);
        var (step, packedThrough) = await _primary.ReadAsync(
            (connection, stop) => PlanAsync(connection, documentId, throughVersion, minOperations, stop),
            cancellationToken).ConfigureAwait(false);
        if (step is null)
            return new PackResult(0, packedThrough, 0);
        try
        {
            // Neither a connection nor a transaction is held meanwhile.
            await Task.Run(step.Encode, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            throw LogFailure.Corrupt(exception, exception.Message, documentId);
        }

        var removed = await _primary.WriteAsync(
            async connection =>
            {
                await using var command = connection.Command(
                    Sql.Pack, step.Document, step.PackedThrough,
                    step.Replaced.Select(replaced => replaced.Row.FirstVersion).ToArray(),
                    step.Replaced.Select(replaced => replaced.Row.LastVersion).ToArray(),
                    step.Replaced.Select(replaced => replaced.Row.Content).ToArray(),
                    step.Rows, step.FirstVersion, step.LastVersion, PostgreSqlTime.ToMicroseconds(step.FirstAt), step.Content,
                    step.Data);
                command.CommandTimeout = 0;
                return (int)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
            },
            cancellationToken).ConfigureAwait(false);
        return removed < 0
            ? new PackResult(0, packedThrough, 0)
            : new PackResult(step.Rows, step.LastVersion, removed);
    }

    private static async Task<(PackStep? Step, long PackedThrough)> PlanAsync(
        NpgsqlConnection connection, string documentId, long throughVersion, int minOperations,
        CancellationToken cancellationToken)
    {
        var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            long document;
            await using (var command = connection.Command(Sql.Head, documentId, false))
            {
                await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                    return (null, 0);
                document = reader.GetInt64(0);
                throughVersion = Math.Min(throughVersion, reader.GetInt64(1));
            }

            var newest = await ReadNewestSegmentsAsync(connection, document, cancellationToken).ConfigureAwait(false);
            var packed = newest.Count == 0 ? 0 : newest[0].LastVersion;
            if (throughVersion - packed < minOperations)
                return (null, packed);
            var (rows, content) = await ReadUnpackedAsync(
                connection, documentId, document, packed, throughVersion, cancellationToken).ConfigureAwait(false);
            var joined = new List<(SegmentRow, byte[])>();
            long operations = rows.Count;
            foreach (var segment in newest)
            {
                if (!PackStep.Joins(segment, operations, content))
                    break;
                var found = await OperationReader.FindSegmentAsync(
                    connection, Sql.FindSegment, document, segment.LastVersion, cancellationToken).ConfigureAwait(false);
                joined.Add((segment, found?.Data ?? throw OperationReader.Missing(documentId, segment.LastVersion)));
                operations += segment.Operations;
                content += segment.Content;
            }

            return (new PackStep(documentId, document, rows, joined), packed);
        }
    }

    private static async Task<List<SegmentRow>> ReadNewestSegmentsAsync(
        NpgsqlConnection connection, long document, CancellationToken cancellationToken)
    {
        await using var command = connection.Command(Sql.NewestSegments, document, (long)PackStep.SegmentsMax);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var segments = new List<SegmentRow>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            segments.Add(new SegmentRow(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2)));
        return segments;
    }

    private static async Task<(List<LoggedOperation> Rows, long Content)> ReadUnpackedAsync(
        NpgsqlConnection connection, string documentId, long document, long afterVersion, long throughVersion,
        CancellationToken cancellationToken)
    {
        var operations = new List<LoggedOperation>();
        var author = "";
        long content = 0;
        await using var command = connection.Command(
            Sql.ReadUnpacked, document, afterVersion, throughVersion, (long)PackStep.RowsMax);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var operation = OperationReader.ReadOperation(reader, ref author);
            if (operation.Version != afterVersion + operations.Count + 1)
                break;
            var more = HistorySegment.Measure(operation);
            if (content + more > HistorySegment.BytesMax && operations.Count > 0)
                return (operations, content);
            content += more;
            operations.Add(operation);
        }

        if (operations.Count < Math.Min(throughVersion - afterVersion, PackStep.RowsMax))
            throw OperationReader.Missing(documentId, afterVersion + operations.Count + 1);
        return (operations, content);
    }
}
