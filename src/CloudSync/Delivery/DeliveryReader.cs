// From a range of versions to the messages that carry it: reads the operations through the log, a bounded part at a time.

using System.Collections.Concurrent;
using CloudSync.Log;
using Microsoft.Extensions.Logging;

namespace CloudSync.Delivery;

/// <summary>What was made of the beginning of a range.</summary>
/// <param name="Message">The message; null if there is nothing to deliver up to there.</param>
/// <param name="Last">The last version that it is about.</param>
internal readonly record struct DeliveryPart(DeliveryMessage? Message, long Last);

/// <summary>Reads messages from the log. Thread-safe.</summary>
internal sealed class DeliveryReader(IOperationLog log, DeliveryMetrics metrics, ILogger<DeliveryReader> logger)
{
    /// <summary>Operations in one message at the most.</summary>
    public const int MessageOperationsMax = 1_000;

    /// <summary>Bytes of operations in one message at the most, unless a single one has more.</summary>
    public const int MessageBytesMax = 1 << 20;

    // Operations that are read at once for many messages: their bytes, and since small ones take more as JSON, their number.
    private const int ManyBytesMax = 8 << 20;
    private const int ManyOperationsMax = 20_000;

    private const int TypesMax = 10_000;

    // A document's type never changes.
    private readonly ConcurrentDictionary<string, string> _types = new(StringComparer.Ordinal);

    /// <summary>
    /// The messages for whole ranges, as far as they can be had with one question to the log; null where they can't:
    /// <see cref="ReadAsync"/> is for those.
    /// </summary>
    public async Task<DeliveryMessage?[]> ReadManyAsync(IReadOnlyList<VersionRange> ranges, CancellationToken cancellationToken)
    {
        var messages = new DeliveryMessage?[ranges.Count];
        var places = new List<int>();
        var operations = 0L;
        for (var i = 0; i < ranges.Count; i++)
        {
            var count = ranges[i].Last - ranges[i].First + 1;
            if (ranges[i].First < 1 || count is < 1 or > MessageOperationsMax || operations + count > ManyOperationsMax)
                continue;
            operations += count;
            places.Add(i);
        }

        IReadOnlyList<LoggedRange?> read;
        try
        {
            read = await log.ReadRangesAsync([.. places.Select(place => ranges[place])], ManyBytesMax, cancellationToken);
        }
        catch (Exception exception) when (exception is LogUnusableException or LogUnavailableException)
        {
            // One by one it will be seen which of them it is, or that it was only too much at once.
            return messages;
        }

        for (var i = 0; i < places.Count; i++)
        {
            var range = ranges[places[i]];
            if (read[i] is { } found && found.Operations.Count == range.Last - range.First + 1
                && found.Operations.Sum(static operation => (long)operation.Bytes.Length) <= MessageBytesMax)
                (messages[places[i]], _) = Write(range, found.DocumentType, [.. found.Operations], found.Link);
        }

        return messages;
    }

    /// <summary>
    /// The message that begins with a range, and may end before it. What was committed before its document was deleted is
    /// delivered too. What can't be read, though the log is in order otherwise, is set aside.
    /// </summary>
    /// <exception cref="LogUnusableException">The log is damaged, and not only the data of this document.</exception>
    public async Task<DeliveryPart> ReadAsync(VersionRange range, CancellationToken cancellationToken)
    {
        var reason = "there are no such versions";
        if (range.First >= 1 && range.Last >= range.First)
        {
            (var message, reason) = await TryReadAsync(
                range with { Last = range.First + Math.Min(range.Last - range.First, MessageOperationsMax - 1) }, cancellationToken);
            if (message is not null)
                return new(message, message.LastVersion);
        }

        // Should the log fail altogether, this fails too, and nothing is set aside.
        var record = await FindEvenIfDeletedAsync(range.DocumentId, cancellationToken);
        if (record is not null)
            return await ReadDamagedAsync(range, record, reason, cancellationToken);
        _types.TryRemove(range.DocumentId, out _);
        metrics.Skipped(Math.Max(0, range.Last - range.First + 1));
        logger.SkippedDeleted(range.DocumentId, range.First, range.Last);
        return new(null, range.Last);
    }

