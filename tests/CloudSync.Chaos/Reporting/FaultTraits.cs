// How the figures of a kind of fault are to be read.

namespace CloudSync.Chaos.Reporting;

/// <param name="IsDatabase">Whether it takes away the log, or the way to it.</param>
/// <param name="Stands">Whether edits can't be expected to flow before it is healed.</param>
/// <param name="IsRolling">Whether it counts by how long an edit waits during it.</param>
internal readonly record struct FaultTraits(bool IsDatabase, bool Stands, bool IsRolling);
