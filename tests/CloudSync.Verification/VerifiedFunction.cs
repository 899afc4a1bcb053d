// A function of the engine that is held against a published JavaScript library.

using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Operations;

namespace CloudSync.Verification;

/// <summary>
/// One function: makes a case out of a seed, and runs our engine on it. The reference (Reference/reference.mjs) has a
/// function of the same name, which is given the case's question.
/// </summary>
/// <param name="name">For example "rich-text.compose": the type of document and the function.</param>
public abstract class VerifiedFunction(string name)
{
    /// <summary>Its name in the command, the report and the reference.</summary>
    public string Name { get; } = name;

    /// <summary>Makes a case. What the engine throws is caught by the caller: an OperationException is a refusal.</summary>
    public abstract VerifiedCase Make(SeededRandom random);

    /// <summary>
    /// Whether the engine's answer is the reference's: the same JSON value (the order of members and the way of writing
    /// don't matter), or both refuse.
    /// </summary>
    /// <param name="ours">The engine's answer.</param>
    /// <param name="result">The reference's result; of kind Undefined if it refused.</param>
    public virtual bool Agrees(Answer ours, JsonElement result)
    {
        if (ours.Json is not { } json || result.ValueKind == JsonValueKind.Undefined)
            return ours.Refusal != null && result.ValueKind == JsonValueKind.Undefined;
        if (json.Span.SequenceEqual(JsonMarshal.GetRawUtf8Value(result)))
            return true;
        using var document = JsonDocument.Parse(json, VerifyLimits.Reading);
        return JsonElement.DeepEquals(document.RootElement, result);
    }
}

/// <summary>A case: what the reference is asked, and how our engine answers.</summary>
/// <param name="Question">A JSON value, which the reference's function is given.</param>
/// <param name="Run">Runs the engine. What it throws is caught: an OperationException is a refusal.</param>
public readonly record struct VerifiedCase(ReadOnlyMemory<byte> Question, Func<Answer> Run);

/// <summary>What the engine made of a case.</summary>
public sealed class Answer
{
    private Answer()
    {
    }

    /// <summary>The result, if there is one.</summary>
    public ReadOnlyMemory<byte>? Json { get; private init; }

    /// <summary>Why the engine refused, if it did so in an orderly way.</summary>
    public string? Refusal { get; private init; }

    /// <summary>What is wrong whatever the reference says.</summary>
    public string? Fault { get; private init; }

    /// <summary>A result.</summary>
    public static Answer Of(ReadOnlyMemory<byte> json) => new() { Json = json };

    /// <summary>A result.</summary>
    public static Answer Of(string json) => Of(Encoding.UTF8.GetBytes(json));

    /// <summary>The engine is at odds with itself: its binary form says one thing, its JSON another.</summary>
    public static Answer Wrong(string fault) => new() { Fault = fault };

    /// <summary>Runs the engine on a case.</summary>
    public static Answer To(in VerifiedCase asked)
    {
        try
        {
            return asked.Run();
        }
        catch (OperationException refused)
        {
            return new() { Refusal = $"{refused.Error}: {refused.Message}" };
        }
#pragma warning disable CA1031 // Whatever else it throws is what we are looking for.
        catch (Exception exception)
        {
            return Wrong(exception.ToString());
        }
#pragma warning restore CA1031
    }

    /// <summary>For people.</summary>
    public override string ToString() =>
        Json is { } json ? Encoding.UTF8.GetString(json.Span) : Refusal is { } why ? $"refused: {why}" : $"wrong: {Fault}";
}

internal static class VerifyLimits
{
    /// <summary>Deeper than anything that an operation may hold.</summary>
    public static JsonDocumentOptions Reading { get; } = new() { MaxDepth = 1024 };
}
