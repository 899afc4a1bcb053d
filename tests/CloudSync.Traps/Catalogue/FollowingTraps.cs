// What is committed elsewhere, the comparison of heads, and who is here.

namespace CloudSync.Traps.Catalogue;

internal static class FollowingTraps
{
    private const string Following = "src/CloudSync/Documents/OpenDocument.Following.cs";
    private const string Document = "src/CloudSync/Documents/OpenDocument.cs";
    private const string Sequencing = "src/CloudSync/Documents/OpenDocument.Sequencing.cs";
    private const string Presence = "src/CloudSync/Documents/OpenDocument.Presence.cs";
    private const string Entries = "src/CloudSync/Presence/DocumentPresence.cs";
    private const string Sessions = "src/CloudSync/Presence/DocumentPresence.Sessions.cs";
    private const string Checks = "src/CloudSync/Documents/HeadChecks.cs";
    private const string Sealed = "src/CloudSync/Fanout/SealedFanout.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("skip-gap", "a hint is applied though what was committed before it is missing",
            new Change(
                Following, "                if (batch.BaseVersion == _head)\n",
                "                if (batch.BaseVersion == _head || (TRAP && batch.BaseVersion > _head))\n")),
        new("hint-twice", "a hint that comes twice is applied twice",
            new Change(
                Following, "            if (batch.Version <= _head)\n                return;",
                "            if (batch.Version <= _head && !TRAP)\n                return;"),
            new Change(
                Following, "                    PublishHint(batch);",
                """
                                    PublishHint(batch);
                                else if (TRAP && batch.Version == _head)
                                    PublishHint(batch);
                """)),
        new("head-checks-forgotten", "heads are compared only while the fan-out is ill",
            new Change(
                Checks, "            && Interlocked.Exchange(ref _checking, 1) == 0)",
                "            && !TRAP && Interlocked.Exchange(ref _checking, 1) == 0)")),
        new("another-document", "a message of the fan-out counts for whatever document it arrives at",
            new Change(
                Sealed, "        if (whole.Length < SealBytes || !whole[SealBytes..].StartsWith(name))",
                "        if (whole.Length < SealBytes || (!whole[SealBytes..].StartsWith(name) && !TRAP))"),
            new Change(
                Following, "Committed: { } committed }] } || committed.DocumentId != Id)",
                "Committed: { } committed }] } || (committed.DocumentId != Id && !TRAP))"))
        {
            IsOpen = true,
        },
        new("all-but-one", "of those who read a document one isn't woken",
            new Change(
                Document, "        for (var i = 0; i < count; i++)\n            sessions[i].Subscriber.Wake(sessions[i]);",
                "        for (var i = 0; i < (TRAP && count > 1 ? count - 1 : count); i++)\n            sessions[i].Subscriber.Wake(sessions[i]);")),
        new("presence-without-lease", "whoever was on a gateway that is gone is shown for ever",
            new Change(
                Presence, "            _presence.RemoveRemote(entry => !_parts.Leases.IsAlive(entry.GatewayId)\n",
                "            if (!TRAP)\n                _presence.RemoveRemote(entry => !_parts.Leases.IsAlive(entry.GatewayId)\n")),
        new("left-and-shown", "who has left is shown until his gateway says so, though its word may be lost",
            new Change(
                Presence, "                || _parts.Time.GetElapsedTime(entry.ToldTimestamp) >", "                || (!TRAP ? _parts.Time.GetElapsedTime(entry.ToldTimestamp) : TimeSpan.Zero) >")),
        new("here-and-not-shown", "a gateway takes another's word for it that somebody who is here has left",
            new Change(
                Entries, "        var first = Where(before.First, entry => closed ? entry.Rank == 2 : entry.Owner is not null || entry.GatewayId != remoteGatewayId);",
                "        var first = Where(before.First, entry => !TRAP && (closed ? entry.Rank == 2 : entry.Owner is not null || entry.GatewayId != remoteGatewayId));")),
        new("other-session-forgotten", "of two sessions of one client only the one that was opened last is known",
            new Change(
                Sessions, "!other.IsOfSameSession(entry) && !(isBack",
                "!other.IsOfSameSession(entry) && !(TRAP && isBack && other.Owner is not null) && !(isBack"))
        {
            IsOpen = true,
        },
        new("departure-untold", "who leaves isn't taken out of those who are here",
            new Change(
                Document, "            LeavePresence_NeedsLock(session, end);", "            if (!TRAP)\n                LeavePresence_NeedsLock(session, end);")),
        new("caret-not-moved", "a gateway doesn't move carets over what is committed",
            new Change(
                Sequencing, "            AdvancePresence_NeedsLock(batch);", "            if (!TRAP)\n                AdvancePresence_NeedsLock(batch);")),
        new("deletion-forgotten", "a gateway that hears that a document was deleted goes on with it",
            new Change(
                Following, "        {\n            EndDeleted();\n            return;\n        }",
                """
                        {
                            if (!TRAP)
                                EndDeleted();
                            return;
                        }
                """)),
    ];
}
