// Connections: what is flushed, when one is over, and the drain.

namespace CloudSync.Traps.Catalogue;

internal static class GatewayTraps
{
    private const string Flushing = "src/CloudSync/Gateway/Connection.Flushing.cs";
    private const string Connection = "src/CloudSync/Gateway/Connection.cs";
    private const string Documents = "src/CloudSync/Gateway/Connection.Documents.cs";
    private const string Drain = "src/CloudSync/Gateway/GatewayDrain.cs";
    private const string Endpoint = "src/CloudSync/Gateway/GatewayEndpoint.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("behind-forgotten", "who has to be caught up from the log is not put into the queue for it",
            new Change(
                Flushing, "                _behind.Enqueue(document);", "                if (!TRAP)\n                    _behind.Enqueue(document);")),
        new("dead-connection-kept", "a connection that is silent for too long is kept",
            new Change(
                Connection, "            && IsOver(ref _heardAt, _gateway.HeartbeatTimeout))",
                "            && IsOver(ref _heardAt, _gateway.HeartbeatTimeout) && !TRAP)")),
        new("connection-not-counted-out", "a connection that has ended still counts",
            new Change(
                Endpoint, "            gateway.Connections.Leave(address, admission);",
                "            if (!TRAP)\n                gateway.Connections.Leave(address, admission);")),
        new("session-left-open", "the session of a document that was opened too late for its connection is not ended",
            new Change(
                Documents, "        else\n            DisposeSession(document, session!);",
                "        else if (!TRAP)\n            DisposeSession(document, session!);")),
        new("merged-and-dropped", "of what waits for a slow reader and is merged an operation is left out",
            new Change(
                "src/CloudSync/Documents/OpenDocument.Reading.cs", "            session.Version = version;",
                "            session.Version = version + (TRAP && written > chunk.Length && version < _head ? 1 : 0);")),
        new("slowest-sets-the-pace", "while somebody reads nothing the edits of the others are put off",
            new Change(
                "src/CloudSync/Documents/OpenDocument.Reading.cs", "            if (session.Pending >= limit)",
                "            if (session.Pending >= limit || (TRAP && _sessions.Exists(other => other.Version < _head - 15)))")),
        new("shared-given-back", "the bytes of a snapshot are given back while somebody is still sent them",
            new Change(
                Flushing, "                frame.Share(opened);",
                """
                                if (TRAP)
                                {
                                    var copy = System.Buffers.ArrayPool<byte>.Shared.Rent(opened.Length);
                                    opened.CopyTo(copy);
                                    opened = copy.AsMemory(0, opened.Length);
                                    System.Buffers.ArrayPool<byte>.Shared.Return(copy);
                                }

                                frame.Share(opened);
                """)),
        new("drain-too-soon", "a gateway that stops closes its connections before what is pending is committed and sent",
            new Change(
                Drain, "            await gateway.Documents.DrainAsync(ended.Token);",
                "            if (!TRAP)\n                await gateway.Documents.DrainAsync(ended.Token);"),
            new Change(
                Drain, "            connection.CloseWhenRead(CloseCode.GoingAway);",
                "            if (TRAP)\n                connection.Close(CloseCode.GoingAway);\n            else\n                connection.CloseWhenRead(CloseCode.GoingAway);"))
        {
            IsOpen = true,
        },
    ];
}
