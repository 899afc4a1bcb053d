// What a client keeps on its device, and when.

namespace CloudSync.Traps.Catalogue;

internal static class OutboxTraps
{
    private const string Kept = "src/CloudSync.Client/KeptDocument.cs";
    private const string State = "src/CloudSync.Client/KeptState.cs";
    private const string Sync = "src/CloudSync.Client/CollaborativeDocument.Sync.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("pending-lost", "edits that wait are lost when a document is opened from the outbox",
            new Change(
                State, "            edits.Restore(Pending, InFlight);", "            edits.Restore(TRAP ? [] : Pending, InFlight);")),
        new("sent-before-kept", "an edit is sent before it is in the outbox",
            new Change(
                Sync, "        else if (next is not null && _kept?.Holds(next) != false)",
                "        else if (next is not null && (_kept?.Holds(next) != false || TRAP))")),
        new("flight-forgotten", "the outbox doesn't know that the first of the edits was sent",
            new Change(
                Kept, "            InFlight = Edits.InFlight,", "            InFlight = Edits.InFlight && !TRAP,")),
        new("told-kept-too-soon", "edits that come while the outbox is written are taken for written",
            new Change(
                Kept, "            _keptChanges = Math.Max(_keptChanges, saved.Changes);",
                "            _keptChanges = TRAP ? _changes : Math.Max(_keptChanges, saved.Changes);")),
        new("committed-not-kept", "what is committed on top of the content in the outbox isn't added to it",
            new Change(
                Kept, "        _since.Add((operation, count));", "        if (!TRAP)\n            _since.Add((operation, count));")),
        new("content-overwritten", "a new content is written over the one that the outbox still refers to",
            new Change(
                Kept, "        var place = !_referred.Contains(ContentPlace.First) ? ContentPlace.First",
                "        var place = TRAP || !_referred.Contains(ContentPlace.First) ? ContentPlace.First")),
        new("last-not-kept", "what was edited last isn't written when the client is closed",
            new Change(
                Kept, "        if (!IsIdle)\n            _ = SaveLastAsync();", "        if (!IsIdle && !TRAP)\n            _ = SaveLastAsync();")),
        new("given-up-not-kept", "a document that was deleted stays in the outbox",
            new Change(
                Kept, "        Sequence = Edits.Sequence;\n        Edits = null;\n        Changed();",
                "        if (TRAP)\n            return;\n        Sequence = Edits.Sequence;\n        Edits = null;\n        Changed();")),
    ];
}
