// A component of a delta as an object, for those who look at one rather than merge it.

using System.Text.Json.Nodes;

namespace CloudSync.Operations;

/// <summary>What a component of a delta does.</summary>
public enum DeltaKind
{
    /// <summary>Keeps, and with attributes formats, what is there.</summary>
    Retain,

    /// <summary>Removes what is there.</summary>
    Delete,

    /// <summary>Adds text.</summary>
    InsertText,

    /// <summary>Adds an embed, such as an image.</summary>
    InsertEmbed,

    /// <summary>Changes an embed that is there.</summary>
    RetainEmbed,
}

/// <summary>One component of a delta.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Length">UTF-16 code units it covers; an embed counts one.</param>
/// <param name="Text">The text of <see cref="DeltaKind.InsertText"/>.</param>
/// <param name="Embed">The object of an embed component.</param>
/// <param name="Attributes">The attributes; a null value removes one; null if there are none.</param>
public readonly record struct DeltaComponent(
    DeltaKind Kind, int Length, string? Text, JsonObject? Embed, JsonObject? Attributes);
