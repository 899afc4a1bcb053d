// The write path: what is submitted, merged, appended and acknowledged.

namespace CloudSync.Traps.Catalogue;

internal static class SequencingTraps
{
    private const string Sequencing = "src/CloudSync/Documents/OpenDocument.Sequencing.cs";
    private const string Rebasing = "src/CloudSync/Documents/OpenDocument.Rebasing.cs";
    private const string Submission = "src/CloudSync/Documents/Submission.cs";
    private const string Commit = "src/CloudSync/Documents/GroupCommit.cs";

    public static IReadOnlyList<Trap> All { get; } =
    [
        new("ack-before-append", "what is appended is shown and acknowledged before it is on the disk",
            new Change(
                Sequencing,
                """
                        AppendResult result;
                        try
                        {
                """,
                """
                        AppendResult result;
                        if (TRAP)
                        {
                            _ = _parts.Commit.AppendAsync(new DocumentAppend(Id, _head, operations));
                            Publish(new CommittedBatch(_head, logged, ServerChunks.Committed(Id, _head, logged)), next, fromHere: true);
                            return true;
                        }

                        try
                        {
                """)),
        new("failure-as-success", "an append whose outcome is unknown is taken for one that was written",
            new Change(
                Commit, "                pending.TrySetException(unknown);",
                """
                                {
                                    if (TRAP)
                                        pending.TrySetResult(new(AppendOutcome.Appended, pending.Append.ExpectedHead + pending.Append.Operations.Count));
                                    pending.TrySetException(unknown);
                                }
                """)),
        new("unknown-as-failure", "an append whose outcome is unknown is taken for one that failed, and made again on the new head",
            new Change(
                Sequencing, "                _parts.Logger.LogUnavailable(Id, exception.Message);\n                if (++failures",
                """
                                _parts.Logger.LogUnavailable(Id, exception.Message);
                                for (var i = start; TRAP && i < start + count; i++)
                                    submissions[i].BaseVersion = null;
                                if (++failures
                """)),
        new("base-not-fixed", "an edit of the server's own code that has no base gets a new one at each attempt",
            new Change(
                Submission, "    public long? BaseVersion { get; set; } = baseVersion;",
                """
                    public long? BaseVersion { get; set; } = baseVersion;

                    /// <summary>It was submitted without one.</summary>
                    public bool HasNoBase { get; } = baseVersion is null;
                """),
            new Change(
                Rebasing, "        var baseVersion = submission.BaseVersion ??= _head;",
                """
                        if (TRAP && submission.HasNoBase)
                            submission.BaseVersion = null;
                        var baseVersion = submission.BaseVersion ??= _head;
                """)),
        new("resend-dropped", "an operation that is sent again isn't found in the log",
            new Change(
                Rebasing, "        if (operation.Logged.ClientId != submission.ClientId)\n",
                "        if (operation.Logged.ClientId != submission.ClientId || TRAP)\n")),
        new("ack-wrong-version", "who sends again is told the version after the one that his operation became",
            new Change(
                Rebasing, "            ? new(-1, operation.Logged.Version, null)",
                "            ? new(-1, operation.Logged.Version + (TRAP ? 1 : 0), null)")),
        new("wrong-side", "the server lets what comes later stand first at one position",
            new Change(
                Rebasing, "over, Side.Right, _scratch);", "over, TRAP ? Side.Left : Side.Right, _scratch);")),
        new("batch-not-merged", "operations of one batch aren't transformed over those before them in it",
            new Change(
                Rebasing, "                bytes = TransformOver(batched, TransformOver(missed, bytes)).ToArray();",
                "                bytes = TransformOver(TRAP ? [] : batched, TransformOver(missed, bytes)).ToArray();")),
        new("conflict-not-read", "after a conflict the log isn't read before the next attempt",
            new Change(
                Sequencing, "                // A conflict: somebody made progress, so this ends.\n                await ReadLogAsync();",
                """
                                // A conflict: somebody made progress, so this ends.
                                if (!TRAP)
                                    await ReadLogAsync();
                """)),
        new("turn-not-told", "documents that wait for the next append are not told when its turn has come",
            new Change(
                Commit, "            if (_next.Count == 0)\n", "            if (_next.Count == 0 || TRAP)\n")),
        new("results-mixed-up", "of one append of several documents each is given the result of the first",
            new Change(
                Commit, "group[i].SetResult(results[i]);", "group[i].SetResult(results[TRAP ? 0 : i]);")),
        new("log-page-shifted", "from the log a submission is transformed over all but the first of what it missed",
            new Change(
                Rebasing, "                if (IsSameClient(submission, page[^1], out var verdict))\n                    return verdict;\n            }\n",
                """
                                if (IsSameClient(submission, page[^1], out var verdict))
                                    return verdict;
                            }

                            if (TRAP && page.Count > 1)
                                page.RemoveAt(0);
                """)),
    ];
}
