// A JSON document, as the application sees it.

using System.Text;
using System.Text.Json.Nodes;
using CloudSync.Operations;

namespace CloudSync.Client;

public sealed partial class CollaborativeDocument
{
    /// <summary>
    /// JSON: what is shown, or the value in it that a path leads to, as a copy: <c>document.ReadJson("cards", 0)</c>. Costs
    /// the size of that value.
    /// </summary>
    /// <returns>Null if there is none, or it is null.</returns>
    /// <exception cref="InvalidOperationException">It is no JSON document.</exception>
    public JsonNode? ReadJson(params ReadOnlySpan<JsonKey> path)
    {
        using var _ = _client.Enter();
        ThrowUnlessJson();
        return JsonEdit.Read(Pending.Shown, path);
    }

    /// <summary>JSON: makes an edit and applies it, while nobody else can change the document.</summary>
    /// <exception cref="OperationException">A step doesn't fit; nothing has changed.</exception>
    /// <exception cref="RefusedException">The document, or the connection, was refused.</exception>
    /// <exception cref="InvalidOperationException">It is no JSON document.</exception>
    public void EditJson(Action<JsonEdit> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        using var _ = _client.Enter();
        ThrowUnlessEditable();
        ThrowUnlessJson();
        JsonEdit made = new(Pending.Shown.Fork());
        edit(made);
        if (made.ToOperation() is { } operation)
            Apply(operation);
    }

    /// <summary>JSON: applies an operation in json0's own JSON, made on what the document shows now.</summary>
    /// <exception cref="OperationException">It doesn't fit the document, or is none; nothing has changed.</exception>
    /// <exception cref="RefusedException">The document, or the connection, was refused.</exception>
    /// <exception cref="InvalidOperationException">It is no JSON document.</exception>
    public void SubmitJson(string operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        using var _ = _client.Enter();
        ThrowUnlessEditable();
        ThrowUnlessJson();
        Apply(Encoding.UTF8.GetBytes(operation));
    }

    private void ThrowUnlessJson()
    {
        if (Pending.Committed.Type != DocumentType.Json)
            throw new InvalidOperationException("This is no JSON document: use Content, Submit and Edit.");
    }

    private void ThrowUnlessText()
    {
        if (Pending.Committed.Type == DocumentType.Json)
            throw new InvalidOperationException("This is a JSON document: use ReadJson, EditJson and SubmitJson.");
    }
}
