// How much an operation asks for. What one message holds can ask for hours: many edits of one long rich text, many texts
// that become one, step by step.

namespace CloudSync.Operations;

/// <summary>Counts what is done for one operation, and refuses to go on when it is too much.</summary>
internal struct JsonWork
{
    // Each takes about as long as looking at a pair of short components.
    private const int StepsPerPair = 8;
    private const int CharactersPerPair = 128;
    private const int PartsPerPair = 16;

    // How often the limits are halved.
    private readonly int _halvings;

    private long _pairs;
    private long _steps;
    private long _richTextBytes;

    private JsonWork(int halvings) => _halvings = halvings;

    /// <summary>
    /// What an operation may ask for by itself, so that enough is left when it is merged with those of others.
    /// </summary>
    public static JsonWork OfItself => new(halvings: 2);

    /// <summary>Pairs of components are looked at.</summary>
    public void Count(long pairs)
    {
        _pairs += pairs;
        if (_pairs > JsonLimits.MaxPairs)
            throw JsonLimits.TooMuchWork();
    }

    /// <summary>Each of some components will be looked at with each of others; what they are beside short ones.</summary>
    public void CountLong(List<JsonComponent> components, List<JsonComponent> others) =>
        Count((Excess(components) * others.Count) + (Excess(others) * components.Count));

    /// <summary>A path is followed, and what it leads through is copied.</summary>
    public void CountCopies(int steps) => Step(1 + steps);

    /// <summary>A text of so many characters, or a row of so many edits, is copied.</summary>
    public void CountMerge(int length) => Step(length / CharactersPerPair);

    /// <summary>A text in so many parts is edited.</summary>
    public void CountTextEdit(int parts) => Step(parts / PartsPerPair);

    /// <summary>Rich text is read, merged or written. However long, the first is: it has to be possible to edit it.</summary>
    public void CountRichText(long bytes)
    {
        if (_richTextBytes > JsonLimits.MaxRichTextBytes >> _halvings)
            throw JsonLimits.TooMuchRichText();
        _richTextBytes += bytes;
    }

    private void Step(long steps)
    {
        _steps += steps;
        if (_steps > JsonLimits.MaxSteps >> _halvings)
            throw JsonLimits.TooManySteps();
    }

    /// <summary>As how many more short components these count.</summary>
    public static long Excess(List<JsonComponent> components)
    {
        long excess = 0;
        foreach (var component in components)
        {
            long characters = 0;
            foreach (var key in component.Path)
                characters += key.Name?.Length ?? 0;
            excess += (component.Path.Length / StepsPerPair) + (characters / CharactersPerPair);
        }

        return excess;
    }
}
