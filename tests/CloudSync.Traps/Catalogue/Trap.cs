// A bug that is planted, and the text that plants it.

namespace CloudSync.Traps.Catalogue;

/// <summary>A bug to be planted.</summary>
/// <param name="Name">Names it on the command line and in the environment.</param>
/// <param name="What">What goes wrong, in one line.</param>
/// <param name="Changes">What is changed for it.</param>
internal sealed record Trap(string Name, string What, params Change[] Changes)
{
    /// <summary>It is caught by nothing, or by luck, and is run only if it is named.</summary>
    public bool IsOpen { get; init; }
}

/// <summary>A replacement in one file.</summary>
/// <param name="File">The file, from the root of the sources.</param>
/// <param name="Old">The text, which must be there exactly once.</param>
/// <param name="New">What takes its place. In it TRAP is an expression that is true if the trap is set.</param>
internal sealed record Change(string File, string Old, string New);
