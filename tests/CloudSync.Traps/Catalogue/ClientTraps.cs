// The .NET client: following, resending, undo, presence.

namespace CloudSync.Traps.Catalogue;

internal static class ClientTraps
{
    private const string Client = "src/CloudSync.Client/CloudSyncClient.cs";
    private const string Sync = "src/CloudSync.Client/CollaborativeDocument.Sync.cs";
    private const string Pending = "src/CloudSync.Client/PendingEdits.cs";
    private const string Undo = "src/CloudSync.Client/UndoStack.cs";
    private const string Presence = "src/CloudSync.Client/DocumentPresence.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("delivered-twice", "a gateway sends everything twice, and a client takes it twice",
            new Change(
                "src/CloudSync/Documents/OpenDocument.Reading.cs", "            output.Write(chunk);\n            written += chunk.Length;",
                "            output.Write(chunk);\n            if (TRAP)\n                output.Write(chunk);\n            written += chunk.Length;"),
            new Change(
                Sync, "            if (version + count <= _pending!.Version)", "            if (version + count <= _pending!.Version && !TRAP)"),
            new Change(
                Sync, "            if (version != _pending.Version)", "            if (version != _pending.Version && !TRAP)")),
        new("own-not-known", "a client doesn't know its own operation when it comes back committed",
            new Change(
                Sync, "        if (author == _client.ClientId && IsInFlight(operation.ClientSeq))",
                "        if (author == _client.ClientId && IsInFlight(operation.ClientSeq) && !TRAP)")),
        new("resent-under-new-number", "a client that sends an operation again gives it a new number",
            new Change(
                Pending, "        if (!InFlight)\n        {\n            // Something typed",
                "        if (InFlight && TRAP)\n            Sequence++;\n        if (!InFlight)\n        {\n            // Something typed")),
        new("numbers-used-again", "a document that is opened again counts its operations from one",
            new Change(
                Client, "        if (sequence > 0)\n", "        if (sequence > 0 && !TRAP)\n")),
        new("pending-not-rebased", "edits that wait aren't moved over what others committed",
            new Change(
                Pending, "            pending.Operation = moved;", "            if (!TRAP)\n                pending.Operation = moved;")),
        new("change-not-rebased", "what others committed is shown where it was made, and not where it is among the edits that wait",
            new Change(
                Pending, "            change = _type.Transform(change, pending.Operation, Side.Left);",
                "            if (!TRAP)\n                change = _type.Transform(change, pending.Operation, Side.Left);")),
        new("silence-unnoticed", "a client believes in a connection however long it is silent",
            new Change(
                Client, "            else if (connection.Welcomed && connection.HeardBy <= Now)",
                "            else if (connection.Welcomed && connection.HeardBy <= Now && !TRAP)")),
        new("undo-not-moved", "what undo takes back isn't moved over what others did meanwhile",
            new Change(
                Undo, "        if (_undo.Count + _redo.Count == 0 || change.IsNothing())\n            return;\n",
                "        if (_undo.Count + _redo.Count == 0 || change.IsNothing() || TRAP)\n            return;\n")),
        new("undo-of-others", "undo takes back what others did as well",
            new Change(
                Sync, "            var change = _pending.Receive(bytes, count);",
                """
                            var before = TRAP ? _pending.Shown.Fork() : null;
                            var change = _pending.Receive(bytes, count);
                            if (before is not null)
                                _undo!.Record(change, before.Invert(change), new PendingOperation(change) { IsSettled = true }, _client.Now, null, null);
                """),
            new Change(
                Sync, "            _undo!.Move(change);", "            if (!TRAP)\n                _undo!.Move(change);")),
        new("caret-not-transformed", "a client doesn't move the carets of others over what is committed",
            new Change(
                Presence, "            if (entry.Selection is not null)\n", "            if (entry.Selection is not null && !TRAP)\n")),
    ];
}
