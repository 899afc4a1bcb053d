// A broken promise.

namespace CloudSync.Simulation.World;

/// <param name="Kind">Which promise.</param>
/// <param name="Message">What was found, in a sentence.</param>
/// <param name="At">When, since the world began.</param>
internal sealed record Violation(string Kind, string Message, TimeSpan At);
