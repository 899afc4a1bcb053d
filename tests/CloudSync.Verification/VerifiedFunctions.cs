// All functions that are verified.

using CloudSync.Verification.Json;
using CloudSync.Verification.RichText;

namespace CloudSync.Verification;

/// <summary>The functions of the engine, each with its reference.</summary>
public static class VerifiedFunctions
{
    /// <summary>All of them, in the order of the report.</summary>
    public static IReadOnlyList<VerifiedFunction> All { get; } = [.. RichTextFunctions.All, .. JsonFunctions.All];
}
