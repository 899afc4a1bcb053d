// One thing that happened in a chaos run: what a client did, was told, or saw, or what was done to the cluster.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Chaos.History;

/// <summary>What kind of thing it is.</summary>
internal enum EventKind
{
    /// <summary>A client began an edit.</summary>
    Edit,

    /// <summary>An edit was acknowledged.</summary>
    Ack,

    /// <summary>An edit was handed back, or a document refused.</summary>
    Refused,

    /// <summary>A session shows a version.</summary>
    Seen,

    /// <summary>A content was read through REST.</summary>
    Read,

    /// <summary>What a session shows when everything is quiet.</summary>
    Final,

    /// <summary>What a document must hold in the end.</summary>
    Expected,

    /// <summary>A session is connected, or isn't.</summary>
    State,

    /// <summary>Somebody of the crowd has a connection again; it began to have none at <see cref="HistoryEvent.Began"/>.</summary>
    Away,

    /// <summary>A session shows these people.</summary>
    Shown,

    /// <summary>A fault is about to be injected.</summary>
    FaultBegins,

    /// <summary>A fault is in place.</summary>
    FaultInjected,

    /// <summary>A fault stands in nobody's way any more.</summary>
    FaultHealed,
}

/// <summary>An event of the history. Which members it has depends on its kind.</summary>
internal sealed record HistoryEvent
{
    [JsonPropertyName("k"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required EventKind Kind { get; init; }

    /// <summary>When it ended, in microseconds since the run began, by one clock that never goes back.</summary>
    [JsonPropertyName("t")]
    public long At { get; init; }

    /// <summary>The session: one client's use of one document.</summary>
    [JsonPropertyName("s")]
    public string Session { get; init; } = "";

    [JsonPropertyName("d")]
    public string Document { get; init; } = "";

    /// <summary>The client; with <see cref="Sequence"/> it names the operation that an edit is sent in.</summary>
    [JsonPropertyName("c")]
    public ulong Client { get; init; }

    [JsonPropertyName("n")]
    public ulong Sequence { get; init; }

    /// <summary>The number of an edit among all edits of the run; its acknowledgement has the same. Also that of a fault.</summary>
    [JsonPropertyName("e")]
    public long Number { get; init; }

    /// <summary>The piece of text that an edit inserts; there is no other like it.</summary>
    [JsonPropertyName("ins")]
    public string? Inserted { get; init; }

    /// <summary>The pieces that an edit deletes.</summary>
    [JsonPropertyName("del")]
    public IReadOnlyList<string>? Deleted { get; init; }

    /// <summary>The sessions that are shown as being in the document.</summary>
    [JsonPropertyName("p")]
    public IReadOnlyList<string>? People { get; init; }

    /// <summary>By how much an edit raises the counter of its session.</summary>
    [JsonPropertyName("add")]
    public int Added { get; init; }

    [JsonPropertyName("v")]
    public long Version { get; init; }

    /// <summary>The hash of the content; null if it wasn't taken.</summary>
    [JsonPropertyName("h")]
    public string? Hash { get; init; }

    /// <summary>When a read began, or an absence.</summary>
    [JsonPropertyName("b")]
    public long Began { get; init; }

    /// <summary>Whether a read asked for this very version, and not for the newest.</summary>
    [JsonPropertyName("past")]
    public bool IsPast { get; init; }

    /// <summary>Whether an edit is of somebody who wants to be served at any time: he doesn't go offline by himself.</summary>
    [JsonPropertyName("on")]
    public bool IsOnline { get; init; }

    /// <summary>The kind of fault, or a state, or a reason.</summary>
    [JsonPropertyName("w")]
    public string? What { get; init; }

    /// <summary>For people.</summary>
    [JsonPropertyName("x")]
    public string? Details { get; init; }
}

[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(HistoryEvent))]
internal sealed partial class HistoryJson : JsonSerializerContext;
