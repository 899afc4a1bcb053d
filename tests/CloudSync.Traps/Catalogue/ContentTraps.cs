// Content on its way out of the log: snapshots, the cache, catching up, leaving memory.

namespace CloudSync.Traps.Catalogue;

internal static class ContentTraps
{
    private const string Document = "src/CloudSync/Documents/OpenDocument.cs";
    private const string Snapshots = "src/CloudSync/Documents/OpenDocument.Snapshots.cs";
    private const string Reading = "src/CloudSync/Documents/OpenDocument.Reading.cs";
    private const string Reader = "src/CloudSync/Documents/DocumentReader.cs";
    private const string Versions = "src/CloudSync/Documents/VersionReader.cs";
    private const string Cached = "src/CloudSync/Documents/CachedVersion.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("lose-on-eviction", "a document that nobody has edited for a while leaves memory though people have it open",
            new Change(
                Document, "            if (_references == 0 && _sessions.Count == 0 && _presence.LostCount == 0 && _incoming.Count == 0",
                "            if (_references == 0 && (_sessions.Count == 0 || TRAP) && _presence.LostCount == 0 && _incoming.Count == 0")),
        new("snapshot-wrong-version", "a snapshot is saved under the version after its own",
            new Change(
                Snapshots, "            await _parts.Log.SaveSnapshotAsync(Id, version, bytes, CancellationToken.None);",
                "            await _parts.Log.SaveSnapshotAsync(Id, TRAP ? version + 1 : version, bytes, CancellationToken.None);")),
        new("trust-cache", "what the cache has is taken as it is",
            new Change(
                Cached, "        if (!CryptographicOperations.FixedTimeEquals(hash, entry.Slice(Magic.Length, HashBytes)))",
                "        if (!CryptographicOperations.FixedTimeEquals(hash, entry.Slice(Magic.Length, HashBytes)) && !TRAP)")),
        new("cache-newest", "what is kept in the cache is the content a version later",
            new Change(
                Versions, "            var folded = await reader.FoldAsync(record, key.Version, CancellationToken.None, isHistory: true);",
                "            var folded = await reader.FoldAsync(\n                record, TRAP && key.Version < record.Head ? key.Version + 1 : key.Version, CancellationToken.None, isHistory: true);")),
        new("fold-from-snapshot", "the first operation after a snapshot is left out when a document is loaded",
            new Change(
                Reader, "                    folded.State.Apply(operation.Bytes.Span);",
                "                    if (!TRAP || reached != folded.SnapshotVersion + 1 || folded.SnapshotVersion == 0)\n                        folded.State.Apply(operation.Bytes.Span);")),
        new("catch-up-too-late", "who is behind is sent what he missed but for the first of it",
            new Change(
                Reading, "                Id, session.Version, CatchUpOperations,", "                Id, session.Version + (TRAP ? 1 : 0), CatchUpOperations,"),
            new Change(
                Reading, "ComposeRuns(page, session.Version, session.ClientId),",
                "ComposeRuns(page, TRAP ? page[0].Version - 1 : session.Version, session.ClientId),")),
        new("run-miscounted", "of what is sent composed one version too few is told",
            new Change(
                Reading, "        Count = count > 1 ? (ulong)count : 0,", "        Count = count > 1 ? (ulong)(TRAP ? count - 1 : count) : 0,")),
        new("own-in-run", "who catches up isn't told which of the operations are his own",
            new Change(
                Reading, "            if (operation.ClientId != clientId)\n", "            if (operation.ClientId != clientId || TRAP)\n")),
        new("subscription-leaked", "a document that leaves memory is still listened for",
            new Change(
                Document, "            SnapshotBeforeLeaving();\n            _parts.Start(UnsubscribeAsync);",
                "            SnapshotBeforeLeaving();\n            if (!TRAP)\n                _parts.Start(UnsubscribeAsync);")),
    ];
}
