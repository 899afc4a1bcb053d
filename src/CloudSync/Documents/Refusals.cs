// Every refusal that the document layer can give, with its words in one place.

using System.Globalization;
using CloudSync.Operations;
using CloudSync.Protocol.V1;

namespace CloudSync.Documents;

internal static class Refusals
{
    public static Refusal DocumentNotFound(string documentId) => new(
        ErrorCode.DocumentNotFound, $"There is no document '{documentId}'. Create it first.");

    public static Refusal InvalidDocumentId { get; } = new(
        ErrorCode.InvalidDocumentId, "A document id has 1 to 64 characters of A–Z, a–z, 0–9, '-' and '_'.");

    public static Refusal DocumentUnreadable(string documentId) => new(
        ErrorCode.DocumentUnreadable,
        $"Document '{documentId}' can't be rebuilt from the log. The server's log says why; an operator has to look at it.");

    public static Refusal TooManyOpenDocuments(int limit) => new(
        ErrorCode.TooManyDocuments, Invariant($"This server has {limit:N0} documents open, which is all it may have."),
        Retry.Later, TimeSpan.FromSeconds(5), nameof(CloudSyncLimits.OpenDocuments), limit);

    public static Refusal TooManySessions(int limit) => new(
        ErrorCode.TooManyConnections, Invariant($"This document has {limit:N0} sessions here, which is all it may have."),
        Retry.Later, TimeSpan.FromSeconds(5), nameof(CloudSyncLimits.SessionsPerDocument), limit);

    public static Refusal VersionUnknown(long version, long head) => new(
        ErrorCode.VersionUnknown,
        Invariant($"Version {version} does not exist: the document is at version {head}."));

    public static Refusal VersionRequired { get; } = new(
        ErrorCode.VersionUnknown,
        "An edit that names its client must name its base version too: only so can it be found again when it is resent.");

    public static Refusal OperationTooLarge(int length, int limit) => new(
        ErrorCode.OperationTooLarge, Invariant($"The operation has {length:N0} bytes; at most {limit:N0} are allowed."),
        Limit: nameof(CloudSyncLimits.OperationBytes), LimitValue: limit);

    public static Refusal DocumentTooLarge(long length, int limit) => new(
        ErrorCode.DocumentTooLarge,
        Invariant($"The document would become {length:N0} UTF-16 code units long; at most {limit:N0} are allowed."),
        Limit: nameof(CloudSyncLimits.DocumentLength), LimitValue: limit);

    public static Refusal DocumentTooLargeInBytes(int limit) => new(
        ErrorCode.DocumentTooLarge,
        Invariant($"The document's text, attributes and embeds would have more than the {limit:N0} bytes that are allowed."),
        Limit: nameof(CloudSyncLimits.DocumentBytes), LimitValue: limit);

    public static Refusal SequenceInvalid { get; } = new(
        ErrorCode.SequenceOutOfOrder, "A client numbers its operations on a document from 1.");

    public static Refusal SequenceOutOfOrder(ulong submitted, ulong committed) => new(
        ErrorCode.SequenceOutOfOrder,
        Invariant($"Operation {submitted} was made without knowing this client's operation {committed}, which is committed already. Have one operation in flight, and number them upwards."),
        Retry.Reopen);

    public static Refusal TooManyPendingOfSession(int limit) => new(
        ErrorCode.TooManyPending,
        Invariant($"This session has {limit:N0} operations waiting. Send the next when one is acknowledged."),
        Retry.Later, TimeSpan.FromSeconds(1), nameof(CloudSyncLimits.PendingPerSession), limit);

    public static Refusal TooManyPendingOfDocument(int limit) => new(
        ErrorCode.TooManyPending, Invariant($"This document has {limit:N0} operations waiting to be committed."),
        Retry.Later, TimeSpan.FromSeconds(1), nameof(CloudSyncLimits.PendingPerDocument), limit);

    public static Refusal TooManyPendingBytesOfDocument(int limit) => new(
        ErrorCode.TooManyPending,
        Invariant($"The operations of this document that wait to be committed have together {limit:N0} bytes, which is all they may have."),
        Retry.Later, TimeSpan.FromSeconds(1), nameof(CloudSyncLimits.PendingBytesPerDocument), limit);

