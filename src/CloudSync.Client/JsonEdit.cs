// An edit of a JSON document in the making: each step on what those before it have left, told in json0.

using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Client;

/// <summary>
/// Makes one edit of a JSON document out of steps. A path is a list of names and places:
/// <c>edit.Set(["cards", 0, "done"], true)</c>. Each step throws an <see cref="OperationException"/> if it doesn't fit,
/// and then the whole edit is left undone.
/// </summary>
public sealed class JsonEdit
{
    private static readonly JsonWriterOptions _writing = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 2 * JsonLimits.MaxDepth,
    };

    private readonly ArrayBufferWriter<byte> _operation = new();
    private readonly ArrayBufferWriter<byte> _component = new();
    private readonly DocumentState _state;

    /// <param name="state">What is edited; belongs to this object from here on.</param>
    internal JsonEdit(DocumentState state) => _state = state;

    private delegate void WriteMembers(Utf8JsonWriter json);

    /// <summary>The value a path leads to, after the steps until now; null if there is none, or it is null.</summary>
    public JsonNode? Read(params ReadOnlySpan<JsonKey> path) => Read(_state, path);

    /// <summary>Sets a member, or replaces an item of a list. The empty path stands for the whole document.</summary>
    public JsonEdit Set(ReadOnlySpan<JsonKey> path, JsonNode? value)
    {
        var inList = IsInList(path);
        var old = Old(path);
        return Add(path, json =>
        {
            if (old is not null)
            {
                json.WritePropertyName(inList ? "ld" : "od");
                json.WriteRawValue(old);
            }

            Write(json, inList ? "li" : "oi", value);
        });
    }

    /// <summary>Removes a member, or an item of a list; those behind it move up.</summary>
    public JsonEdit Remove(ReadOnlySpan<JsonKey> path)
    {
        var inList = IsInList(path);
        var old = Old(path) ?? throw new OperationException(OperationError.DoesNotFit, "There is nothing to remove.");
        return Add(path, json =>
        {
            json.WritePropertyName(inList ? "ld" : "od");
            json.WriteRawValue(old);
        });
    }

    /// <summary>Inserts an item into a list, before the one that is in that place.</summary>
    public JsonEdit Insert(ReadOnlySpan<JsonKey> path, JsonNode? item) => Add(path, json => Write(json, "li", item));

    /// <summary>Moves an item within its list.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="to">Its place afterwards.</param>
    public JsonEdit Move(ReadOnlySpan<JsonKey> path, int to) => Add(path, json => json.WriteNumber("lm", to));

    /// <summary>Adds to a number. Two who add at once both count.</summary>
    public JsonEdit Add(ReadOnlySpan<JsonKey> path, double amount) => Add(path, json => json.WriteNumber("na", amount));

    /// <summary>Edits a string, so that others can edit it elsewhere at the same time.</summary>
    /// <param name="path">The string.</param>
    /// <param name="position">Where, in UTF-16 code units.</param>
    /// <param name="delete">How many code units are deleted there.</param>
    /// <param name="insert">What is inserted there.</param>
    public JsonEdit EditText(ReadOnlySpan<JsonKey> path, int position, int delete, string insert)
    {
        ArgumentNullException.ThrowIfNull(insert);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegative(delete);
        if (delete > 0)
        {
            var text = Read(path) is JsonValue value && value.TryGetValue(out string? found) ? found : "";
            if (position + (long)delete > text.Length)
                throw new OperationException(OperationError.DoesNotFit, "There isn't so much text to delete.");
            Add([.. path, position], json => json.WriteString("sd", text.AsSpan(position, delete)));
        }

        return insert.Length == 0 ? this : Add([.. path, position], json => json.WriteString("si", insert));
    }

    /// <summary>Edits a value that is rich text, as the npm package rich-text keeps it.</summary>
    public JsonEdit EditRichText(ReadOnlySpan<JsonKey> path, Delta edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var delta = JsonDocument.Parse(edit.ToJson(), new() { MaxDepth = 2 * JsonLimits.MaxDepth });
        return Add(path, json =>
        {
            json.WriteString("t", "rich-text");
            json.WritePropertyName("o");
            delta.RootElement.GetProperty("ops").WriteTo(json);
        });
    }

    /// <summary>The operation until now; null if there was no step.</summary>
    internal byte[]? ToOperation() => _operation.WrittenCount == 0 ? null : [.. "["u8, .. _operation.WrittenSpan, .. "]"u8];

    internal static JsonNode? Read(DocumentState state, ReadOnlySpan<JsonKey> path)
    {
        var json = new ArrayBufferWriter<byte>();
        return JsonContent.TryRead(state, path, json)
            ? JsonNode.Parse(json.WrittenSpan, documentOptions: new() { MaxDepth = 2 * JsonLimits.MaxDepth })
            : null;
    }

    private static void Write(Utf8JsonWriter json, string name, JsonNode? value)
    {
        json.WritePropertyName(name);
        if (value is null)
            json.WriteNullValue();
        else
            value.WriteTo(json);
    }

    private static bool IsInList(ReadOnlySpan<JsonKey> path) => path.Length > 0 && path[^1].Name is null;

    private byte[]? Old(ReadOnlySpan<JsonKey> path)
    {
        var old = new ArrayBufferWriter<byte>();
        return JsonContent.TryRead(_state, path, old) ? old.WrittenSpan.ToArray() : null;
    }

    private JsonEdit Add(ReadOnlySpan<JsonKey> path, WriteMembers members)
    {
        _component.ResetWrittenCount();
        using Utf8JsonWriter json = new(_component, _writing);
        json.WriteStartObject();
        json.WriteStartArray("p");
        foreach (var key in path)
        {
            if (key.Name is { } name)
                json.WriteStringValue(name);
            else
                json.WriteNumberValue(key.Index);
        }

        json.WriteEndArray();
        members(json);
        json.WriteEndObject();
        json.Flush();
        _state.Apply([.. "["u8, .. _component.WrittenSpan, .. "]"u8]);
        if (_operation.WrittenCount > 0)
            _operation.Write(","u8);
        _operation.Write(_component.WrittenSpan);
        return this;
    }
}
