// The messages that documents send, each encoded as a chunk of a ServerFrame: field 1, which is repeated, so that
// chunks laid one after the other are a frame.

using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Documents;

internal static class ServerChunks
{
    public static byte[] Committed(string documentId, long baseVersion, ReadOnlySpan<MeasuredOperation> operations)
    {
        var committed = CommittedMessage(documentId, baseVersion, operations);
        return Encode(new ServerMessage { Committed = committed });
    }

    public static Committed CommittedMessage(
        string documentId, long baseVersion, ReadOnlySpan<MeasuredOperation> operations)
    {
        var committed = new Committed { DocumentId = documentId, BaseVersion = (ulong)baseVersion };
        committed.Operations.Capacity = operations.Length;
        foreach (ref readonly var operation in operations)
        {
            committed.Operations.Add(new Protocol.V1.CommittedOperation
            {
                ClientId = operation.Logged.ClientId,
                ClientSeq = operation.Logged.ClientSequence,
                Operation = UnsafeByteOperations.UnsafeWrap(operation.Logged.Bytes),
            });
        }

        return committed;
    }

    public static byte[] Refused(string documentId, ulong clientSequence, Refusal refusal) => Encode(new ServerMessage
    {
        Error = new Error
        {
            Code = refusal.Code,
            Message = refusal.Message,
            DocumentId = documentId,
            ClientSeq = clientSequence,
            Retry = refusal.Retry,
            RetryAfterMs = (uint)refusal.RetryAfter.TotalMilliseconds,
            Limit = refusal.Limit ?? "",
            LimitValue = (ulong)refusal.LimitValue,
        },
    });

    public static byte[] Ack(string documentId, ulong clientSequence, long version) => Encode(new ServerMessage
    {
        Ack = new Ack { DocumentId = documentId, ClientSeq = clientSequence, Version = (ulong)version },
    });

    public static byte[] Closed(string documentId, ClosedReason reason, string message) => Encode(new ServerMessage
    {
        Closed = new Closed { DocumentId = documentId, Reason = reason, Message = message },
    });

    public static byte[] Encode(ServerMessage message)
    {
        var frame = new ServerFrame();
        frame.Messages.Add(message);
        return frame.ToByteArray();
    }
}