    public static Refusal LogUnavailable { get; } = new(
        ErrorCode.LogUnavailable, "The log can't be reached just now, so it is not known whether this was written. Send it again under the same client id and sequence: it is applied once.",
        Retry.Later, TimeSpan.FromSeconds(1));

    public static Refusal LogDamaged { get; } = new(
        ErrorCode.DocumentUnreadable, "The log is damaged. An operator has to look at it.");

    public static Refusal ShuttingDown { get; } = new(
        ErrorCode.ShuttingDown, "This server is shutting down. Connect again.", Retry.Later, TimeSpan.FromSeconds(1));

    public static Refusal Reopen { get; } = new(
        ErrorCode.Internal, "The document was closed by the server. Open it again from the version you have.",
        Retry.Reopen);

    public static Refusal PresenceTooLarge(int length, int limit) => new(
        ErrorCode.PresenceTooLarge, Invariant($"The presence state has {length:N0} bytes; at most {limit:N0} are allowed."),
        Limit: nameof(CloudSyncLimits.PresenceBytes), LimitValue: limit);

    public static Refusal PresenceInvalid(string why) => new(ErrorCode.PresenceInvalid, why);

    public static Refusal TitleInvalid { get; } = new(
        ErrorCode.OperationMalformed, "A title has at most 200 characters, none of code 0.");

    public static Refusal UnknownType(string type) => new(
        ErrorCode.OperationNotAllowedByType, $"There is no document type '{type}'. There are 'rich-text', 'text' and 'json'.");

    public static Refusal OperationRefused(OperationException exception)
    {
        var (code, limit, limitValue) = exception.Error switch
        {
            OperationError.OutOfRange => (ErrorCode.OperationOutOfRange, "", 0),
            OperationError.SplitsSurrogatePair => (ErrorCode.OperationSplitsSurrogatePair, "", 0),
            OperationError.NotAllowedByType => (ErrorCode.OperationNotAllowedByType, "", 0),
            OperationError.DoesNotFit => (ErrorCode.OperationDoesNotFit, "", 0),
            OperationError.TooDeep => (ErrorCode.OperationTooDeep, nameof(JsonLimits.MaxDepth), JsonLimits.MaxDepth),
            OperationError.TooManyComponents => (
                ErrorCode.OperationTooManyComponents, nameof(JsonLimits.MaxComponents), JsonLimits.MaxComponents),
            OperationError.TooMuchWork => (
                ErrorCode.OperationTooMuchWork, nameof(JsonLimits.MaxPairs), JsonLimits.MaxPairs),
            _ => (ErrorCode.OperationMalformed, "", 0),
        };
        return limit.Length > 0
            ? new(code, exception.Message, Limit: limit, LimitValue: limitValue)
            : new(code, exception.Message);
    }

    public static Refusal TooMuchWork(int components, long committed) => new(
        ErrorCode.OperationTooMuchWork,
        Invariant($"The operation has {components:N0} components, and those committed since its base have {committed:N0}: transforming looks at every pair, and at most {JsonLimits.MaxPairsOfSubmission:N0} are allowed. Catch up, and send smaller operations."),
        Limit: nameof(JsonLimits.MaxPairsOfSubmission), LimitValue: JsonLimits.MaxPairsOfSubmission);

    public static Refusal NoPositions(string type) => PresenceInvalid(
        $"A document of type '{type}' has no positions: leave the selection out, and say in the state where you are.");

    public static Refusal NoAuthors(string type) => new(
        ErrorCode.OperationNotAllowedByType,
        $"A document of type '{type}' has no positions, so nothing can be said of who wrote at one. Its operations tell each edit's author.");

    public static Refusal RangeUnknown(int from, int to, int length) => new(
        ErrorCode.OperationOutOfRange,
        Invariant($"From {from:N0} to {to:N0} is no stretch of a document that is {length:N0} UTF-16 code units long."));

    public static Refusal OperationPastTheEnd(int required, int length) => new(
        ErrorCode.OperationOutOfRange,
        Invariant($"The operation reaches to {required:N0}, but the document is {length:N0} UTF-16 code units long at its base version."));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