    /// <summary>What can be read before the damage; if it begins here, what can't is set aside.</summary>
    private async Task<DeliveryPart> ReadDamagedAsync(
        VersionRange range, DocumentRecord record, string reason, CancellationToken cancellationToken)
    {
        if (range.First < 1 || range.Last < range.First || range.First > record.Head)
        {
            // It was read from the server that the batch came from: behind one that took over, the head may be another.
            await ConfirmAsync(record, cancellationToken);
            record = await FindEvenIfDeletedAsync(range.DocumentId, cancellationToken) ?? record;
            if (range.First < 1 || range.Last < range.First || range.First > record.Head)
                return SetAside(range, $"there are no such versions, the newest is {record.Head}");
        }

        var most = Math.Min(Math.Min(range.Last, record.Head) - range.First, MessageOperationsMax - 1) + 1;
        for (var count = most; count > 0; count /= 2)
        {
            (var message, reason) = await TryReadAsync(range with { Last = range.First + count - 1 }, cancellationToken);
            if (message is not null)
                return new(message, message.LastVersion);
        }

        // How far the damage goes: it is told once, however many operations it takes.
        var last = range.First;
        while (last < range.First + most - 1
            && (await TryReadAsync(range with { First = last + 1, Last = last + 1 }, cancellationToken)).Message is null)
            last++;
        await ConfirmAsync(record, cancellationToken);
        return SetAside(range with { Last = last }, reason);
    }

    /// <summary>The message, or why the document's own data makes none.</summary>
    private async Task<(DeliveryMessage? Message, string Reason)> TryReadAsync(VersionRange range, CancellationToken cancellationToken)
    {
        LoggedOperation[] operations;
        string? type;
        AuditLink? link = null;
        try
        {
            operations = [.. await log.ReadHistoryAsync(
                range.DocumentId, range.First - 1, range.Last, MessageBytesMax, cancellationToken)];
            type = operations.Length == 0 ? null : await FindTypeAsync(range.DocumentId, cancellationToken);
            if (type is not null)
                link = await log.FindAuditLinkAsync(range.DocumentId, operations[^1].Version, cancellationToken);
        }
        catch (LogUnusableException exception) when (exception.DocumentId == range.DocumentId)
        {
            return (null, exception.Message.TrimEnd('.'));
        }

        return type is null
            ? (null, $"version {range.First} is missing")
            : Write(range, type, operations, link);
    }

    private static (DeliveryMessage? Message, string Reason) Write(
        VersionRange range, string type, LoggedOperation[] operations, AuditLink? link)
    {
        for (var i = 0; i < operations.Length; i++)
        {
            if (operations[i].Version != range.First + i)
                return (null, $"version {range.First + i} is missing");
        }

        try
        {
            return (DeliveryJson.ToMessage(range.DocumentId, type, operations, link), "");
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // Nothing but these bytes was looked at.
            return (null, $"an operation is malformed: {exception.Message.ReplaceLineEndings(" ").TrimEnd('.')}");
        }
    }

    private DeliveryPart SetAside(VersionRange range, string reason)
    {
        metrics.SetAside();
        logger.SetAside(range.DocumentId, range.First, range.Last, reason);
        return new(null, range.Last);
    }

    // Reads the head as one who joins would: only that is certain to come from the server that takes what is written now.
    private async Task ConfirmAsync(DocumentRecord record, CancellationToken cancellationToken)
    {
        try
        {
            await log.ReadAsync(record.Id, Math.Max(0, record.Head - 1), 1, 1, cancellationToken);
        }
        catch (LogUnusableException exception) when (exception.DocumentId == record.Id)
        {
        }
    }

    private async ValueTask<string?> FindTypeAsync(string documentId, CancellationToken cancellationToken)
    {
        if (_types.TryGetValue(documentId, out var type))
            return type;
        type = (await FindEvenIfDeletedAsync(documentId, cancellationToken))?.Type;
        if (type is null)
            return null;
        if (_types.Count >= TypesMax)
            _types.Clear();
        _types[documentId] = type;
        return type;
    }

    private async Task<DocumentRecord?> FindEvenIfDeletedAsync(string documentId, CancellationToken cancellationToken) =>
        documentId.Length == 0
            ? null
            : await log.FindAsync(documentId, cancellationToken) ?? (await log.FindDeletedAsync(documentId, cancellationToken))?.Record;
}
