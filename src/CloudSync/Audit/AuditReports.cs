// What the audit trail answers.

using CloudSync.Log;

namespace CloudSync.Audit;

/// <summary>Whether a document's past is as it was written.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="Head">Its newest version.</param>
/// <param name="SoundThrough">Up to this version everything is as it was written.</param>
/// <param name="Link">
/// The link of the newest version, to keep where nobody can reach who can write to the log; not set if there is a fault or
/// no operation.
/// </param>
/// <param name="Fault">The first thing that is wrong; null if nothing is.</param>
public sealed record AuditVerification(string DocumentId, long Head, long SoundThrough, AuditLink Link, AuditFault? Fault);

/// <summary>Something was changed, removed or inserted.</summary>
/// <param name="FirstVersion">Between this version</param>
/// <param name="LastVersion">and this one.</param>
/// <param name="Message">What doesn't fit.</param>
public sealed record AuditFault(long FirstVersion, long LastVersion, string Message);

/// <summary>Who wrote a stretch of a document.</summary>
/// <param name="DocumentId">The document.</param>
/// <param name="Version">Of which version.</param>
/// <param name="Length">The document's length at that version, in UTF-16 code units.</param>
/// <param name="Runs">From left to right, without gaps.</param>
public sealed record Authorship(string DocumentId, long Version, int Length, IReadOnlyList<AuthoredRun> Runs);

/// <summary>A stretch that was written with one operation.</summary>
/// <param name="Position">Where it begins, in UTF-16 code units.</param>
/// <param name="Length">How long it is.</param>
/// <param name="Author">The id of the user, or empty.</param>
/// <param name="ClientId">His session: the id of the client.</param>
/// <param name="CommittedAt">When it was committed.</param>
/// <param name="Version">The version that the operation led to.</param>
/// <param name="BaseVersion">The version that he saw when he wrote it.</param>
public sealed record AuthoredRun(
    int Position, int Length, string Author, ulong ClientId, DateTimeOffset CommittedAt, long Version, long BaseVersion);
