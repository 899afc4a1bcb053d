// Short names for the messages a client sends, for tests.

using CloudSync.Protocol.V1;
using Google.Protobuf;

namespace CloudSync.Tests.Gateway;

internal static class Messages
{
    public static ClientMessage Hello(ulong clientId = 1, uint version = 1, string name = "Ada") => new()
    {
        Hello = new Hello
        {
            ProtocolVersion = version,
            ClientId = clientId,
            Agent = "test/1",
            User = new User { Id = "ada", Name = name, Color = "#123456" },
        },
    };

    public static ClientMessage Ping { get; } = new() { Ping = new Ping() };

    public static ClientMessage Authenticate(string token) => new() { Authenticate = new Authenticate { Token = token } };

    public static ClientMessage Open(string documentId, ulong? fromVersion = null)
    {
        var open = new Open { DocumentId = documentId };
        if (fromVersion is { } version)
            open.FromVersion = version;
        return new ClientMessage { Open = open };
    }

    public static ClientMessage Close(string documentId) => new() { Close = new Close { DocumentId = documentId } };

    public static ClientMessage Submit(
        string documentId, ulong baseVersion = 0, ulong clientSequence = 1, params byte[] operation) => new()
    {
        Submit = new Submit
        {
            DocumentId = documentId,
            BaseVersion = baseVersion,
            ClientSeq = clientSequence,
            Operation = ByteString.CopyFrom(operation),
        },
    };

    public static ClientMessage SetPresence(string documentId, User? user = null) => new()
    {
        SetPresence = new SetPresence { DocumentId = documentId, User = user },
    };

    public static ClientFrame Frame(params ClientMessage[] messages) => new() { Messages = { messages } };
}
