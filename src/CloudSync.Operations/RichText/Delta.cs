// A rich-text operation as people handle it: built with Insert, Retain and Delete, read and written as Quill's JSON.
// (Skeleton: replaced by the engine.)

using System.Text.Json.Nodes;

namespace CloudSync.Operations;

/// <summary>
/// A rich-text operation, or, if it holds nothing but inserts, a rich-text document. Immutable; it wraps the binary form.
/// </summary>
public sealed class Delta : IEquatable<Delta>
{
    /// <summary>The operation that does nothing, and the empty document.</summary>
    public static Delta Empty { get; } = null!;

    /// <summary>The binary form.</summary>
    public ReadOnlyMemory<byte> Bytes => throw new NotImplementedException();

    /// <summary>The components in order.</summary>
    public IReadOnlyList<DeltaComponent> Components => throw new NotImplementedException();

    /// <summary>Starts building.</summary>
    public static DeltaBuilder Build() => throw new NotImplementedException();

    /// <summary>Wraps bytes after checking them.</summary>
    public static Delta FromBytes(ReadOnlyMemory<byte> bytes) => throw new NotImplementedException();

    /// <summary>Reads Quill's JSON: an object with "ops", or the bare array.</summary>
    public static Delta ParseJson(string json) => throw new NotImplementedException();

    /// <summary>Writes {"ops":[…]}.</summary>
    public string ToJson() => throw new NotImplementedException();

    /// <summary>The text of a document, embeds left out.</summary>
    public string ToPlainText() => throw new NotImplementedException();

    /// <summary>This, then <paramref name="next"/>.</summary>
    public Delta Compose(Delta next) => throw new NotImplementedException();

    /// <summary>This, rewritten to be applied after <paramref name="over"/>.</summary>
    public Delta Transform(Delta over, Side side) => throw new NotImplementedException();

    /// <summary>The operation that takes this back from a document it was applied to.</summary>
    public Delta Invert(Delta document) => throw new NotImplementedException();

    /// <summary>Moves a position past this.</summary>
    public int TransformPosition(int position, Side side) => throw new NotImplementedException();

    /// <inheritdoc/>
    public bool Equals(Delta? other) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Delta);

    /// <inheritdoc/>
    public override int GetHashCode() => throw new NotImplementedException();
}

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

/// <summary>Builds a <see cref="Delta"/>, merging neighbours as quill-delta's push does.</summary>
public sealed class DeltaBuilder
{
    /// <summary>Keeps <paramref name="length"/> code units, formatting them if attributes are given.</summary>
    public DeltaBuilder Retain(int length, JsonObject? attributes = null) => throw new NotImplementedException();

    /// <summary>Adds text.</summary>
    public DeltaBuilder Insert(string text, JsonObject? attributes = null) => throw new NotImplementedException();

    /// <summary>Adds an embed.</summary>
    public DeltaBuilder InsertEmbed(JsonObject embed, JsonObject? attributes = null) => throw new NotImplementedException();

    /// <summary>Changes an embed.</summary>
    public DeltaBuilder RetainEmbed(JsonObject change, JsonObject? attributes = null) => throw new NotImplementedException();

    /// <summary>Removes <paramref name="length"/> code units.</summary>
    public DeltaBuilder Delete(int length) => throw new NotImplementedException();

    /// <summary>The delta, without trailing plain retains.</summary>
    public Delta ToDelta() => throw new NotImplementedException();
}
