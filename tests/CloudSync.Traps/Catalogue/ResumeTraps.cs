// Who has lost the connection, and is back in time; and getting in.

namespace CloudSync.Traps.Catalogue;

internal static class ResumeTraps
{
    private const string Presence = "src/CloudSync/Documents/OpenDocument.Presence.cs";
    private const string Entry = "src/CloudSync/Presence/PresenceEntryState.cs";
    private const string Sessions = "src/CloudSync/Presence/DocumentPresence.Sessions.cs";
    private const string Pace = "src/CloudSync/Gateway/Admission/Pace.cs";
    private const string Leaving = "src/CloudSync/Gateway/Connection.Leaving.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("lost-has-left", "whoever loses the connection is taken out at once",
            new Change(
                Presence, "        if (end == SessionEnd.Closed || _parts",
                "        if (end == SessionEnd.Closed || TRAP || _parts")),
        new("lost-for-ever", "whoever loses the connection is shown for ever",
            new Change(
                Presence, "            ended = _presence.EndLost(", "            ended = TRAP ? 0 : _presence.EndLost(")),
        new("left-and-lost", "whoever closes a document is shown as long as somebody who has lost the connection",
            new Change(
                Leaving, "                ? !document.ComesBack\n", "                ? !document.ComesBack && !TRAP\n")),
        new("moved-has-left", "whoever moves to another gateway as he was told is taken out at once",
            new Change(
                Leaving, "        _clientLeft = !isOurs && ", "        _clientLeft = TRAP || !isOurs && ")),
        new("one-gateway-known", "of a client on several gateways only what was said last is known",
            new Change(
                Entry, "other.Owner is null && GatewayId == other.GatewayId", "other.Owner is null && (TRAP || GatewayId == other.GatewayId)")),
        new("back-and-taken-out", "whoever is back within the window is taken out when it is over",
            new Change(
                Sessions, "            Leave(first.Value.Entry.ClientId, first.Value.Entry.Owner!, closed: false);\n        return ended;",
                "            Leave(first.Value.Entry.ClientId, first.Value.Entry.Owner!, closed: TRAP);\n        return ended;")),
        new("time-ignored", "a client that was told when to come back comes as soon as it likes",
            new Change(
                "src/CloudSync.Client/CloudSyncClient.Connection.cs", "            : Now + Backoff(_failures++, closure.RetryAfter);",
                "            : Now + Backoff(_failures++, TRAP ? default : closure.RetryAfter);")),
        new("open-time-ignored", "a client that was told when to open a document again does it as soon as it likes",
            new Change(
                "src/CloudSync.Client/CollaborativeDocument.Sync.cs", "        var wait = TimeSpan.FromMilliseconds(error.RetryAfterMs);",
                "        var wait = TRAP ? default : TimeSpan.FromMilliseconds(error.RetryAfterMs);"))
        {
            IsOpen = true,
        },
        new("nobody-gets-in", "after a first refusal nobody gets in any more",
            new Change(
                Pace, "            if (_saved >= 1)\n", "            if (_saved >= 1 && !(TRAP && _promisedUntil > 0))\n")),
    ];
}
