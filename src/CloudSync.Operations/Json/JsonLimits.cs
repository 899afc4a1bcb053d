// The bounds of JSON documents and their operations, and the refusals that name them.

namespace CloudSync.Operations;

/// <summary>The bounds of JSON documents and their operations.</summary>
public static class JsonLimits
{
    /// <summary>
    /// How deep lists and objects may stand in each other, the outermost counting as one; and so how long a path may be.
    /// </summary>
    public const int MaxDepth = 128;

    /// <summary>How many components an operation may have.</summary>
    public const int MaxComponents = 10_000;

    /// <summary>
    /// How many pairs of components one transform may look at; what takes longer than a pair of short ones counts as
    /// several.
    /// </summary>
    public const int MaxPairs = 10_000_000;

    /// <summary>How many pairs a server looks at for one operation, all transforms together; a client waits for longer.</summary>
    public const int MaxPairsOfSubmission = 1_000_000;

    // For what else may be done again and again for one operation: texts copied and edited, rows copied. A tenth of a
    // second to a few.
    internal const int MaxSteps = 1_000_000;

    /// <summary>
    /// How many bytes of rich text within JSON may be read and merged for one operation before its last edit of rich text.
    /// </summary>
    public const int MaxRichTextBytes = 2 << 20;

    internal static OperationException TooDeep() => new(
        OperationError.TooDeep, $"JSON is nested deeper than {MaxDepth}: lists and objects may stand {MaxDepth} deep.");

    internal static OperationException PathTooLong() => new(
        OperationError.TooDeep,
        $"A path is longer than {MaxDepth}, which is as deep as a document may be: at most {MaxDepth} steps are allowed.");

    internal static OperationException TooManyComponents() => new(
        OperationError.TooManyComponents, $"The operation has too many components: at most {MaxComponents} are allowed.");

    internal static OperationException TooMuchWork() => new(
        OperationError.TooMuchWork,
        $"The operation is too much work: at most {MaxPairs} pairs of components are allowed, and a long one counts as several.");

    internal static OperationException TooManySteps() => new(
        OperationError.TooMuchWork,
        "The operation is too much work: it edits or merges long texts, step by step, too often.");

    internal static OperationException TooMuchRichText() => new(
        OperationError.TooMuchWork,
        $"The operation edits too much rich text too often: at most {MaxRichTextBytes} bytes may be gone through before its last edit.");

    internal static OperationException Malformed(string why) =>
        new(OperationError.Malformed, $"The JSON operation is malformed: {why}.");

    internal static OperationException DoesNotFit(string why) =>
        new(OperationError.DoesNotFit, $"The JSON operation doesn't fit the document: {why}.");

    internal static OperationException WouldNotBeJson(string why) =>
        new(OperationError.DoesNotFit, $"The JSON operation would leave something that isn't JSON: {why}.");
}
